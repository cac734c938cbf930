// When an answer comes at the latest, and how long a failure stays unseen. Pure.

import type { Options } from "../../config/load.ts";

/** What an answer may take on top of the longest timeout, on a machine that is idle. */
const LATE_MS = 50;

export interface Asker {
  readonly name: string;
  /** What it waits for an answer unless it is told otherwise. */
  readonly patienceMs: number;
}

export const ASKERS: readonly Asker[] = [
  { name: "AWS NLB", patienceMs: 6000 },
  { name: "AWS ALB", patienceMs: 5000 },
  { name: "HAProxy", patienceMs: 2000 },
  { name: "kubelet", patienceMs: 1000 },
];

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

/** An answer, of the host or of an endpoint, waits for the checks that decide it; a round that others wait for, for all of its. */
export function calculate(
  { checks, deadlineMs = Number.POSITIVE_INFINITY, singleflight }: Timing,
  deciding: readonly TimedCheck[],
): Arithmetic {
  const onRequest = deciding.filter(({ intervalMs }) => intervalMs === undefined);
  const roundMs = longest(checks.filter(({ intervalMs }) => intervalMs === undefined));
  const answerMs = onRequest.length > 0 ? Math.min(longest(onRequest) + LATE_MS, deadlineMs) : undefined;
  // Who comes when all rounds are taken waits for one of them, then for its own.
  const inFlood =
    answerMs === undefined || singleflight
      ? answerMs
      : Math.min(roundMs + longest(onRequest) + 2 * LATE_MS, deadlineMs);
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
