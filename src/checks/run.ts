// One check under one deadline. It never rejects, and ends at its timeout
// whatever the probe does.

import { formatDuration } from "../duration.ts";
import { afterArrivals } from "../probing/turns.ts";
import { type Check, type CheckResult, failed, type Outcome } from "./check.ts";

/** An aborted probe that has not settled by then is left to itself: the answer may be 50 ms late at most. */
const SETTLE_GRACE_MS = 40;

/**
 * Runs the check once. When `round` aborts, the result is a failure with the
 * reason "deadline". A loop that stood still looks at what has arrived before it
 * calls a timeout.
 */
export function runCheck(check: Check, round: AbortSignal): Promise<CheckResult> {
  const startedAt = Date.now();
  const start = performance.now();
  const cut = new AbortController();
  let cause: "timeout" | "deadline" | undefined;
  let guard: ReturnType<typeof setTimeout> | undefined;

  return new Promise((resolve) => {
    const settle = (outcome: Outcome) => {
      clearTimeout(timer);
      clearTimeout(guard);
      round.removeEventListener("abort", endWithRound);
      resolve({
        check,
        startedAt,
        durationMs: performance.now() - start,
        outcome: cause ? cutShort(outcome, cause, check) : outcome,
      });
    };
    const end = (why: typeof cause) => {
      if (cause) return;
      cause = why;
      guard = setTimeout(() => settle(failed("timeout", "the probe did not stop")), SETTLE_GRACE_MS);
      cut.abort();
    };
    const endWithRound = () => end("deadline");
    const timer = setTimeout(() => afterArrivals(() => end("timeout")), check.timeoutMs);
    round.addEventListener("abort", endWithRound);
    if (round.aborted) endWithRound();
    void attempt(check, cut.signal).then(settle);
  });
}

async function attempt(check: Check, signal: AbortSignal): Promise<Outcome> {
  try {
    return await check.probe(signal);
  } catch (error) {
    return failed("internal", error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

/** A probe that was cut says what it waited for; only here is it known why it was cut. */
function cutShort(outcome: Outcome, cause: "timeout" | "deadline", check: Check): Outcome {
  if (outcome.ok || outcome.reason !== "timeout") return outcome;
  const limit = cause === "timeout" ? `timeout ${formatDuration(check.timeoutMs)}` : "the round ended first";
  return { ...outcome, reason: cause, message: `${outcome.message} (${limit})` };
}
