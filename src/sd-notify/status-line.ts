// The line in `systemctl status`, of at most 500 characters: first why the host is drained, then the verdict by the
// latest results and the checks that make it unhealthy.

import { concernsHost, type Severity, type Verdict } from "../checks/check.ts";
import type { DrainState } from "../drain/state.ts";
import type { CheckReport } from "../monitor/monitor.ts";
import { countUp, describeFailing, type FailingCheck } from "../status/summary.ts";
import { formatDuration } from "../text/duration.ts";
import { listOf } from "../text/list.ts";
import { plainLine } from "../text/printable.ts";

/** How many checks are named, and how many characters of each name, and of a reason. */
const MOST_NAMED = 3;
const LONGEST_NAME = 60;
const MOST_NOT_CRITICAL = 1;

type Failing = Verdict["failing"];

/** `failing` are the checks that make the host unhealthy; one that is not down has missed the deadline of a request. */
export function statusLine(
  reports: readonly CheckReport[],
  drainState?: DrainState,
  wasRefused = false,
  failing: Failing = [],
): string {
  const checks = checksLine(reports, failing);
  const line = drainState ? `${drainLine(drainState)}; checks: ${checks}` : checks;
  return wasRefused ? `${line}; the last reload was refused` : line;
}

function drainLine({ stopping, maintenance, drain }: DrainState): string {
  if (stopping) return "draining, then stopping";
  if (maintenance) return `in maintenance until ${toTheSecond(maintenance.until)}${inBrackets(maintenance.reason)}`;
  return drain ? `drained since ${toTheSecond(drain.since)}${inBrackets(drain.reason)}` : "drained";
}

const inBrackets = (reason: string | undefined): string =>
  reason === undefined ? "" : ` (${plainLine(reason, LONGEST_NAME)})`;

const toTheSecond = (epochMs: number): string => `${new Date(epochMs).toISOString().slice(0, 19)}Z`;

function checksLine(reports: readonly CheckReport[], failing: Failing): string {
  const counted = reports.filter(({ check }) => concernsHost(check));
  const late = new Map(failing.map(({ name, reason }) => [name, reason]));
  const isFailing = (report: CheckReport) => standing(report) === "down" || late.has(report.check.name);
  const list = (some: readonly CheckReport[], most: number) =>
    listOf(
      some.map((report) => describeFailing(failingCheck(report, late.get(report.check.name)))),
      most,
    );
  const count = countUp(
    counted.map(({ check, state, stale }) => ({ severity: check.severity, status: state.status, stale })),
  );
  const decides = counted.filter(isOf("critical"));
  const down = decides.filter(isFailing);
  const reported = counted.filter((report) => isOf("warning")(report) && standing(report) === "down");
  const others = reported.length === 0 ? "" : `; not critical: ${list(reported, MOST_NOT_CRITICAL)}`;
  if (down.length > 0) return `unhealthy, ${count}: ${list(down, MOST_NAMED)}${others}`;
  const missing = decides.filter((report) => standing(report) === "unknown");
  if (missing.length > 0) return `${count}, no result yet: ${list(missing, MOST_NAMED)}${others}`;
  return `healthy, ${count}${others}`;
}

/** A stale check counts as down, as in the verdict. */
const standing = ({ state, stale }: CheckReport) => (stale ? "down" : state.status);

const isOf =
  (severity: Severity) =>
  ({ check }: CheckReport): boolean =>
    check.severity === severity;

/** A check that is unknown has no reason, unless it is late. */
function failingCheck({ check, state, stale }: CheckReport, lateReason: string | undefined): FailingCheck {
  const name = plainLine(check.name, LONGEST_NAME);
  if (stale) return { name, reason: "stale" };
  if (state.status !== "down") return { name, reason: lateReason };
  const { outcome } = state.last ?? {};
  // The last run of a check that is down may have passed, fewer times than `rise`.
  const reason = outcome && !outcome.ok ? outcome.reason : "down";
  return { name, reason: reason === "timeout" ? `timeout ${formatDuration(check.timeoutMs)}` : reason };
}
