// The terms of the whole program: a check has a probe; a run is ok or failed, a check is up,
// down or unknown, the host is healthy or unhealthy.

import type { Outcome, Reason } from "../outcome.ts";
import type { Abortable } from "../system/abort.ts";

/**
 * One attempt, without a retry: its outcome, where that is known at once. It never rejects for anything that the
 * target does. Once the signal of `limit` aborts it resolves within a few milliseconds and leaves nothing
 * open: with the real outcome if that has arrived meanwhile, else with the reason
 * "timeout" and a message that says what it waited for.
 */
export type Probe = (limit: Abortable) => Outcome | Promise<Outcome>;

/**
 * What a check decides besides the endpoints that name it: `critical` the host; `warning` nothing, but it is reported;
 * `endpoint` nothing, and that it is down is normal, as for a replica's check on the primary.
 */
export const SEVERITIES = ["critical", "warning", "endpoint"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Whether its failure concerns the host, if only as a warning. */
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
  /** A result whose run ended longer ago than this is stale; only in the background. */
  readonly staleAfterMs: number;
  readonly probe: Probe;
  /** What is wrong before the first run, a line each; called once, at start. */
  readonly inspect?: () => Promise<readonly string[]>;
}

export interface CheckResult {
  readonly check: Check;
  /** Milliseconds since the epoch, to show. */
  readonly startedAt: number;
  /** The same by the boot clock (src/system/clock.ts), which orders results even when the wall clock is set. */
  readonly start: number;
  /** Without the time that the host was suspended. */
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

/** Why a check made a verdict unhealthy; "deadline" where there was no result in time, whatever came later. */
export interface Failing {
  readonly name: string;
  readonly reason: Reason;
}

export interface Verdict {
  readonly healthy: boolean;
  /** The checks that made it unhealthy. */
  readonly failing: readonly Failing[];
  /** Milliseconds since the epoch. */
  readonly at: number;
}
