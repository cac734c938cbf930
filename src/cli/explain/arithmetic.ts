// When an answer comes at the latest, and how long a failure stays unseen. Pure.

import type { Options } from "../../config/load.ts";

/** What an answer may take on top of the longest timeout, on a machine that is idle. */
const LATE_MS = 50;

/** A load balancer's health check as AWS suggests it: so many failures in a row, so far apart. */
export const ASKED = { everyMs: 30_000, failures: 2 } as const;

export type TimedCheck = Pick<Options["checks"][number], "severity" | "timeoutMs" | "intervalMs" | "fall" | "name">;

export type Timing = Pick<Options, "deadlineMs" | "singleflight" | "maxRounds"> & {
  readonly checks: readonly TimedCheck[];
};

/** Those of `checks` that decide the host; an endpoint is decided by all that it names. */
export const decidingHost = <T extends Pick<TimedCheck, "severity">>(checks: readonly T[]): readonly T[] =>
  checks.filter(({ severity }) => severity === "critical");

export interface Arithmetic {
  /** From a request to its answer; undefined where nothing that decides runs on request. */
  readonly answerMs: number | undefined;
  /** The same in a flood; undefined where it is no longer. */
  readonly floodMs: number | undefined;
  /** In the background: how long a failing check may be taken for up, and which that is. */
  readonly unseen: { readonly ms: number; readonly check: string } | undefined;
  /** From a failure to the load balancer's knowing it. */
  readonly detectMs: number;
}

/** An answer, of the host or of an endpoint, waits for the checks that decide it, and so does a request for a place of theirs. */
export function calculate(
  { deadlineMs = Number.POSITIVE_INFINITY, singleflight }: Timing,
  deciding: readonly TimedCheck[],
): Arithmetic {
  const onRequest = deciding.filter(({ intervalMs }) => intervalMs === undefined);
  const answerMs = onRequest.length > 0 ? Math.min(longest(onRequest) + LATE_MS, deadlineMs) : undefined;
  // A request that comes when all places are taken waits for one of the rounds, then for its own.
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
    detectMs: ASKED.failures * ASKED.everyMs + Math.max(answerMs ?? 0, unseen?.ms ?? 0),
  };
}

const longest = (checks: Timing["checks"]): number => Math.max(...checks.map(({ timeoutMs }) => timeoutMs));
