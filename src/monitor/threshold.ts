// What a check's state becomes with a result. Pure.

import type { Check, CheckResult, CheckState } from "../checks/check.ts";

export const UNKNOWN: CheckState = { status: "unknown", streak: 0, since: 0 };

/** How many results in a row it takes; at least 1. */
export type Thresholds = Pick<Check, "rise" | "fall">;

/**
 * `fall` failures in a row turn up into down, `rise` passes down into up. The
 * first result counts at once, and so does one that finds the last too old to tell.
 * Rounds overlap, so a result may come late: one that was started before the last one known changes nothing.
 */
export function nextState(
  state: CheckState,
  result: CheckResult,
  { rise, fall }: Thresholds,
  stale: boolean,
): CheckState {
  const { last } = state;
  if (last && result.start < last.start) return state;
  const { ok } = result.outcome;
  const streak = last && !stale && last.outcome.ok === ok ? state.streak + 1 : 1;
  const counts = state.status === "unknown" || stale || streak >= (ok ? rise : fall);
  const status = counts ? (ok ? "up" : "down") : state.status;
  const since = status === state.status ? state.since : result.start + result.durationMs;
  return { status, streak, since, last: result };
}

/** The state of a check that replaces another: any result of its own is newer than those before. */
export function takenOver(state: CheckState): CheckState {
  const { last } = state;
  return last ? { ...state, last: { ...last, start: Number.NEGATIVE_INFINITY } } : state;
}
