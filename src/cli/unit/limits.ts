// The limits of the service, computed from its options: far above what it needs, so that no check fails for lack of a
// resource, and far below what would hurt the host.

import type { CheckConfig } from "../../checks/build.ts";
import type { Options } from "../../config/load.ts";
import { CLIENTS_SHARE, DEFAULT_CONNECTIONS } from "../../listeners/health/server.ts";

export interface Limits {
  readonly tasks: number;
  readonly descriptors: number;
  readonly memoryMiB: number;
}

/**
 * Threads: the runtime has ten, or more on a host with many processors; at most eight are for file systems and twenty
 * for the resolver; `reload` is a second process with its own. 64 is the least that works.
 */
const BASE_TASKS = 512;

/** The kernel's highest pids.max. */
const MOST_TASKS = 4_194_304;

/** Twice what the clients of the health listener need, by default. */
const BASE_DESCRIPTORS = 16_384;

/** The start of a script takes six, two connections in parallel take two. */
const DESCRIPTORS_OF_RUN = 8;

/** systemd's own hard limit; above fs.nr_open, which an image may have lowered, the unit would not start. */
const MOST_DESCRIPTORS = 524_288;

/** The daemon takes at most 60 when idle, 100 under load, 150 while file systems hang; `reload` takes 60 for a moment. */
const BASE_MIB = 384;

/** 16 KiB for headers without an end, 5 KiB for objects; more while connections open and close faster than garbage is collected. */
export const MIB_OF_CONNECTION = 1 / 32;

/** A run holds 68 KiB of a script's output, and usually less of a server's answer. */
const MIB_OF_RUN = 1 / 16;

/** The runs of a check that may take the memory of their kind at once. More run only while they hang, and take little. */
const BUSY_RUNS = 4;

const GRAIN_MIB = 64;

export function limitsFor(options: Options): Limits {
  const runsOf = (check: CheckConfig) => mostRuns(check, options);
  const ofRuns = ({ kind }: CheckConfig) => kind.resources?.perRun ?? { tasks: 0, memoryMiB: 0 };
  const sum = <T>(items: Iterable<T>, one: (item: T) => number) =>
    [...items].reduce((total, item) => total + one(item), 0);
  const runs = sum(options.checks, runsOf);
  const sharedTasks = sum(
    new Set(options.checks.map(({ kind }) => kind)),
    ({ resources }) => resources?.sharedTasks ?? 0,
  );
  const tasks = sharedTasks + sum(options.checks, (check) => ofRuns(check).tasks * runsOf(check));
  const ofBusyRuns = (check: CheckConfig) => ofRuns(check).memoryMiB * Math.min(runsOf(check), BUSY_RUNS);
  const connections = options.maxConnections ?? DEFAULT_CONNECTIONS;
  const ofClients = Math.max(BASE_DESCRIPTORS, connections / CLIENTS_SHARE);
  const memoryMiB = BASE_MIB + MIB_OF_CONNECTION * connections + MIB_OF_RUN * runs + sum(options.checks, ofBusyRuns);
  return {
    tasks: Math.min(MOST_TASKS, BASE_TASKS + tasks),
    descriptors: Math.min(MOST_DESCRIPTORS, powerOfTwo(ofClients + DESCRIPTORS_OF_RUN * runs)),
    memoryMiB: GRAIN_MIB * Math.ceil(memoryMiB / GRAIN_MIB),
  };
}

/** The most runs of a check at once. As many more may still be ending, such as scripts killed at their timeout. */
function mostRuns({ intervalMs }: CheckConfig, { singleflight, maxRounds, endpoints }: Options): number {
  if (intervalMs !== undefined) return 2;
  // Each endpoint has rounds of its own.
  const rounds = singleflight ? Math.min(maxRounds, 1 + endpoints.length) : maxRounds;
  return 2 * rounds;
}

const powerOfTwo = (atLeast: number): number => 2 ** Math.ceil(Math.log2(atLeast));
