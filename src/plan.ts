// Options → what is watched, and how a request is answered from it. A check of which
// nothing has changed since the plan before is the same object: it keeps what is known of it.

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
  /** A check that changed is new, and the one before is gone. */
  readonly added: readonly Check[];
  readonly removed: readonly Check[];
}

type Build = (config: CheckConfig) => Check;

/** Nothing runs by it yet. */
export function createPlan(options: Options, build: Build, before?: Plan): Plan {
  const { singleflight, maxRounds, deadlineMs, endpoints } = options;
  const buildAnew = before ? keeping(before, build) : build;
  const checks = options.checks.map(buildAnew);
  const ofEndpoint = (names: readonly string[]) => checks.filter(({ name }) => names.includes(name));
  const old = new Set(before?.checks);
  const now = new Set(checks);
  return {
    options,
    checks,
    settings: {
      groups: [checks, ...endpoints.map((endpoint) => ofEndpoint(endpoint.checks))],
      singleflight,
      maxRounds,
      deadlineMs,
    },
    // A request may wait for a round to end and then for its own.
    longestAnswerMs: deadlineMs ?? 2 * Math.max(...checks.map(({ timeoutMs }) => timeoutMs)),
    change: {
      kept: checks.filter((check) => old.has(check)).length,
      added: checks.filter((check) => !old.has(check)),
      removed: [...old].filter((check) => !now.has(check)),
    },
  };
}

function keeping({ options, checks }: Plan, build: Build): Build {
  const known = new Map(options.checks.map((config, index) => [config.name, { config, check: checks[index] }]));
  return (config) => {
    const { config: before, check } = known.get(config.name) ?? {};
    return check && Bun.deepEquals(before, config, true) ? check : build(config);
  };
}
