// Runs of checks, each with its timeout. A run never rejects, and ends at its timeout whatever
// the probe does.

import { failed, fault, type Outcome } from "../outcome.ts";
import type { Abortable } from "../system/abort.ts";
import { clock } from "../system/clock.ts";
import { afterPendingIo } from "../system/event-loop.ts";
import { formatDuration } from "../text/duration.ts";
import type { Check, CheckResult } from "./check.ts";

/** A run ends without its probe when that has not returned so long after the abort: the answer may be 50 ms late at most. */
const ABORT_GRACE_MS = 40;

/**
 * One start, one timeout and one signal for all checks that share them. Neither timer nor signal is made
 * before a check needs one: on a busy host they cost as much as the checks' own code.
 */
export interface Limit extends Required<Abortable> {
  /** Milliseconds since the epoch, by the boot clock, and by performance.now(). */
  readonly startedAt: number;
  readonly start: number;
  readonly awakeStart: number;
  /** Why the signal has aborted: the timeout, or the round that ended first. */
  readonly cause: "timeout" | "deadline" | undefined;
  /** `finish` is called shortly after the abort, unless the limit was released. */
  onOverdue(finish: () => void): void;
  /** Aborts what still runs, with the reason "deadline". */
  end(): void;
  /** Nothing runs any more. */
  release(): void;
}

/**
 * The timeout starts when the signal is asked for, or a check goes on after its first look. After a pause of the event loop, what has
 * arrived meanwhile is read before the timeout counts.
 */
export const createLimit = (timeoutMs: number): Limit => new LazyLimit(timeoutMs);

class LazyLimit implements Limit {
  readonly startedAt = Date.now();
  readonly start = clock.now();
  readonly awakeStart = performance.now();
  cause: "timeout" | "deadline" | undefined;
  readonly #timeoutMs: number;
  #controller: AbortController | undefined;
  #overdue: (() => void)[] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReleased = false;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get isAborted(): boolean {
    return this.cause !== undefined;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.isAborted) this.#controller.abort();
      else this.#startTimeout();
    }
    return this.#controller.signal;
  }

  onOverdue(finish: () => void): void {
    const isFirst = !this.#overdue;
    this.#overdue ??= [];
    this.#overdue.push(finish);
    if (!this.isAborted) this.#startTimeout();
    else if (isFirst) this.#awaitGrace();
  }

  #startTimeout(): void {
    this.#timer ??= setTimeout(() => afterPendingIo(() => this.#endFor("timeout")), this.#timeoutMs);
  }

  end(): void {
    this.#endFor("deadline");
  }

  release(): void {
    this.#isReleased = true;
    clearTimeout(this.#timer);
  }

  #endFor(why: "timeout" | "deadline"): void {
    if (this.cause || this.#isReleased) return;
    this.cause = why;
    clearTimeout(this.#timer);
    if (this.#overdue) this.#awaitGrace();
    this.#controller?.abort();
  }

  #awaitGrace(): void {
    this.#timer = setTimeout(() => {
      for (const finish of this.#overdue ?? []) finish();
    }, ABORT_GRACE_MS);
  }
}

/** Runs the check once; `limit` is its timeout. Not a promise where its probe knows the outcome at once. */
export function runWithin(check: Check, limit: Limit): CheckResult | Promise<CheckResult> {
  let outcome: Outcome | Promise<Outcome>;
  try {
    outcome = check.probe(limit);
  } catch (error) {
    outcome = fault(error);
  }
  return outcome instanceof Promise ? waitFor(check, limit, outcome) : resultOf(check, limit, outcome);
}

function waitFor(check: Check, limit: Limit, outcome: Promise<Outcome>): Promise<CheckResult> {
  const { promise, resolve } = Promise.withResolvers<CheckResult>();
  const finish = (known: Outcome) => resolve(resultOf(check, limit, known));
  limit.onOverdue(() => finish(failed("timeout", "the probe did not stop")));
  outcome.then(finish, (error) => finish(fault(error)));
  return promise;
}

const resultOf = (check: Check, limit: Limit, outcome: Outcome): CheckResult => ({
  check,
  startedAt: limit.startedAt,
  start: limit.start,
  durationMs: performance.now() - limit.awakeStart,
  outcome: limit.cause ? withCause(outcome, limit.cause, check) : outcome,
});

/** The same with a limit of its own, which ends when `round` aborts. */
export async function runCheck(check: Check, round: AbortSignal): Promise<CheckResult> {
  const limit = createLimit(check.timeoutMs);
  const end = () => limit.end();
  if (round.aborted) end();
  else round.addEventListener("abort", end);
  const result = await runWithin(check, limit);
  round.removeEventListener("abort", end);
  limit.release();
  return result;
}

/** An aborted probe says what it waited for; only here is it known why it was aborted. */
function withCause(outcome: Outcome, cause: "timeout" | "deadline", check: Check): Outcome {
  if (outcome.ok || outcome.reason !== "timeout") return outcome;
  const limit = cause === "timeout" ? `timeout ${formatDuration(check.timeoutMs)}` : "the deadline came first";
  return { ...outcome, reason: cause, message: `${outcome.message} (${limit})` };
}
