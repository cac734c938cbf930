// Options → what is watched, and how a request is answered from it. A check of which nothing
// has changed since the plan before is the same object. One that has changed, and has kept
// its name and kind, replaces the one before: it takes over its status.

import type { CheckConfig } from "./checks/build.ts";
import type { Check } from "./checks/check.ts";
import type { Options } from "./config/load.ts";
import type { MonitorSettings } from "./core/monitor.ts";

export interface Plan {
  readonly options: Options;
  /** In the order of the options. */
  readonly checks: readonly Check[];
  readonly settings: MonitorSettings;
  /** What a request may wait for at most. */
  readonly longestAnswerMs: number;
  /** Against the plan before. */
  readonly change: PlanChange;
}

export interface PlanChange {
  readonly kept: number;
  /** Each with the check of its name and kind that it replaces. */
  readonly changed: ReadonlyMap<Check, Check>;
  readonly added: readonly Check[];
  readonly removed: readonly Check[];
}

type Build = (config: CheckConfig) => Check;

/** Nothing runs by it yet. */
export function createPlan(options: Options, build: Build, before?: Plan): Plan {
  const { singleflight, maxRounds, endpoints } = options;
  const deadlinesMs = [options, ...endpoints].map(({ deadlineMs }) => deadlineMs);
  const checks = options.checks.map(before ? keeping(before, build) : build);
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
    change: compare(before?.checks ?? [], checks),
  };
}

function compare(before: readonly Check[], now: readonly Check[]): PlanChange {
  const old = new Map(before.map((check) => [check.name, check]));
  const kept = new Set(now.filter((check) => old.get(check.name) === check));
  const changed = new Map<Check, Check>();
  for (const check of now) {
    const replaced = old.get(check.name);
    if (replaced && !kept.has(check) && replaced.kind === check.kind) changed.set(check, replaced);
  }
  const gone = new Set([...kept, ...changed.values()]);
  return {
    kept: kept.size,
    changed,
    added: now.filter((check) => !kept.has(check) && !changed.has(check)),
    removed: before.filter((check) => !gone.has(check)),
  };
}

function keeping({ options, checks }: Plan, build: Build): Build {
  const known = new Map(options.checks.map((config, index) => [config.name, { config, check: checks[index] }]));
  return (config) => {
    const { config: before, check } = known.get(config.name) ?? {};
    return check && Bun.deepEquals(before, config, true) ? check : build(config);
  };
}
