// One request that an observer hears of: who sent it, how it was answered and how long that took, or that its client
// disconnected before the answer.

import { withoutV4Mapping } from "../net/address.ts";
import { remembered } from "../status/cut.ts";
import type { Client, RequestObserver } from "../status/recorder.ts";
import type { Clock } from "../system/clock.ts";

/** Without an address the client is one of a unix socket. */
export const clientOf = (address: string | undefined, userAgent = ""): Client => ({
  address: withoutV4Mapping(address ?? "") || "unix",
  userAgent: remembered(userAgent),
});

export interface ObservationOptions {
  readonly observer: RequestObserver;
  readonly clock: Clock;
  /** The observer has thrown, which changes nothing for the client. */
  readonly onError: (error: unknown) => void;
}

export class Observation {
  readonly #options: ObservationOptions;
  readonly #client: Client;
  readonly #cameAt: number;
  #disconnectedAt: number | undefined;

  constructor(options: ObservationOptions, client: Client) {
    this.#options = options;
    this.#client = client;
    this.#cameAt = options.clock.now();
  }

  /** `afterMs` is how long the client has waited, if that is not until now. */
  onDisconnect(afterMs?: number): void {
    this.#disconnectedAt ??= afterMs === undefined ? this.#options.clock.now() : this.#cameAt + afterMs;
  }

  /** The answer was made, and sent unless the client had disconnected. Without an endpoint it is that of the host. */
  end({ status: code, endpoint = "/" }: { readonly status: number; readonly endpoint?: string | undefined }): void {
    const { observer, clock, onError } = this.#options;
    const client = this.#client;
    const cameAt = this.#cameAt;
    const seconds = ((this.#disconnectedAt ?? clock.now()) - cameAt) / 1000;
    try {
      if (this.#disconnectedAt === undefined) observer.onAnswered({ client, endpoint, code, cameAt, seconds });
      else observer.onDisconnected({ client, endpoint, cameAt, seconds });
    } catch (error) {
      onError(error);
    }
  }
}
