// A check and what is known of it: its state, how fresh that is, and what runs for it.

import type { Check, CheckResult, CheckState } from "../checks/check.ts";
import { type Failure, failed, type Outcome } from "../outcome.ts";
import type { Run } from "./runs.ts";
import { nextState, takenOver, UNKNOWN } from "./threshold.ts";

export interface CheckReport {
  readonly check: Check;
  readonly state: CheckState;
  /** Its last result is too old to tell. */
  readonly stale: boolean;
  /** How long the oldest run has taken so far that has not ended; absent if there is none. */
  readonly runningMs?: number;
}

/** A hold ends so much before a run, if it takes as long as the last one, would end too late. */
const HOLD_MARGIN_MS = 100;

const PASSED: Outcome = { ok: true };
const NOT_IN_TIME = failed("deadline", "no result before the deadline");
const TOO_OLD = failed("stale", "the last result is stale");

export class CheckRecord {
  readonly check: Check;
  /** How many runs of it are under way for requests; shared with the checks that it has replaced. */
  readonly places: { taken: number };
  /** False for one of settings before: it runs for the requests that still wait for it, and nothing is reported of it. */
  isWatched = true;
  state: CheckState;
  /** The newest result that failed. */
  #failure: Failure | undefined;
  /** In the background: until when its last result says something, by the clock. */
  #freshUntil: number;
  /** In the background: an answer had to do without a fresh result, and none has come since. */
  isReportedStale: boolean;
  /** On request: the deadline at which an answer had to do without its result; none has come since. */
  missedMs: number | undefined;
  /** The run under way that others may join: in the background, for `status`, and of a check that decides nothing. */
  run: Run | undefined;
  /** Every run of it that has not ended. */
  readonly runs = new Set<Run>();
  /** When the last run that others may join began. */
  ranAt = Number.NEGATIVE_INFINITY;
  /** While there are any, it is not run on its interval. */
  readonly holds = new Set<object>();

  /** One that replaces another has its status, its streak and its places. */
  constructor(check: Check, replaced?: CheckRecord) {
    this.check = check;
    this.places = replaced?.places ?? { taken: 0 };
    this.state = takenOver(replaced?.state ?? UNKNOWN);
    this.#failure = replaced ? replaced.#failure : undefined;
    this.#freshUntil = replaced ? replaced.#freshUntil : Number.NEGATIVE_INFINITY;
    this.isReportedStale = replaced?.isReportedStale ?? false;
  }

  get runsOnRequest(): boolean {
    return this.check.intervalMs === undefined;
  }

  /** Of a check on request, any result is fresh: each request gets one of its own. */
  isFresh(now: number): boolean {
    return this.runsOnRequest ? this.state.status !== "unknown" : now <= this.#freshUntil;
  }

  /** How it is; undefined where it takes a run to tell. */
  known(now: number): Outcome | undefined {
    if (!this.isFresh(now)) return undefined;
    return this.state.status === "up" ? PASSED : this.#failure;
  }

  /**
   * As what it counts by what is known now, for requests that are answered within `deadlineMs`. Undefined while its first
   * result is missing, and no request had to be answered without it.
   */
  standing(now: number, deadlineMs: number): Outcome | undefined {
    const known = this.known(now);
    if (known && !known.ok) return known;
    if (this.runsOnRequest) return this.#isLate(now, deadlineMs) ? NOT_IN_TIME : known;
    return known ?? (this.state.status === "unknown" && !this.isReportedStale ? undefined : this.missing);
  }

  /** On request: its newest run took longer than that, or has so far, or a request was answered without its result. */
  #isLate(now: number, deadlineMs: number): boolean {
    const { start = Number.NEGATIVE_INFINITY, durationMs = 0 } = this.state.last ?? {};
    const missed = this.missedMs !== undefined && this.missedMs >= deadlineMs;
    return missed || durationMs > deadlineMs || now - this.#runningSince(start) > deadlineMs;
  }

  /** When its oldest run began that has not ended and began after `after`; infinite if there is none. */
  #runningSince(after = Number.NEGATIVE_INFINITY): number {
    let since = Number.POSITIVE_INFINITY;
    for (const { startedAt } of this.runs) if (startedAt > after && startedAt < since) since = startedAt;
    return since;
  }

  /** As what it counts where there is no time to wait for a run. */
  get missing(): Failure {
    return this.runsOnRequest || this.state.status === "unknown" ? NOT_IN_TIME : TOO_OLD;
  }

  /** Not known or not fresh, and that was not reported. */
  isUnreported(now: number): boolean {
    return !this.isFresh(now) && !this.isReportedStale;
  }

  /** How old its last result in the background is, where there is one. */
  ageMs(now: number): number | undefined {
    return this.state.last && now - (this.#freshUntil - this.check.staleAfterMs);
  }

  /** In the background: an interval has passed since its last run began. */
  isDue(now: number): boolean {
    const { intervalMs = Number.POSITIVE_INFINITY } = this.check;
    return now >= this.ranAt + intervalMs;
  }

  /** When a run has to start that takes as long as the last one, so that the result does not get stale. */
  get latestStart(): number {
    const takesMs = (this.state.last?.durationMs ?? 0) + HOLD_MARGIN_MS;
    return this.#freshUntil - Math.min(takesMs, this.check.timeoutMs);
  }

  /** What began before the host was suspended, say, will not tell how it is now. */
  isRunTooOld(now: number): boolean {
    return now > this.ranAt + this.check.staleAfterMs;
  }

  /** Whether the status changed. In the background the age of the result counts from `endedAt`. On request each counts at once. */
  take(result: CheckResult, endedAt: number, now: number): boolean {
    const { check, runsOnRequest, state } = this;
    const { outcome } = result;
    // By when the run began: that it took long breaks no row of failures.
    const wasStale = !runsOnRequest && !this.isFresh(this.ranAt);
    if (!runsOnRequest) this.#freshUntil = endedAt + check.staleAfterMs;
    this.state = nextState(state, result, runsOnRequest ? { rise: 1, fall: 1 } : check, wasStale);
    if (!outcome.ok && this.state.last === result) this.#failure = outcome;
    if (this.isFresh(now)) this.isReportedStale = false;
    return this.state.status !== state.status;
  }

  report(now: number): CheckReport {
    const { check, state } = this;
    return {
      check,
      state,
      stale: state.status !== "unknown" && !this.isFresh(now),
      ...(this.runs.size > 0 && { runningMs: now - this.#runningSince() }),
    };
  }
}
