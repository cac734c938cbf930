// Computes how long an answer takes at most, and how long a failure stays unseen. Pure.

import type { Options } from "../../config/load.ts";

/** What an answer may take beyond the longest timeout, on an idle machine. */
const OVERHEAD_MS = 50;

/** The probes of a load balancer with the values that AWS suggests: the time between two, and failures in a row. */
export const LOAD_BALANCER_PROBES = { everyMs: 30_000, failures: 2 } as const;

export type TimedCheck = Pick<Options["checks"][number], "severity" | "timeoutMs" | "intervalMs" | "fall" | "name">;

export type TimedOptions = Pick<Options, "deadlineMs" | "singleflight" | "maxRounds"> & {
  readonly checks: readonly TimedCheck[];
};

/** The checks that decide the host. All checks that an endpoint names decide the endpoint. */
export const decidingHost = <T extends Pick<TimedCheck, "severity">>(checks: readonly T[]): readonly T[] =>
  checks.filter(({ severity }) => severity === "critical");

export interface Timing {
  /** From a request to its answer; undefined if no deciding check runs on request. */
  readonly answerMs: number | undefined;
  /** The same in a burst of more requests than rounds may run; undefined if it takes no longer. */
  readonly burstMs: number | undefined;
  /** How long a failing check in the background may count as up, and which check that is. */
  readonly unseen: { readonly ms: number; readonly check: string } | undefined;
  /** From a failure to the reaction of the load balancer. */
  readonly detectMs: number;
}

/** For the host or an endpoint. `deciding` are its checks, for which alone an answer waits. */
export function calculateTiming(
  { deadlineMs = Number.POSITIVE_INFINITY, singleflight }: TimedOptions,
  deciding: readonly TimedCheck[],
): Timing {
  const onRequest = deciding.filter(({ intervalMs }) => intervalMs === undefined);
  const answerMs = onRequest.length > 0 ? Math.min(longest(onRequest) + OVERHEAD_MS, deadlineMs) : undefined;
  // A request that finds all rounds taken waits for one of them to end, then for its own round.
  const inBurst =
    answerMs === undefined || singleflight ? answerMs : Math.min(2 * (longest(onRequest) + OVERHEAD_MS), deadlineMs);
  const unseen = deciding
    .flatMap(({ name, intervalMs, fall, timeoutMs }) =>
      intervalMs === undefined ? [] : [{ ms: fall * intervalMs + timeoutMs, check: name }],
    )
    .reduce<Timing["unseen"]>((most, one) => (most && most.ms >= one.ms ? most : one), undefined);
  return {
    answerMs,
    burstMs: inBurst === answerMs ? undefined : inBurst,
    unseen,
    detectMs: LOAD_BALANCER_PROBES.failures * LOAD_BALANCER_PROBES.everyMs + Math.max(answerMs ?? 0, unseen?.ms ?? 0),
  };
}

const longest = (checks: TimedOptions["checks"]): number => Math.max(...checks.map(({ timeoutMs }) => timeoutMs));
