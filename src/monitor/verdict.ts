// The host is healthy when every check that decides has passed. No check, no health.

import type { Check, Verdict } from "../checks/check.ts";

/** Whether the check decides about what is asked for. */
export type Decides = (check: Check) => boolean;

/** The host is decided by its critical checks, an endpoint by every check that it names. */
export const decidesHost: Decides = ({ severity }) => severity === "critical";
export const decidesEndpoint: Decides = () => true;

/** Pure; the order of the checks decides nothing but the order of `failing`. */
export function judge(checks: readonly Check[], decides: Decides, passed: (check: Check) => boolean): Verdict {
  const failing = checks.filter((check) => decides(check) && !passed(check)).map(({ name }) => name);
  return { healthy: checks.length > 0 && failing.length === 0, failing, at: Date.now() };
}

export const unhealthy = (failing: readonly string[]): Verdict => ({ healthy: false, failing, at: Date.now() });

/** What two verdicts on different checks come to. */
export const both = (one: Verdict, other: Verdict): Verdict => ({
  healthy: one.healthy && other.healthy,
  failing: [...one.failing, ...other.failing],
  at: Math.max(one.at, other.at),
});
