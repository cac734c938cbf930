// The words for the state of the host and of a check, wherever they are shown: "2 of 3 up", the checks that make the host
// unhealthy, and for each check its state with what is special about it.

import { concernsHost, type Severity } from "../checks/check.ts";
import { listOf } from "../text/list.ts";
import { shortName } from "../text/width.ts";
import type { CheckRun, CheckStatus, HostStatus } from "./schema.ts";

/** The fields of a check that its state consists of. `check` knows no more than the only result. */
export type ShownCheck = Pick<CheckRun, "name" | "severity" | "reason" | "warning"> &
  Pick<CheckStatus, "status"> &
  Partial<Pick<CheckStatus, "stale" | "countsAs" | "streak" | "fall" | "rise">>;

/** `failing` are the names of the checks that make the host unhealthy. */
interface Shown {
  readonly checks: readonly ShownCheck[];
  readonly failing: readonly string[];
}

/** A check that is not up. */
export interface FailingCheck {
  readonly name: string;
  /** Undefined if it is not known. */
  readonly reason?: string | undefined;
}

/** What the checks make of the host, drained or not. */
export type Verdict = "healthy" | "unhealthy" | "unknown";

/** A stale check is not up. */
export const isUp = ({ status, stale = false }: Pick<ShownCheck, "status" | "stale">): boolean =>
  status === "up" && !stale;

/** Whether it can be what makes the host unhealthy: in `check` another check may have the same name. */
export const mayFail = (check: ShownCheck): boolean =>
  check.severity === "critical" && (!isUp(check) || check.countsAs !== undefined);

/** "2 of 3 up". A check that only endpoints depend on does not count. */
export function countUp(checks: readonly Pick<ShownCheck, "severity" | "status" | "stale">[]): string {
  const counted = checks.filter(concernsHost);
  return `${counted.filter(isUp).length} of ${counted.length} up`;
}

/** "healthy, 3 of 3 up", or "unhealthy, 1 of 3 up: cache (refused), search (stale)". */
export const summarize = (verdict: Verdict, shown: Shown): string => `${verdict}, ${describeChecks(shown)}`;

/** "3 of 3 up", or "1 of 3 up: cache (refused); not critical: lag (exit)". */
export function describeChecks({ checks, failing }: Shown): string {
  const others = checks.filter((check) => check.severity === "warning" && !isUp(check));
  return [
    `${countUp(checks)}${failing.length === 0 ? "" : `: ${listFailing({ checks, failing })}`}`,
    ...(others.length === 0 ? [] : [`not critical: ${listAll(others)}`]),
  ].join("; ");
}

/** "cache (refused), search (stale)" */
export function listFailing({ checks, failing }: Shown): string {
  const names = new Set(failing);
  return listAll(checks.filter((check) => names.has(check.name) && mayFail(check)));
}

const listAll = (checks: readonly ShownCheck[]): string =>
  checks.map((check) => describeFailing({ name: check.name, reason: reasonOf(check) })).join(", ");

/** The verdict of the checks, whether or not the host is drained. */
export function verdictOf({ state, checks, failing }: Pick<HostStatus, "state" | "checks" | "failing">): Verdict {
  if (state === "healthy" || state === "unhealthy" || state === "unknown") return state;
  if (failing.length === 0) return "healthy";
  const names = new Set(failing);
  const decide = checks.filter(({ name }) => names.has(name));
  return decide.length > 0 && decide.every(isMissing) ? "unknown" : "unhealthy";
}

const isMissing = ({ status, stale, countsAs }: CheckStatus): boolean =>
  status === "unknown" && !stale && countsAs === undefined;

/**
 * Why a check is not up, makes the host unhealthy, or is not without a warning; in a word or two. A check that is down may
 * have passed its last run, and then has no reason.
 */
export function reasonOf({ status, stale, reason, countsAs }: ShownCheck): string {
  if (stale) return "stale";
  if (status === "down") return reason ?? "down";
  return countsAs ?? (status === "unknown" ? "no result yet" : (reason ?? "warning"));
}

/** What a severity other than critical means for the host. */
const NOTES: Readonly<Record<Severity, readonly string[]>> = {
  critical: [],
  warning: ["not critical"],
  endpoint: ["endpoint only"],
};

/** "up", "up with warning", "up (failed 2/5)", "down (passed 1/3, not critical)" or "up (stale)". */
export function describeState(check: ShownCheck): string {
  const { status, stale, warning } = check;
  const notes = [...(stale ? ["stale"] : []), ...notesOf(check)];
  const state = status === "up" && warning !== undefined ? "up with warning" : status;
  return notes.length === 0 ? state : `${state} (${notes.join(", ")})`;
}

/** What is special about the state: "failed 2/5", "not critical". */
export const notesOf = (check: ShownCheck): readonly string[] => [...describeStreak(check), ...NOTES[check.severity]];

/** "failed 2/5": the last two results failed, and the fifth turns it down. None if the last result is like the state. */
function describeStreak({ status, reason, streak = 0, fall = 1, rise = 1 }: ShownCheck): readonly string[] {
  if (streak === 0) return [];
  const failed = reason !== undefined;
  if (failed && status !== "down") return [`failed ${streak}/${fall}`];
  return !failed && status !== "up" ? [`passed ${streak}/${rise}`] : [];
}

/** "cache (refused)" */
export const describeFailing = ({ name, reason }: FailingCheck): string =>
  reason === undefined ? shortName(name) : `${shortName(name)} (${reason})`;

/** For HAProxy: "cache refused, search stale and 2 more". */
export const listFirst = (failing: readonly FailingCheck[], most: number): string =>
  listOf(
    failing.map(({ name, reason }) => (reason === undefined ? name : `${name} ${reason}`)),
    most,
  );
