// The state of the host, and since when it has been in it. A change is noticed when it happens, except where only time
// passes: then when the status is read.

import type { Verdict } from "../checks/check.ts";
import type { DrainState } from "../drain/state.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import type { HostState } from "./recorder.ts";
import { drainStatus, withReason } from "./status.ts";

/** What decides the state. */
export interface HostSubject {
  /** By what is known; undefined while no check fails and the first result of one is missing. */
  readonly verdict: () => Verdict | undefined;
  readonly drainState: () => DrainState | undefined;
}

/** What was read at one moment. */
export interface ReadState {
  readonly verdict: Verdict | undefined;
  readonly drainState: DrainState | undefined;
  readonly state: HostState["state"];
  /** How long the state has lasted. */
  readonly forMs: number;
}

export class HostStateTracker {
  readonly #subject: HostSubject;
  readonly #clock: Clock;
  readonly #listeners: ((state: HostState) => void)[] = [];
  #state: HostState["state"] | undefined;
  #since = 0;

  constructor(subject: HostSubject, clock: Clock = hostClock) {
    this.#subject = subject;
    this.#clock = clock;
  }

  /** Called whenever the state, or what decides it, may have changed. */
  listen(listener: (state: HostState) => void): void {
    this.#listeners.push(listener);
  }

  /** Call it whenever the subject may have changed. */
  readonly review = (): ReadState => {
    const verdict = this.#subject.verdict();
    const drainState = this.#subject.drainState();
    const now = this.#clock.now();
    const next = hostState(verdict, drainState);
    if (next.state !== this.#state) {
      // A drain may have been restored after a restart.
      this.#since = now - (this.#state === undefined ? drainedForMs(drainState) : 0);
      this.#state = next.state;
    }
    for (const listener of this.#listeners) listener(next);
    return { verdict, drainState, state: next.state, forMs: now - this.#since };
  };
}

export function hostState(verdict: Verdict | undefined, drainState: DrainState | undefined): HostState {
  const { drain, maintenance } = drainStatus(drainState);
  if (drainState?.stopping) return { state: "stopping" };
  if (maintenance) return { state: "maintenance", ...withReason(maintenance) };
  if (drain) return { state: "drained", ...withReason(drain) };
  if (!verdict) return { state: "unknown" };
  return verdict.healthy ? { state: "healthy" } : { state: "unhealthy", failing: verdict.failing };
}

const drainedForMs = ({ drain, maintenance }: Partial<DrainState> = {}): number => {
  const since = (maintenance ?? drain)?.since;
  return since === undefined ? 0 : Math.max(0, Date.now() - since);
};
