// What an observer hears of a request: who sent it, how it was answered and how long that took, or that its client
// disconnected before the answer. A request that is answered at once allocates nothing for it.

import { withoutV4Mapping } from "../net/address.ts";
import { remembered } from "../status/cut.ts";
import type { Client, RequestObserver } from "../status/recorder.ts";
import type { Clock } from "../system/clock.ts";

/** What is noted in a request that is observed. Times are by the boot clock. */
export interface Observed {
  client: Client | undefined;
  cameAt: number;
  disconnectedAt: number | undefined;
  header(name: string): string | undefined;
}

interface Answered {
  readonly status: number;
  readonly endpoint?: string | undefined;
}

interface Connection {
  readonly remoteAddress: { readonly address: string } | undefined;
}

export interface ObservationOptions {
  readonly observer: RequestObserver;
  readonly clock: Clock;
  /** The observer has thrown, which changes nothing for the client. */
  readonly onError: (error: unknown) => void;
}

export class Observation {
  readonly #options: ObservationOptions;
  /** By the first request of the connection: to read the headers of each request takes half as long as to answer it. */
  readonly #clients = new WeakMap<Connection, Client>();

  constructor(options: ObservationOptions) {
    this.#options = options;
  }

  /** A request came on this connection. */
  begin(request: Observed, connection: Connection): void {
    request.cameAt = this.#options.clock.now();
    request.client = this.#clients.get(connection) ?? this.#add(connection, request);
  }

  /** `afterMs` is how long the client has waited, if that is not until now. */
  onDisconnect(request: Observed, afterMs?: number): void {
    request.disconnectedAt ??= afterMs === undefined ? this.#options.clock.now() : request.cameAt + afterMs;
  }

  /** The answer was made, and sent unless the client had disconnected. Without an endpoint it is that of the host. */
  end(request: Observed, { status, endpoint = "/" }: Answered): void {
    const { observer, clock, onError } = this.#options;
    const { client, cameAt, disconnectedAt } = request;
    if (!client) return;
    const seconds = ((disconnectedAt ?? clock.now()) - cameAt) / 1000;
    try {
      if (disconnectedAt === undefined) observer.onAnswered(client, endpoint, status, cameAt, seconds);
      else observer.onDisconnected(client, endpoint, cameAt, seconds);
    } catch (error) {
      onError(error);
    }
  }

  /** Without an address the client is one of a unix socket. */
  #add(connection: Connection, request: Observed): Client {
    const client = {
      address: withoutV4Mapping(connection.remoteAddress?.address ?? "") || "unix",
      userAgent: remembered(request.header("user-agent") ?? ""),
    };
    this.#clients.set(connection, client);
    return client;
  }
}
