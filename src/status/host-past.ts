// The changes of the state of the host that are remembered.

import { FAILING_REMEMBERED, HOST_CHANGES_REMEMBERED } from "./bounds.ts";
import { keepNewest } from "./check-past.ts";
import type { HostChange, HostStatus } from "./schema.ts";
import { iso, seconds } from "./units.ts";

/** The state of the host, and what decides it. */
export type HostState = Pick<HostChange, "failing" | "reason"> & { readonly state: HostStatus["state"] };

export class PastOfHost {
  /** Oldest first. */
  readonly #changes: HostChange[] = [];
  #state: HostStatus["state"] = "unknown";
  #since: number;

  /** `now` is by the boot clock, here and below. */
  constructor(now: number) {
    this.#since = now;
  }

  /** In the same state as before, the newest change gets the newest causes. */
  take({ state, failing, reason }: HostState, now: number): void {
    const causes = {
      ...(failing && { failing: failing.slice(0, FAILING_REMEMBERED) }),
      ...(reason !== undefined && { reason }),
    };
    const last = this.#changes.at(-1);
    if (state !== this.#state) {
      const forSeconds = seconds(now - this.#since);
      const change = { at: iso(Date.now()), from: this.#state, to: state, forSeconds, ...causes };
      keepNewest(this.#changes, HOST_CHANGES_REMEMBERED, change);
      this.#state = state;
      this.#since = now;
    } else if (last) {
      const { at, from, to, forSeconds } = last;
      this.#changes[this.#changes.length - 1] = { at, from, to, forSeconds, ...causes };
    }
  }

  /** Newest first. */
  changes(): readonly HostChange[] {
    return this.#changes.toReversed();
  }
}
