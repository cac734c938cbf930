// What a check means for the host. The rows of the page are in this order.

import type { CheckStatus, HostStatus } from "../../../status/schema.ts";
import { isUp } from "../../../status/summary.ts";

/**
 * It makes the host unhealthy; it is not up, which is only reported; it is not up, which concerns endpoints only; it is
 * up with a warning, or its last run failed; it is up.
 */
export const STANDINGS = ["failing", "reported", "endpoint", "warns", "up"] as const;
export type Standing = (typeof STANDINGS)[number];

export interface Ranked {
  readonly check: CheckStatus;
  readonly standing: Standing;
}

/** Checks that make the host unhealthy come first; otherwise the order stays. */
export function rank({ checks, failing }: HostStatus): readonly Ranked[] {
  const names = new Set(failing);
  const ranked = checks.map((check) => ({ check, standing: standingOf(check, names) }));
  return STANDINGS.flatMap((wanted) => ranked.filter(({ standing }) => standing === wanted));
}

function standingOf(check: CheckStatus, failing: ReadonlySet<string>): Standing {
  if (failing.has(check.name)) return "failing";
  if (!isUp(check)) return check.severity === "endpoint" ? "endpoint" : "reported";
  return check.warning === undefined && check.reason === undefined ? "up" : "warns";
}

/** Why it is not up, or not without a warning, in a word. */
export function reasonOf({ status, stale, reason, countsAs }: CheckStatus): string {
  if (stale) return "stale";
  if (status === "unknown") return countsAs ?? "no result yet";
  return status === "down" ? (reason ?? "down") : (countsAs ?? reason ?? "warning");
}
