// The one-line summary of the host, wherever one is shown: "2 of 3 up", and the checks that make it unhealthy.

import { concernsHost, type Severity } from "../checks/check.ts";
import { listOf } from "../text/list.ts";

/** A stale check is not up. */
export interface Standing {
  readonly severity: Severity;
  readonly isUp: boolean;
}

/** A check that makes the host unhealthy. */
export interface FailingCheck {
  readonly name: string;
  /** Undefined if it is not known. */
  readonly reason?: string | undefined;
}

/** "2 of 3 up". A check that only endpoints depend on does not count. */
export function countUp(checks: readonly Standing[]): string {
  const counted = checks.filter(concernsHost);
  return `${counted.filter(({ isUp }) => isUp).length} of ${counted.length} up`;
}

/** For `check` and `status`: "healthy, 3 of 3 up", or "unhealthy, 1 of 3 up: cache (refused), search (stale)". */
export function summarize(checks: readonly Standing[], isHealthy: boolean, failing: readonly FailingCheck[]): string {
  const count = countUp(checks);
  return isHealthy ? `healthy, ${count}` : `unhealthy, ${count}: ${listAll(failing)}`;
}

/** "cache (refused), search (stale)" */
export const listAll = (failing: readonly FailingCheck[]): string => failing.map(describeFailing).join(", ");

/** "cache (refused)" */
export const describeFailing = ({ name, reason }: FailingCheck): string =>
  reason === undefined ? name : `${name} (${reason})`;

/** For HAProxy: "cache refused, search stale and 2 more". */
export const listFirst = (failing: readonly FailingCheck[], most: number): string =>
  listOf(
    failing.map(({ name, reason }) => (reason === undefined ? name : `${name} ${reason}`)),
    most,
  );
