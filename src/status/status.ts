// The status of the host with all details, as every reader gets it.

import type { CheckResult, Verdict } from "../checks/check.ts";
import type { ConfigSource } from "../config/load.ts";
import type { DrainState } from "../drain/state.ts";
import type { CheckReport } from "../monitor/monitor.ts";
import type { Failure, Outcome } from "../outcome.ts";
import { nodeOs } from "../system/builtins.ts";
import type { ReadState } from "./host-state.ts";
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
import { iso, seconds } from "./units.ts";

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

/** The verdicts are by what is known; undefined while no check fails and the first result of one is missing. */
export interface StatusParts extends ReadState {
  readonly version: string;
  readonly startedAt: number;
  readonly endpoints: readonly { readonly path: string; readonly verdict: Verdict | undefined }[];
  readonly reports: readonly CheckReport[];
  readonly config: ConfigSource | undefined;
  readonly reloading: ReloadUnderWay | undefined;
  readonly lastReload: ReloadReport | undefined;
  readonly past: Past;
  /** By the boot clock, like `since` of a state. */
  readonly now: number;
}

export function hostStatus(parts: StatusParts): HostStatus {
  const { version, startedAt, verdict, drainState, state, forMs, reports, config, reloading, lastReload, past } = parts;
  const isHealthy = (one: Verdict | undefined): boolean => one?.healthy === true && !drainState;
  const failing = verdict?.failing ?? [];
  return {
    at: iso(Date.now()),
    host: nodeOs().hostname(),
    version,
    pid: process.pid,
    startedAt: iso(startedAt),
    healthy: isHealthy(verdict),
    state,
    forSeconds: seconds(forMs),
    failing: failing.map(({ name }) => name),
    endpoints: parts.endpoints.map(({ path, verdict: own }) => ({
      path,
      healthy: isHealthy(own),
      failing: own?.failing.map(({ name }) => name) ?? [],
    })),
    ...drainStatus(drainState),
    ...(config && { config: { ...config, readAt: iso(config.readAt) } }),
    ...(reloading && { reloading }),
    ...(lastReload && { lastReload }),
    checks: reports.map((report) => ({
      ...checkStatus(report, past.check(report.check.name), parts.now),
      ...countsAs(report, failing),
    })),
    changes: past.hostChanges(),
    clients: past.clients(),
  };
}

export function drainStatus(state: Omit<DrainState, "stopping"> | undefined): DrainStatus {
  const { drain, maintenance } = state ?? {};
  return {
    ...(drain && { drain: { since: iso(drain.since), ...withReason(drain) } }),
    ...(maintenance && {
      maintenance: {
        since: iso(maintenance.since),
        until: iso(maintenance.until),
        ...withReason(maintenance),
      },
    }),
  };
}

export const withReason = ({ reason }: { readonly reason?: string }) => (reason === undefined ? {} : { reason });

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

function checkStatus({ check, state, stale, runningMs }: CheckReport, past: CheckPast, now: number): CheckStatus {
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
    ...(runningMs !== undefined && { runningSeconds: seconds(runningMs) }),
    ...(intervalMs !== undefined && { intervalSeconds: seconds(intervalMs) }),
    ...past,
  };
}

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
