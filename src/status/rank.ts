// What each check means for the host. Wherever checks are listed, they are in this order.

import type { HostStatus } from "./schema.ts";
import { isUp, mayFail, type ShownCheck } from "./summary.ts";

/**
 * It makes the host unhealthy; it is not up, which is only reported; it is not up, which concerns endpoints only; it is
 * up with a warning, or its last run failed; it is up.
 */
const RANKS = ["failing", "reported", "endpoint", "warns", "up"] as const;
export type Rank = (typeof RANKS)[number];

export interface Ranked<Check> {
  readonly check: Check;
  readonly rank: Rank;
}

/** Within a rank the order stays. */
export function rankChecks<Check extends ShownCheck>(
  checks: readonly Check[],
  failing: HostStatus["failing"],
): readonly Ranked<Check>[] {
  const names = new Set(failing);
  const ranked = checks.map((check) => ({ check, rank: rankOf(check, names.has(check.name) && mayFail(check)) }));
  return RANKS.flatMap((wanted) => ranked.filter(({ rank }) => rank === wanted));
}

export function rankOf(check: ShownCheck, isFailing: boolean): Rank {
  if (isFailing) return "failing";
  if (!isUp(check)) return check.severity === "endpoint" ? "endpoint" : "reported";
  return check.warning === undefined && check.reason === undefined ? "up" : "warns";
}
