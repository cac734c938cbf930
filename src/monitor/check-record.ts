// A check and what is known of it: its state, how fresh that is, and what runs for it.

import type { Check, CheckResult, CheckState } from "../checks/check.ts";
import type { Outcome, Reason } from "../outcome.ts";
import type { Run } from "./runs.ts";
import { nextState, type Thresholds, takenOver, UNKNOWN } from "./threshold.ts";
import type { Finding } from "./verdict.ts";

/** How many runs of a check are under way for requests; shared with the checks that it has replaced. */
export interface Places {
  taken: number;
}

export interface CheckReport {
  readonly check: Check;
  readonly state: CheckState;
  /** Its last result is too old to tell. */
  readonly stale: boolean;
}

/** A hold ends so much before a run, if it takes as long as the last one, would end too late. */
const HOLD_MARGIN_MS = 100;

/** On request every result counts at once. */
const ON_REQUEST: Thresholds = { rise: 1, fall: 1 };

export class CheckRecord {
  readonly check: Check;
  readonly places: Places;
  /** False for one of settings before: it runs for the requests that still wait for it, and nothing is reported of it. */
  isWatched = true;
  state: CheckState;
  /** Of the newest result that failed. */
  #failedFor: Reason = "internal";
  /** In the background: until when its last result says something, by the clock. */
  freshUntil: number;
  /** An answer had to do without a fresh result, and none has come since. */
  isReportedStale: boolean;
  /** On request: the newest result by arrival. */
  newest?: { readonly at: number; readonly outcome: Outcome };
  /** On request: the deadline at which an answer had to do without its result; none has come since. */
  missedMs: number | undefined;
  /** The run under way that others may join: in the background, and of a check that decides nothing. */
  run: Run | undefined;
  /** When the last run that others may join began. */
  ranAt = Number.NEGATIVE_INFINITY;
  /** While there are any, a run that is due is put off. */
  readonly holds = new Set<object>();
  isPutOff = false;

  /** One that replaces another has its status, its streak and its places. */
  constructor(check: Check, replaced?: CheckRecord) {
    this.check = check;
    this.places = replaced?.places ?? { taken: 0 };
    this.state = takenOver(replaced?.state ?? UNKNOWN);
    this.#failedFor = replaced ? replaced.#failedFor : "internal";
    this.freshUntil = replaced?.freshUntil ?? Number.NEGATIVE_INFINITY;
    this.isReportedStale = replaced?.isReportedStale ?? false;
  }

  get runsOnRequest(): boolean {
    return this.check.intervalMs === undefined;
  }

  /** Of a check on request, any result is fresh: each request gets one of its own. */
  isFresh(now: number): boolean {
    return this.runsOnRequest ? this.state.status !== "unknown" : now <= this.freshUntil;
  }

  /** Undefined where it takes a run to tell. */
  finding(now: number): Finding {
    if (!this.isFresh(now)) return undefined;
    return this.state.status === "up" ? "passed" : this.#failedFor;
  }

  /** As what it counts where there is no time to wait for a run. */
  get missingAs(): Reason {
    return this.state.status === "unknown" ? "deadline" : "stale";
  }

  /** How old its last result in the background is, where there is one. */
  ageMs(now: number): number | undefined {
    return this.state.last && now - (this.freshUntil - this.check.staleAfterMs);
  }

  /** When a run has to start that takes as long as the last one, so that the result does not get stale. */
  get latestStart(): number {
    const takesMs = (this.state.last?.durationMs ?? 0) + HOLD_MARGIN_MS;
    return this.freshUntil - Math.min(takesMs, this.check.timeoutMs);
  }

  /** What began before the host was suspended, say, will not tell how it is now. */
  isRunTooOld(now: number): boolean {
    return now > this.ranAt + this.check.staleAfterMs;
  }

  /** Whether the status changed. */
  takeOnRequest(result: CheckResult, now: number): boolean {
    this.newest = { at: now, outcome: result.outcome };
    this.isReportedStale = false;
    return this.#take(result, ON_REQUEST, false);
  }

  /** Whether the status changed. The age of the result counts from `endedAt`. */
  takeInBackground(result: CheckResult, endedAt: number, now: number): boolean {
    // By when the run began: that it took long breaks no row of failures.
    const wasStale = !this.isFresh(this.ranAt);
    this.freshUntil = endedAt + this.check.staleAfterMs;
    if (this.isFresh(now)) this.isReportedStale = false;
    return this.#take(result, this.check, wasStale);
  }

  #take(result: CheckResult, thresholds: Thresholds, wasStale: boolean): boolean {
    const { outcome } = result;
    const { status } = this.state;
    this.state = nextState(this.state, result, thresholds, wasStale);
    if (!outcome.ok && this.state.last === result) this.#failedFor = outcome.reason;
    return this.state.status !== status;
  }

  report(now: number): CheckReport {
    const { check, state } = this;
    return { check, state, stale: state.status !== "unknown" && !this.isFresh(now) };
  }
}
