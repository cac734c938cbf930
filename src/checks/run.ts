// Runs of checks, each with its timeout. A run never rejects, and ends at its timeout whatever
// the probe does.

import { failed, fault, type Outcome } from "../outcome.ts";
import { clock } from "../system/clock.ts";
import { afterPendingIo } from "../system/event-loop.ts";
import { formatDuration } from "../text/duration.ts";
import type { Check, CheckResult } from "./check.ts";

/** A run ends without its probe when that has not returned so long after the abort: the answer may be 50 ms late at most. */
const ABORT_GRACE_MS = 40;

/**
 * One start, one timeout and one signal for all checks that share them: on a
 * busy host timers and signals cost as much as the checks' own code.
 */
export interface Limit {
  /** Aborts at the timeout, or when the round ends first. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch, by the boot clock, and by performance.now(). */
  readonly startedAt: number;
  readonly start: number;
  readonly awakeStart: number;
  /** Why the signal has aborted. */
  readonly cause: () => "timeout" | "deadline" | undefined;
  /** Has `finish` called shortly after the abort, unless the limit was released. */
  readonly onOverdue: (finish: () => void) => void;
  /** Aborts what still runs, with the reason "deadline". */
  end(): void;
  /** Nothing runs any more. */
  release(): void;
}

/** Starts the timeout. After a pause of the event loop, what has arrived meanwhile is read before the timeout counts. */
export function createLimit(timeoutMs: number): Limit {
  const controller = new AbortController();
  const overdue: (() => void)[] = [];
  let cause: "timeout" | "deadline" | undefined;
  let released = false;
  let guard: ReturnType<typeof setTimeout> | undefined;
  const endFor = (why: "timeout" | "deadline") => {
    if (cause || released) return;
    cause = why;
    guard = setTimeout(() => {
      for (const finish of overdue) finish();
    }, ABORT_GRACE_MS);
    controller.abort();
  };
  const timer = setTimeout(() => afterPendingIo(() => endFor("timeout")), timeoutMs);
  return {
    signal: controller.signal,
    startedAt: Date.now(),
    start: clock.now(),
    awakeStart: performance.now(),
    cause: () => cause,
    onOverdue: (finish) => overdue.push(finish),
    end: () => endFor("deadline"),
    release() {
      released = true;
      clearTimeout(timer);
      clearTimeout(guard);
    },
  };
}

/** Runs the check once; `limit` is its timeout. */
export function runWithin(check: Check, limit: Limit): Promise<CheckResult> {
  return new Promise((resolve) => {
    const finish = (outcome: Outcome) => {
      const cause = limit.cause();
      resolve({
        check,
        startedAt: limit.startedAt,
        start: limit.start,
        durationMs: performance.now() - limit.awakeStart,
        outcome: cause ? withCause(outcome, cause, check) : outcome,
      });
    };
    const finishFault = (error: unknown) => finish(fault(error));
    limit.onOverdue(() => finish(failed("timeout", "the probe did not stop")));
    try {
      check.probe(limit.signal).then(finish, finishFault);
    } catch (error) {
      finishFault(error);
    }
  });
}

/** The same with a limit of its own, which ends when `round` aborts. */
export async function runCheck(check: Check, round: AbortSignal): Promise<CheckResult> {
  const limit = createLimit(check.timeoutMs);
  if (round.aborted) limit.end();
  else round.addEventListener("abort", limit.end);
  const result = await runWithin(check, limit);
  round.removeEventListener("abort", limit.end);
  limit.release();
  return result;
}

/** An aborted probe says what it waited for; only here is it known why it was aborted. */
function withCause(outcome: Outcome, cause: "timeout" | "deadline", check: Check): Outcome {
  if (outcome.ok || outcome.reason !== "timeout") return outcome;
  const limit = cause === "timeout" ? `timeout ${formatDuration(check.timeoutMs)}` : "the round ended first";
  return { ...outcome, reason: cause, message: `${outcome.message} (${limit})` };
}
