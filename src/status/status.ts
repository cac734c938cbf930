// The status of the host with all details: the answer of the control socket to `status`.

import { hostname } from "node:os";
import type { CheckResult, Verdict } from "../checks/check.ts";
import type { DrainState } from "../drain/state.ts";
import type { CheckReport } from "../monitor/monitor.ts";
import type { Failure, Outcome } from "../outcome.ts";
import type { CheckPast, Past } from "./recorder.ts";
import type {
  CheckRun,
  CheckStatus,
  DrainStatus,
  HostStatus,
  ReloadChange,
  ReloadReport,
  ReloadUnderWay,
} from "./schema.ts";

export const NO_CHANGE: ReloadChange = {
  kept: 0,
  changed: [],
  kindChanged: [],
  added: [],
  removed: [],
  options: [],
  endpointsChanged: [],
  endpointsAdded: [],
  endpointsRemoved: [],
};

export interface StatusParts {
  readonly version: string;
  readonly startedAt: number;
  readonly healthy: boolean;
  /** From the verdict. The first failure decides it, so it may not name them all. */
  readonly failing: Verdict["failing"];
  readonly reports: readonly CheckReport[];
  readonly drainState: DrainState | undefined;
  readonly reloading: ReloadUnderWay | undefined;
  readonly lastReload: ReloadReport | undefined;
  readonly past: Past;
  /** By the boot clock, like `since` of a state. */
  readonly now: number;
}

export function hostStatus(parts: StatusParts): HostStatus {
  const { version, startedAt, healthy, failing, reports, drainState, reloading, lastReload, past, now } = parts;
  return {
    at: iso(Date.now()),
    host: hostname(),
    version,
    pid: process.pid,
    startedAt: iso(startedAt),
    healthy: healthy && !drainState,
    state: stateOf(healthy, drainState),
    forSeconds: 0,
    failing: healthy ? [] : namesOf([...failing, ...reports.filter(isDown).map(({ check }) => check)]),
    endpoints: [],
    ...drainStatus(drainState),
    ...(reloading && { reloading }),
    ...(lastReload && { lastReload }),
    checks: reports.map((report) => ({
      ...checkStatus(report, past.check(report.check.name), now),
      ...countsAs(report, failing),
    })),
    changes: past.hostChanges(),
    clients: past.clients(),
  };
}

export function drainStatus(state: Omit<DrainState, "stopping"> | undefined): DrainStatus {
  const { drain, maintenance } = state ?? {};
  return {
    ...(drain && { drain: { since: iso(drain.since), ...reasonOf(drain) } }),
    ...(maintenance && {
      maintenance: {
        since: iso(maintenance.since),
        until: iso(maintenance.until),
        ...reasonOf(maintenance),
      },
    }),
  };
}

const reasonOf = ({ reason }: { readonly reason?: string }) => (reason === undefined ? {} : { reason });

function stateOf(healthy: boolean, drainState: DrainState | undefined): HostStatus["state"] {
  if (drainState?.stopping) return "stopping";
  if (drainState?.maintenance) return "maintenance";
  if (drainState?.drain) return "drained";
  return healthy ? "healthy" : "unhealthy";
}

/** For `check`: the result of the only run. */
export const checkRun = (result: CheckResult): CheckRun => {
  const { name, kind, target, severity, timeoutMs } = result.check;
  const status = result.outcome.ok ? "up" : "down";
  return { name, kind, target, severity, timeoutSeconds: seconds(timeoutMs), status, ...lastResult(result) };
};

const lastResult = ({ startedAt, durationMs, outcome }: CheckResult) => ({
  ranAt: iso(startedAt),
  seconds: seconds(durationMs),
  ...resultStatus(outcome),
});

/** What a result says besides whether it passed. */
export const resultStatus = (outcome: Outcome) => ({
  ...(outcome.ok ? passed(outcome) : failure(outcome)),
  ...(outcome.expiresAt !== undefined && { expiresAt: iso(outcome.expiresAt) }),
});

function checkStatus({ check, state, stale }: CheckReport, past: CheckPast, now: number): CheckStatus {
  const { name, kind, target, severity, timeoutMs, intervalMs, rise, fall } = check;
  const { status, streak, since, last } = state;
  return {
    name,
    kind,
    target,
    severity,
    timeoutSeconds: seconds(timeoutMs),
    status,
    stale,
    ...(last && {
      forSeconds: seconds(now - since),
      ...lastResult(last),
    }),
    streak,
    fall,
    rise,
    ...(intervalMs !== undefined && { intervalSeconds: seconds(intervalMs) }),
    ...past,
  };
}

const isDown = ({ check, state, stale }: CheckReport): boolean =>
  check.severity === "critical" && (stale || state.status !== "up");

const namesOf = (checks: readonly { readonly name: string }[]): readonly string[] => [
  ...new Set(checks.map(({ name }) => name)),
];

function countsAs({ check, state, stale }: CheckReport, failing: Verdict["failing"]): Pick<CheckStatus, "countsAs"> {
  if (stale || state.status === "down") return {};
  const counts = failing.find(({ name }) => name === check.name);
  return counts ? { countsAs: counts.reason } : {};
}

const passed = ({ warning, detail }: Extract<Outcome, { ok: true }>) => ({
  ...(warning !== undefined && { warning }),
  ...(detail !== undefined && { detail }),
});

const failure = ({ reason, message, output }: Failure) => ({
  reason,
  detail: message,
  ...(output !== undefined && { output }),
});

const seconds = (ms: number): number => Math.round(Math.max(0, ms) * 1000) / 1e6;

const iso = (epochMs: number): string => new Date(epochMs).toISOString();
