// Computes when an answer comes at the latest, and how long a failure stays unseen. Pure.

import type { Options } from "../../config/load.ts";

/** What an answer may take on top of the longest timeout, on an idle machine. */
const LATE_MS = 50;

/** A load balancer's health check with the values that AWS suggests: failures in a row, and the time between probes. */
export const PROBED = { everyMs: 30_000, failures: 2 } as const;

export type TimedCheck = Pick<Options["checks"][number], "severity" | "timeoutMs" | "intervalMs" | "fall" | "name">;

export type Timing = Pick<Options, "deadlineMs" | "singleflight" | "maxRounds"> & {
  readonly checks: readonly TimedCheck[];
};

/** The checks that decide the host. An endpoint is decided by all that it names. */
export const decidingHost = <T extends Pick<TimedCheck, "severity">>(checks: readonly T[]): readonly T[] =>
  checks.filter(({ severity }) => severity === "critical");

export interface Arithmetic {
  /** From a request to its answer; undefined where no deciding check runs on request. */
  readonly answerMs: number | undefined;
  /** The same when more requests come than rounds may run; undefined where that takes no longer. */
  readonly floodMs: number | undefined;
  /** In the background: how long a failing check may count as up, and which check. */
  readonly unseen: { readonly ms: number; readonly check: string } | undefined;
  /** From a failure until the load balancer reacts. */
  readonly detectMs: number;
}

/** For the host or an endpoint, of which `deciding` are the checks. An answer waits for them alone. */
export function calculate(
  { deadlineMs = Number.POSITIVE_INFINITY, singleflight }: Timing,
  deciding: readonly TimedCheck[],
): Arithmetic {
  const onRequest = deciding.filter(({ intervalMs }) => intervalMs === undefined);
  const answerMs = onRequest.length > 0 ? Math.min(longest(onRequest) + LATE_MS, deadlineMs) : undefined;
  // A request that comes when all rounds are taken waits for one of them to end, then for its own.
  const inFlood =
    answerMs === undefined || singleflight ? answerMs : Math.min(2 * (longest(onRequest) + LATE_MS), deadlineMs);
  const unseen = deciding
    .flatMap(({ name, intervalMs, fall, timeoutMs }) =>
      intervalMs === undefined ? [] : [{ ms: fall * intervalMs + timeoutMs, check: name }],
    )
    .reduce<Arithmetic["unseen"]>((most, one) => (most && most.ms >= one.ms ? most : one), undefined);
  return {
    answerMs,
    floodMs: inFlood === answerMs ? undefined : inFlood,
    unseen,
    detectMs: PROBED.failures * PROBED.everyMs + Math.max(answerMs ?? 0, unseen?.ms ?? 0),
  };
}

const longest = (checks: Timing["checks"]): number => Math.max(...checks.map(({ timeoutMs }) => timeoutMs));
