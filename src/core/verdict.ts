// The host is healthy when every check that decides has passed. No check, no health.

import type { Check, Verdict } from "../checks/check.ts";

/** Pure; the order of the checks decides nothing but the order of `failing`. */
export function judge(checks: readonly Check[], passed: (index: number) => boolean, at: number): Verdict {
  const failing: string[] = [];
  checks.forEach(({ name, severity }, index) => {
    if (severity === "critical" && !passed(index)) failing.push(name);
  });
  return { healthy: checks.length > 0 && failing.length === 0, failing, at };
}

/** What two verdicts on different checks come to. */
export const both = (one: Verdict, other: Verdict): Verdict => ({
  healthy: one.healthy && other.healthy,
  failing: [...one.failing, ...other.failing],
  at: Math.max(one.at, other.at),
});
