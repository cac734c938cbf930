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
}

export interface ClientRequest {
  readonly client: Client;
  readonly endpoint: string;
  /** Absent if the client disconnected before the answer. */
  readonly code?: number;
  /** By the boot clock. */
  readonly cameAt: number;
  readonly seconds: number;
}

export class Clients {
  readonly #clients = new Map<string, Remembered>();
  /** To make a key takes longer than all else here, and the object is the same for all requests of a connection. */
  readonly #keys = new WeakMap<Client, string>();

  take({ client, endpoint, code, cameAt, seconds }: ClientRequest): void {
    const one = this.#find(client);
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
    const known = this.#clients.get(this.#keyOf(client));
    return known ?? this.#add(client);
  }

  #keyOf(client: Client): string {
    let key = this.#keys.get(client);
    if (key === undefined) {
      key = `${client.address} ${client.userAgent}`;
      this.#keys.set(client, key);
    }
    return key;
  }

  #add(client: Client): Remembered {
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
    };
    this.#clients.set(this.#keyOf(client), added);
    return added;
  }

  #forgetOldest(): void {
    let oldest = "";
    let oldestAt = Number.POSITIVE_INFINITY;
    for (const [key, { lastAt }] of this.#clients) {
      if (lastAt >= oldestAt) continue;
      oldest = key;
      oldestAt = lastAt;
    }
    this.#clients.delete(oldest);
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const [below = 0, at = 0] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 0 ? (below + at) / 2 : at;
}
