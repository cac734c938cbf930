// The words for the state of the host and of a check, wherever they are shown: "2 of 3 up", the checks that make the host
// unhealthy, and for each check its state with what is special about it.

import { concernsHost, type Severity } from "../checks/check.ts";
import { listOf } from "../text/list.ts";
import { shortName } from "../text/width.ts";
import type { CheckRun, CheckStatus, HostStatus } from "./schema.ts";

/** A stale check is not up. */
export interface Standing {
  readonly severity: Severity;
  readonly isUp: boolean;
}

/** A check that is not up. */
export interface FailingCheck {
  readonly name: string;
  /** Undefined if it is not known. */
  readonly reason?: string | undefined;
}

/** What the checks make of the host, drained or not. */
export type Verdict = "healthy" | "unhealthy" | "unknown";

/** "2 of 3 up". A check that only endpoints depend on does not count. */
export function countUp(checks: readonly Standing[]): string {
  const counted = checks.filter(concernsHost);
  return `${counted.filter(({ isUp }) => isUp).length} of ${counted.length} up`;
}

/** "healthy, 3 of 3 up", or "unhealthy, 1 of 3 up: cache (refused), search (stale)". */
export const summarize = (
  verdict: Verdict,
  checks: readonly (Standing & FailingCheck)[],
  failing: readonly FailingCheck[],
): string => `${verdict}, ${describeChecks(checks, failing)}`;

/** "3 of 3 up", or "1 of 3 up: cache (refused); not critical: lag (exit)". `failing` are the checks that decide the verdict. */
export function describeChecks(checks: readonly (Standing & FailingCheck)[], failing: readonly FailingCheck[]): string {
  const others = checks.filter(({ severity, isUp }) => severity === "warning" && !isUp);
  return [
    `${countUp(checks)}${failing.length === 0 ? "" : `: ${listAll(failing)}`}`,
    ...(others.length === 0 ? [] : [`not critical: ${listAll(others)}`]),
  ].join("; ");
}

type Known = Pick<HostStatus, "state" | "checks" | "failing">;

/** `summarize` for what the daemon reports. */
export const summarizeStatus = (status: Known): string => `${verdictOf(status)}, ${describeChecksOf(status)}`;

/** `describeChecks` for what the daemon reports. */
export function describeChecksOf({ checks, failing }: Known): string {
  const standings = checks.map((check) => ({
    name: check.name,
    severity: check.severity,
    isUp: isUp(check),
    reason: reasonOf(check),
  }));
  const byName = new Map(standings.map((check) => [check.name, check]));
  return describeChecks(
    standings,
    failing.map((name) => byName.get(name) ?? { name }),
  );
}

/** The verdict of the checks, whether or not the host is drained. */
export function verdictOf({ state, checks, failing }: Known): Verdict {
  if (state === "healthy" || state === "unhealthy" || state === "unknown") return state;
  if (failing.length === 0) return "healthy";
  const names = new Set(failing);
  const decide = checks.filter(({ name }) => names.has(name));
  return decide.length > 0 && decide.every(isMissing) ? "unknown" : "unhealthy";
}

export const isUp = ({ status, stale = false }: Pick<CheckStatus, "status"> & { readonly stale?: boolean }): boolean =>
  status === "up" && !stale;

const isMissing = ({ status, stale, countsAs }: CheckStatus): boolean =>
  status === "unknown" && !stale && countsAs === undefined;

/** Why a check is not up, or makes the host unhealthy. A check that is down may have passed its last run, and then has no reason. */
const reasonOf = ({ status, stale, reason, countsAs }: CheckStatus): string =>
  stale ? "stale" : status === "down" ? (reason ?? "down") : (countsAs ?? "no result yet");

/** What a severity other than critical means for the host. */
const NOTES: Readonly<Record<Severity, readonly string[]>> = {
  critical: [],
  warning: ["not critical"],
  endpoint: ["endpoint only"],
};

/** The fields of a check that its state consists of. `check` knows no more than the last result. */
type State = Pick<CheckRun, "severity" | "reason" | "warning"> &
  Pick<CheckStatus, "status"> &
  Partial<Pick<CheckStatus, "stale" | "ranAt" | "streak" | "fall" | "rise">>;

/** "up", "up with warning", "up (failed 2/5)", "down (passed 1/3, not critical)" or "up (stale)". */
export function describeState(check: State): string {
  const { status, stale, severity, warning } = check;
  const notes = [...(stale ? ["stale"] : []), ...describeStreak(check), ...NOTES[severity]];
  const state = status === "up" && warning !== undefined ? "up with warning" : status;
  return notes.length === 0 ? state : `${state} (${notes.join(", ")})`;
}

/** "failed 2/5": the last two results failed, and the fifth turns it down. None if the last result is like the state. */
function describeStreak({ status, reason, streak = 0, fall = 1, rise = 1 }: State): readonly string[] {
  if (streak === 0) return [];
  const failed = reason !== undefined;
  if (failed && status !== "down") return [`failed ${streak}/${fall}`];
  return !failed && status !== "up" ? [`passed ${streak}/${rise}`] : [];
}

/** "cache (refused), search (stale)" */
export const listAll = (failing: readonly FailingCheck[]): string => failing.map(describeFailing).join(", ");

/** "cache (refused)" */
export const describeFailing = ({ name, reason }: FailingCheck): string =>
  reason === undefined ? shortName(name) : `${shortName(name)} (${reason})`;

/** For HAProxy: "cache refused, search stale and 2 more". */
export const listFirst = (failing: readonly FailingCheck[], most: number): string =>
  listOf(
    failing.map(({ name, reason }) => (reason === undefined ? name : `${name} ${reason}`)),
    most,
  );
