// How the host is, for whoever may see details: the control socket's `status`, and what is like it.

import type { CheckState, Severity } from "../checks/check.ts";
import type { Withdrawal } from "../drain/state.ts";
import type { CheckReport } from "../monitor/monitor.ts";
import type { Failure } from "../outcome.ts";

export interface HostStatus extends WithdrawalStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  /** What the health listener answers. */
  readonly healthy: boolean;
  /** "stopping" hides "maintenance", which hides "draining", which hides what the checks say. */
  readonly state: "healthy" | "unhealthy" | "draining" | "maintenance" | "stopping";
  /** Names of the checks that make the host unhealthy, withdrawn or not. */
  readonly failing: readonly string[];
  /** Present while one is under way. */
  readonly reloading?: ReloadUnderWay;
  readonly lastReload?: ReloadReport;
  readonly checks: readonly CheckStatus[];
}

/** What is in force of it. */
export interface WithdrawalStatus {
  readonly drain?: { readonly since: string };
  readonly maintenance?: { readonly since: string; readonly until: string; readonly reason?: string };
}

export interface CheckStatus {
  readonly name: string;
  readonly kind: string;
  readonly target: string;
  readonly severity: Severity;
  readonly status: CheckState["status"];
  /** The last result is too old to tell. */
  readonly stale: boolean;
  /** Present from the first result on: how long it has been so, when it last ran, how long that took. */
  readonly forSeconds?: number;
  readonly ranAt?: string;
  readonly seconds?: number;
  /** Of the last result, where it failed. */
  readonly reason?: Failure["reason"];
  readonly message?: string;
  readonly output?: string;
  /** Of the last result, where it passed. */
  readonly warning?: string;
  readonly detail?: string;
  /** Absent: it runs on request. */
  readonly intervalSeconds?: number;
}

export interface ReloadUnderWay {
  readonly since: string;
  readonly dryRun: boolean;
}

/** What a reload changes, by name. */
export interface ReloadChange {
  /** How many checks stay as they are. */
  readonly kept: number;
  /** Checks that keep their name, kind and status. */
  readonly changed: readonly string[];
  /** Checks that keep their name alone, and begin anew. */
  readonly kindChanged: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Without those that take a restart. */
  readonly options: readonly string[];
  /** Paths of endpoints that name other checks than before. */
  readonly endpointsChanged: readonly string[];
  readonly endpointsAdded: readonly string[];
  readonly endpointsRemoved: readonly string[];
}

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

/** What came of reading the configuration again. */
export interface ReloadReport extends ReloadChange {
  readonly at: string;
  /** False: nothing has changed. */
  readonly taken: boolean;
  /** It was only to be tried. */
  readonly dryRun: boolean;
  /** Why it was refused, or would be; whole lines. */
  readonly problems: readonly string[];
  /** It was refused since it would have turned the host or an endpoint unhealthy: what `--force` overrides. */
  readonly forcible: boolean;
  /** What is allowed and unwise, and what takes a restart to change; whole lines. */
  readonly cautions: readonly string[];
  /** What the trial found and was no reason to refuse: checks that fail, and with `--force` what turns unhealthy. */
  readonly warnings: readonly string[];
}

/** How a reload is asked for. */
export interface ReloadOrder {
  /** Takes what would turn the host or an endpoint unhealthy. */
  readonly force: boolean;
  /** Changes nothing. */
  readonly dryRun: boolean;
}

export const PLAIN_RELOAD: ReloadOrder = { force: false, dryRun: false };

export interface StatusParts {
  readonly version: string;
  readonly startedAt: number;
  readonly healthy: boolean;
  readonly failing: readonly string[];
  readonly reports: readonly CheckReport[];
  readonly withdrawal: Withdrawal | undefined;
  readonly reloading: ReloadUnderWay | undefined;
  readonly lastReload: ReloadReport | undefined;
  /** By the boot clock, as `since` of a state is. */
  readonly now: number;
}

export function hostStatus(parts: StatusParts): HostStatus {
  const { version, startedAt, healthy, failing, reports, withdrawal, reloading, lastReload, now } = parts;
  return {
    version,
    pid: process.pid,
    startedAt: iso(startedAt),
    healthy: healthy && !withdrawal,
    state: stateOf(healthy, withdrawal),
    failing,
    ...withdrawalStatus(withdrawal),
    ...(reloading && { reloading }),
    ...(lastReload && { lastReload }),
    checks: reports.map((report) => checkStatus(report, now)),
  };
}

export function withdrawalStatus(withdrawal: Omit<Withdrawal, "stopping"> | undefined): WithdrawalStatus {
  const { drain, maintenance } = withdrawal ?? {};
  return {
    ...(drain && { drain: { since: iso(drain.since) } }),
    ...(maintenance && {
      maintenance: {
        since: iso(maintenance.since),
        until: iso(maintenance.until),
        ...(maintenance.reason !== undefined && { reason: maintenance.reason }),
      },
    }),
  };
}

export function stateOf(healthy: boolean, withdrawal: Withdrawal | undefined): HostStatus["state"] {
  if (withdrawal?.stopping) return "stopping";
  if (withdrawal?.maintenance) return "maintenance";
  if (withdrawal?.drain) return "draining";
  return healthy ? "healthy" : "unhealthy";
}

function checkStatus({ check, state, stale }: CheckReport, now: number): CheckStatus {
  const { name, kind, target, severity, intervalMs } = check;
  const { status, since, last } = state;
  return {
    name,
    kind,
    target,
    severity,
    status,
    stale,
    ...(last && {
      forSeconds: seconds(now - since),
      ranAt: iso(last.startedAt),
      seconds: seconds(last.durationMs),
      ...(last.outcome.ok ? passed(last.outcome) : failure(last.outcome)),
    }),
    ...(intervalMs !== undefined && { intervalSeconds: seconds(intervalMs) }),
  };
}

const passed = ({ warning, detail }: { readonly warning?: string; readonly detail?: string }) => ({
  ...(warning !== undefined && { warning }),
  ...(detail !== undefined && { detail }),
});

const failure = ({ reason, message, output }: Failure) => ({
  reason,
  message,
  ...(output !== undefined && { output }),
});

const seconds = (ms: number): number => Math.round(Math.max(0, ms) * 1000) / 1e6;

const iso = (epochMs: number): string => new Date(epochMs).toISOString();
