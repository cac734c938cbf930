// The host is healthy when every check that was run passed. No check, no health.

import type { CheckResult, Verdict } from "../checks/check.ts";

/** Pure; the order of the results decides nothing but the order of `failing`. */
export function judge(results: readonly CheckResult[], at: number): Verdict {
  const failing = results.filter(({ outcome }) => !outcome.ok).map(({ check }) => check.name);
  return { healthy: results.length > 0 && failing.length === 0, failing, at };
}
