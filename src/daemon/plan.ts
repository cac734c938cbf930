// Options → checks and the settings of the monitor. A check that has not changed since the previous plan is the same
// object. A check that has changed but kept its name and kind replaces the previous one and takes over its status.

import type { CheckConfig } from "../checks/build.ts";
import type { Check } from "../checks/check.ts";
import { COMMON_NAMES } from "../config/common-keys.ts";
import type { Options } from "../config/load.ts";
import type { MonitorSettings } from "../monitor/monitor.ts";

export interface Plan {
  readonly options: Options;
  /** In the order of the options. */
  readonly checks: readonly Check[];
  readonly settings: MonitorSettings;
  /** The longest time that a request may wait. */
  readonly longestAnswerMs: number;
  /** Compared with the previous plan. */
  readonly change: PlanChange;
}

export interface PlanChange {
  readonly kept: number;
  /** Each with the check of its name and kind that it replaces. */
  readonly changed: ReadonlyMap<Check, Check>;
  /** The changed checks whose probe and timeout are the same: only the use of their results has changed. */
  readonly sameProbe: ReadonlySet<Check>;
  /** Checks with the name of a check of another kind; they take over nothing from it. */
  readonly kindChanged: readonly Check[];
  readonly added: readonly Check[];
  readonly removed: readonly Check[];
  /** Names of the options that have changed, without those that need a restart. */
  readonly options: readonly string[];
  /** Paths. The checks of a changed one are others than before. */
  readonly endpoints: {
    readonly changed: readonly string[];
    readonly added: readonly string[];
    readonly removed: readonly string[];
  };
}

type Build = (config: CheckConfig) => Check;

/** Starts nothing. */
export function createPlan(options: Options, build: Build, before?: Plan): Plan {
  const { singleflight, maxRounds, endpoints } = options;
  const deadlinesMs = [options, ...endpoints].map(({ deadlineMs }) => deadlineMs);
  const checks = options.checks.map(before ? reuseUnchanged(before, build) : build);
  // A request may wait for a round to end and then for its own.
  const twoRoundsMs = 2 * Math.max(...checks.map(({ timeoutMs }) => timeoutMs));
  const ofEndpoint = (names: readonly string[]) => checks.filter(({ name }) => names.includes(name));
  return {
    options,
    checks,
    settings: {
      groups: [checks, ...endpoints.map((endpoint) => ofEndpoint(endpoint.checks))],
      singleflight,
      maxRounds,
      deadlinesMs,
    },
    longestAnswerMs: Math.max(...deadlinesMs.map((deadlineMs) => deadlineMs ?? twoRoundsMs)),
    change: compare(before ?? NOTHING, { options, checks }),
  };
}

type Comparable = Pick<Plan, "checks"> & { readonly options?: Options };

const NOTHING: Comparable = { checks: [] };

function compare(before: Comparable, now: Comparable): PlanChange {
  const old = new Map(before.checks.map((check) => [check.name, check]));
  const kept = new Set(now.checks.filter((check) => old.get(check.name) === check));
  const others = now.checks.filter((check) => !kept.has(check));
  const changed = new Map<Check, Check>();
  for (const check of others) {
    const replaced = old.get(check.name);
    if (replaced?.kind === check.kind) changed.set(check, replaced);
  }
  const fresh = others.filter((check) => !changed.has(check));
  const names = new Set(now.checks.map(({ name }) => name));
  const [probes, newProbes] = [probesOf(before), probesOf(now)];
  return {
    kept: kept.size,
    changed,
    sameProbe: new Set(
      [...changed].flatMap(([check, replaced]) =>
        Bun.deepEquals(probes.get(replaced), newProbes.get(check), true) ? [check] : [],
      ),
    ),
    kindChanged: fresh.filter(({ name }) => old.has(name)),
    added: fresh.filter(({ name }) => !old.has(name)),
    removed: before.checks.filter(({ name }) => !names.has(name)),
    options: before.options && now.options ? changedOptions(before.options, now.options) : [],
    endpoints: compareEndpoints(before.options?.endpoints ?? [], now.options?.endpoints ?? []),
  };
}

/** What decides the outcome of the runs of each check. */
function probesOf({ options, checks }: Comparable): ReadonlyMap<Check, unknown> {
  return new Map(
    checks.map((check, index) => {
      const { settings, timeoutMs } = options?.checks[index] ?? {};
      return [check, { settings: withoutCommonKeys(settings), timeoutMs }];
    }),
  );
}

/** The keys that every check may have, whatever its kind. */
function withoutCommonKeys(settings: unknown): unknown {
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) return settings;
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !COMMON_NAMES.has(key)));
}

/** Options that a reload changes. */
const RELOADABLE = {
  deadline: ({ deadlineMs }: Options) => deadlineMs,
  singleflight: ({ singleflight }: Options) => singleflight,
  "max-rounds": ({ maxRounds }: Options) => maxRounds,
  "max-connections": ({ maxConnections }: Options) => maxConnections,
  "failure-status": ({ failureStatus }: Options) => failureStatus,
  "drain-delay": ({ drainDelayMs }: Options) => drainDelayMs,
  "admin-token-file": ({ adminToken }: Options) => adminToken,
  "log-level": ({ logLevel }: Options) => logLevel,
} as const;

const changedOptions = (before: Options, now: Options): readonly string[] =>
  Object.entries(RELOADABLE).flatMap(([name, read]) => (read(before) === read(now) ? [] : [name]));

function compareEndpoints(before: Options["endpoints"], now: Options["endpoints"]): PlanChange["endpoints"] {
  const checksOf = (endpoints: Options["endpoints"]) =>
    new Map(endpoints.map(({ path, checks }) => [path, [...checks].sort().join("\0")]));
  const [old, fresh] = [checksOf(before), checksOf(now)];
  const paths = [...fresh.keys()];
  return {
    changed: paths.filter((path) => old.has(path) && old.get(path) !== fresh.get(path)),
    added: paths.filter((path) => !old.has(path)),
    removed: [...old.keys()].filter((path) => !fresh.has(path)),
  };
}

/** Returns the check of the previous plan if its options are the same. */
function reuseUnchanged({ options, checks }: Plan, build: Build): Build {
  const known = new Map(options.checks.map((config, index) => [config.name, { config, check: checks[index] }]));
  return (config) => {
    const { config: before, check } = known.get(config.name) ?? {};
    return check && Bun.deepEquals(before, config, true) ? check : build(config);
  };
}
