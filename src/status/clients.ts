// The clients of the health listener that are remembered, each an address with a User-Agent. A load balancer has several
// addresses, and each of them asks at its own interval.

import { escapeUnprintable } from "../text/printable.ts";
import { CLIENTS_REMEMBERED } from "./bounds.ts";
import { increment } from "./counts.ts";
import type { ClientStatus } from "./schema.ts";
import { iso, seconds } from "./units.ts";

/** A client of the health listener, as it shows itself. */
export interface Client {
  /** "unix" for a client of a unix socket. */
  readonly address: string;
  /** Empty if it sends none. */
  readonly userAgent: string;
}

/** The interval is the median of so many, so that a request that was missed or repeated does not change it. */
const GAPS_REMEMBERED = 5;

/** The configuration bounds how many endpoints there are; after many reloads, times of endpoints are forgotten. */
const ENDPOINTS_REMEMBERED = 16;

interface Remembered {
  readonly client: Client;
  requests: number;
  /** When the last request came, by the boot clock. */
  lastAt: number;
  lastCode: number | undefined;
  lastSeconds: number;
  readonly codes: Map<number, number>;
  disconnected: number;
  /** The last ones, in any order, from one request to the next for the same endpoint. */
  readonly gapsMs: number[];
  gaps: number;
  /** When the last request for each endpoint came. */
  readonly cameAt: Map<string, number>;
  isForgotten: boolean;
}

export class Clients {
  /** By address and User-Agent: a client may have several connections. */
  readonly #clients = new Map<string, Remembered>();
  /** To make that key takes longer than all else here, and a connection has the same object for all its requests. */
  readonly #known = new WeakMap<Client, Remembered>();

  /** `code` is undefined if the client disconnected before the answer. `cameAt` is by the boot clock. */
  take(client: Client, endpoint: string, code: number | undefined, cameAt: number, seconds: number): void {
    const known = this.#known.get(client);
    const one = known && !known.isForgotten ? known : this.#find(client);
    one.requests++;
    one.lastAt = cameAt;
    one.lastCode = code;
    one.lastSeconds = seconds;
    if (code === undefined) one.disconnected++;
    else increment(one.codes, code);
    const before = one.cameAt.get(endpoint);
    if (before !== undefined) one.gapsMs[one.gaps++ % GAPS_REMEMBERED] = cameAt - before;
    else if (one.cameAt.size >= ENDPOINTS_REMEMBERED) one.cameAt.clear();
    one.cameAt.set(endpoint, cameAt);
  }

  /** Those that asked last first. `now` is by the boot clock. */
  list(now: number): readonly ClientStatus[] {
    const epoch = Date.now() - now;
    return [...this.#clients.values()]
      .sort((one, other) => other.lastAt - one.lastAt)
      .map(({ client, requests, lastAt, lastCode, lastSeconds, codes, disconnected, gapsMs }) => ({
        address: client.address,
        userAgent: escapeUnprintable(client.userAgent),
        requests,
        lastAt: iso(epoch + lastAt),
        ...(lastCode !== undefined && { lastCode }),
        lastSeconds: seconds(lastSeconds * 1000),
        codes: Object.fromEntries(codes),
        disconnected,
        ...(gapsMs.length > 1 && { intervalSeconds: seconds(median(gapsMs)) }),
      }));
  }

  #find(client: Client): Remembered {
    const key = `${client.address} ${client.userAgent}`;
    const one = this.#clients.get(key) ?? this.#add(client, key);
    this.#known.set(client, one);
    return one;
  }

  #add(client: Client, key: string): Remembered {
    if (this.#clients.size >= CLIENTS_REMEMBERED) this.#forgetOldest();
    const added: Remembered = {
      client,
      requests: 0,
      lastAt: 0,
      lastCode: undefined,
      lastSeconds: 0,
      codes: new Map(),
      disconnected: 0,
      gapsMs: [],
      gaps: 0,
      cameAt: new Map(),
      isForgotten: false,
    };
    this.#clients.set(key, added);
    return added;
  }

  #forgetOldest(): void {
    let oldest: readonly [key: string, Remembered] | undefined;
    for (const one of this.#clients) if (!oldest || one[1].lastAt < oldest[1].lastAt) oldest = one;
    if (!oldest) return;
    this.#clients.delete(oldest[0]);
    oldest[1].isForgotten = true;
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const [below = 0, at = 0] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 0 ? (below + at) / 2 : at;
}
