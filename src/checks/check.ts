// The words that everything else is written in: a check has a probe; an attempt
// is ok or failed, a check is up, down or unknown, the host healthy or unhealthy.

import type { Outcome } from "../outcome.ts";

/**
 * One attempt, no retry. It never rejects for anything the checked thing does.
 * Once `signal` aborts it settles within a few milliseconds and leaves nothing
 * open: with the truth where that has arrived meanwhile, else with the reason
 * "timeout" and, as message, what it was waiting for.
 */
export type Probe = (signal: AbortSignal) => Promise<Outcome>;

/**
 * What a check decides beside the endpoints that name it. `critical` decides the host, `warning` is reported and
 * does not, `endpoint` is no part of the host: that it is down is normal, as of a replica's check on the primary.
 */
export const SEVERITIES = ["critical", "warning", "endpoint"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Whether its failure is news of the host, be it only a warning. */
export const concernsHost = ({ severity }: { readonly severity: Severity }): boolean => severity !== "endpoint";

export interface Check {
  /** Unique among the checks of a daemon. */
  readonly name: string;
  readonly kind: string;
  /** What is checked, as the user would write it, without its secrets. */
  readonly target: string;
  readonly timeoutMs: number;
  /** How many results in a row turn a check that is down up, and one that is up down; at least 1. */
  readonly rise: number;
  readonly fall: number;
  readonly severity: Severity;
  /** From one run in the background to the next; absent where the check runs on request. */
  readonly intervalMs?: number;
  /** A result whose run ended longer ago than this says nothing any more; counts in the background alone. */
  readonly staleAfterMs: number;
  readonly probe: Probe;
  /** What already looks wrong before the first run, a line each; run once, at start. */
  readonly inspect?: () => Promise<readonly string[]>;
}

export interface CheckResult {
  readonly check: Check;
  /** Milliseconds since the epoch, for people. */
  readonly startedAt: number;
  /** The same by the boot clock (src/system/clock.ts), which orders results whatever is done to the wall clock. */
  readonly start: number;
  /** Without what the host was suspended meanwhile. */
  readonly durationMs: number;
  readonly outcome: Outcome;
}

export interface CheckState {
  readonly status: "unknown" | "up" | "down";
  /** How many of the last results in a row were ok, or failed. */
  readonly streak: number;
  /** When `status` last changed, in milliseconds by the boot clock. */
  readonly since: number;
  readonly last?: CheckResult;
}

export interface Verdict {
  readonly healthy: boolean;
  /** Names of the checks that made it unhealthy. */
  readonly failing: readonly string[];
  /** Milliseconds since the epoch. */
  readonly at: number;
}
