// The line in `systemctl status`, of at most 500 characters: first why the host is drained, then the verdict by the
// latest results and the checks that make it unhealthy.

import { concernsHost, type Severity } from "../checks/check.ts";
import type { DrainState } from "../drain/state.ts";
import type { CheckReport } from "../monitor/monitor.ts";
import { countUp, describeFailing, type FailingCheck } from "../status/summary.ts";
import { formatDuration } from "../text/duration.ts";
import { listOf } from "../text/list.ts";
import { plainLine } from "../text/printable.ts";

/** How many checks are named, and how many characters of each name, and of a reason. */
const MOST_NAMED = 3;
const LONGEST_NAME = 60;

export function statusLine(reports: readonly CheckReport[], drainState?: DrainState, wasRefused = false): string {
  const checks = checksLine(reports);
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

function checksLine(reports: readonly CheckReport[]): string {
  const counted = reports.filter(({ check }) => concernsHost(check));
  const { down = [], unknown = [] } = Object.groupBy(counted, standing);
  const list = (some: readonly CheckReport[]) =>
    listOf(
      some.map((report) => describeFailing(failingCheck(report))),
      MOST_NAMED,
    );
  const count = countUp(
    counted.map((report) => ({ severity: report.check.severity, isUp: standing(report) === "up" })),
  );
  const failing = down.filter(isOf("critical"));
  if (failing.length > 0) return `unhealthy, ${count}: ${list(failing)}`;
  const missing = unknown.filter(isOf("critical"));
  if (missing.length > 0) return `${count}, no result yet: ${list(missing)}`;
  return down.length > 0 ? `healthy, ${count}: ${list(down)}` : `healthy, ${count}`;
}

/** A stale check counts as down, as in the verdict. */
const standing = ({ state, stale }: CheckReport) => (stale ? "down" : state.status);

const isOf =
  (severity: Severity) =>
  ({ check }: CheckReport): boolean =>
    check.severity === severity;

/** A check that is unknown has no reason. */
function failingCheck({ check, state, stale }: CheckReport): FailingCheck {
  const name = plainLine(check.name, LONGEST_NAME);
  if (stale) return { name, reason: "stale" };
  if (state.status === "unknown") return { name };
  const { outcome } = state.last ?? {};
  // The last run of a check that is down may have passed, fewer times than `rise`.
  const reason = outcome && !outcome.ok ? outcome.reason : "down";
  return { name, reason: reason === "timeout" ? `timeout ${formatDuration(check.timeoutMs)}` : reason };
}
