// What a check's state becomes with a result. Pure.

import type { CheckResult, CheckState } from "../checks/check.ts";

export const UNKNOWN: CheckState = { status: "unknown", streak: 0, since: 0 };

/** Rounds overlap, so a result may come late: one that was started before the last one known changes nothing. */
export function nextState(state: CheckState, result: CheckResult): CheckState {
  if (state.last && result.start < state.last.start) return state;
  const status = result.outcome.ok ? "up" : "down";
  const since = status === state.status ? state.since : result.start + result.durationMs;
  return { status, streak: 1, since, last: result };
}
