// Runs the rounds of `check`: one, or with --wait one after the other until the host is healthy or the time is over.

import { Batch } from "../../checks/batch.ts";
import type { Check, CheckResult } from "../../checks/check.ts";
import { decidesHost, judge } from "../../monitor/verdict.ts";
import { type Clock, clock as hostClock } from "../../system/clock.ts";
import { pause } from "../../system/event-loop.ts";

/** Between two rounds. */
const PAUSE_MS = 1000;

export type Results = readonly CheckResult[];

export interface RoundsOptions {
  /** A round ends at the latest after this time. */
  readonly deadlineMs: number | undefined;
  /** How long to repeat while the host is unhealthy; undefined for one round. */
  readonly waitMs: number | undefined;
  /** Ends the running round, the last one. */
  readonly signal: AbortSignal;
  /** After each unhealthy round that may not be the last. */
  readonly onUnhealthy: (results: Results) => void;
  /** For tests. */
  readonly clock?: Clock;
}

export const isHealthy = (results: Results): boolean =>
  judge(results, decidesHost, ({ outcome }) => outcome)?.healthy === true;

/** Resolves with the results of the last round, or with undefined if the signal ended it. */
export async function runRounds(
  checks: readonly Check[],
  { deadlineMs = Number.POSITIVE_INFINITY, waitMs = 0, signal, onUnhealthy, clock = hostClock }: RoundsOptions,
): Promise<Results | undefined> {
  const end = clock.now() + waitMs;
  const leftMs = () => end - clock.now();
  let before: Results = [];
  while (!signal.aborted) {
    const limitMs = waitMs === 0 ? deadlineMs : Math.min(deadlineMs, leftMs());
    const ran = await runRound(checks, limitMs, signal, clock);
    const results = leftMs() > 0 ? ran : ran.map((result, index) => mostTelling(result, before[index]));
    if (isHealthy(results) || leftMs() <= 0) return signal.aborted ? undefined : results;
    onUnhealthy(results);
    await pause(Math.min(PAUSE_MS, leftMs()), signal, clock);
    if (leftMs() <= 0 && !signal.aborted) return results;
    before = results;
  }
  return undefined;
}

async function runRound(
  checks: readonly Check[],
  limitMs: number,
  signal: AbortSignal,
  clock: Clock,
): Promise<Results> {
  const results: CheckResult[] = Array(checks.length);
  const round = new Batch(checks);
  round.start((result, index) => {
    results[index] = result;
  });
  const cancel = clock.after(limitMs, round.end);
  signal.addEventListener("abort", round.end);
  await round.ended;
  cancel();
  signal.removeEventListener("abort", round.end);
  return results;
}

/** A check that the end of the wait has cut off: its reason in the round before says more. */
function mostTelling(result: CheckResult, before: CheckResult | undefined): CheckResult {
  const wasCut = !result.outcome.ok && result.outcome.reason === "deadline";
  return wasCut && before && !before.outcome.ok ? before : result;
}
