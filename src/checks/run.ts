// Checks under a deadline. A run never rejects, and ends at its timeout whatever
// the probe does.

import { failed, fault, type Outcome } from "../outcome.ts";
import { clock } from "../system/clock.ts";
import { afterPendingIo } from "../system/event-loop.ts";
import { formatDuration } from "../text/duration.ts";
import type { Check, CheckResult } from "./check.ts";

/** An aborted probe that has not settled by then is left to itself: the answer may be 50 ms late at most. */
const SETTLE_GRACE_MS = 40;

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
  /** Called for a run that has not settled shortly after the abort. */
  readonly onOverdue: (settle: () => void) => void;
  /** Ends what still runs, with the reason "deadline". */
  end(): void;
  /** Nothing runs any more. */
  release(): void;
}

/** Starts the clock. A loop that stood still looks at what has arrived before it calls a timeout. */
export function createLimit(timeoutMs: number): Limit {
  const cut = new AbortController();
  const overdue: (() => void)[] = [];
  let cause: "timeout" | "deadline" | undefined;
  let released = false;
  let guard: ReturnType<typeof setTimeout> | undefined;
  const endFor = (why: "timeout" | "deadline") => {
    if (cause || released) return;
    cause = why;
    guard = setTimeout(() => {
      for (const settle of overdue) settle();
    }, SETTLE_GRACE_MS);
    cut.abort();
  };
  const timer = setTimeout(() => afterPendingIo(() => endFor("timeout")), timeoutMs);
  return {
    signal: cut.signal,
    startedAt: Date.now(),
    start: clock.now(),
    awakeStart: performance.now(),
    cause: () => cause,
    onOverdue: (settle) => overdue.push(settle),
    end: () => endFor("deadline"),
    release() {
      released = true;
      clearTimeout(timer);
      clearTimeout(guard);
    },
  };
}

/** Runs the check once; `limit` has its timeout. */
export function runWithin(check: Check, limit: Limit): Promise<CheckResult> {
  return new Promise((resolve) => {
    const settle = (outcome: Outcome) => {
      const cause = limit.cause();
      resolve({
        check,
        startedAt: limit.startedAt,
        start: limit.start,
        durationMs: performance.now() - limit.awakeStart,
        outcome: cause ? cutShort(outcome, cause, check) : outcome,
      });
    };
    const settleFault = (error: unknown) => settle(fault(error));
    limit.onOverdue(() => settle(failed("timeout", "the probe did not stop")));
    try {
      check.probe(limit.signal).then(settle, settleFault);
    } catch (error) {
      settleFault(error);
    }
  });
}

/** The same for a check alone, ended when `round` aborts. */
export async function runCheck(check: Check, round: AbortSignal): Promise<CheckResult> {
  const limit = createLimit(check.timeoutMs);
  if (round.aborted) limit.end();
  else round.addEventListener("abort", limit.end);
  const result = await runWithin(check, limit);
  round.removeEventListener("abort", limit.end);
  limit.release();
  return result;
}

/** A probe that was cut says what it waited for; only here is it known why it was cut. */
function cutShort(outcome: Outcome, cause: "timeout" | "deadline", check: Check): Outcome {
  if (outcome.ok || outcome.reason !== "timeout") return outcome;
  const limit = cause === "timeout" ? `timeout ${formatDuration(check.timeoutMs)}` : "the round ended first";
  return { ...outcome, reason: cause, message: `${outcome.message} (${limit})` };
}
