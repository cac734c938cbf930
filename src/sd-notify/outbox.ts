// The variables that systemd has not received yet. A newer value replaces an older one of the same name. What cannot be
// sent is sent again a second later.

import type { Log } from "../log/log.ts";
import type { Clock } from "../system/clock.ts";
import type { NotifySocket } from "./notify-socket.ts";

export type Variable = "READY" | "STATUS" | "WATCHDOG" | "RELOADING" | "MONOTONIC_USEC" | "STOPPING";

export type Variables = Readonly<Partial<Record<Variable, string>>>;

const RETRY_MS = 1000;

export class Outbox {
  readonly #socket: NotifySocket;
  readonly #log: Pick<Log, "warning" | "debug">;
  readonly #clock: Clock;
  readonly #unsent = new Map<string, string>();
  #hasWarned = false;
  #cancelRetry: (() => void) | undefined;

  constructor(socket: NotifySocket, log: Pick<Log, "warning" | "debug">, clock: Clock) {
    this.#socket = socket;
    this.#log = log;
    this.#clock = clock;
  }

  /** Sends them in one message with all that is unsent. */
  send(variables: Variables): void {
    for (const [name, value] of Object.entries(variables)) this.#unsent.set(name, value);
    this.#flush();
  }

  /** These are not sent any more. */
  drop(...names: readonly Variable[]): void {
    for (const name of names) this.#unsent.delete(name);
  }

  close(): void {
    this.#cancelRetry?.();
    this.#socket.close();
  }

  #flush(): void {
    const failure = this.#socket.send([...this.#unsent].map(([name, value]) => `${name}=${value}`).join("\n"));
    if (failure === undefined) {
      this.#unsent.clear();
      return;
    }
    this.#log[this.#hasWarned ? "debug" : "warning"]("systemd notification failed; retrying", { cause: failure });
    this.#hasWarned = true;
    this.#cancelRetry ??= this.#clock.after(RETRY_MS, () => {
      this.#cancelRetry = undefined;
      if (this.#unsent.size > 0) this.#flush();
    });
  }
}
