// The words that everything else is written in: a check has a probe; an attempt
// is ok or failed, a check is up, down or unknown, the host healthy or unhealthy.

import { describeFault } from "../system/errors.ts";

/** Why an attempt failed; docs/operations.md says what to do about each. */
export type Reason =
  /** nothing came within the check's own timeout */
  | "timeout"
  /** nothing came before the request had to be answered */
  | "deadline"
  /** nobody listens there */
  | "refused"
  /** no route to the peer */
  | "unreachable"
  /** the name has no address */
  | "resolve"
  /** no TLS could be agreed on, or the certificate does not hold */
  | "tls"
  /** the peer closed the connection before it had answered */
  | "closed"
  /** what came is not what was expected */
  | "mismatch"
  /** the credentials were refused, or a right is missing */
  | "auth"
  /** it is there and says itself that it does not serve now */
  | "not-ready"
  /** it is too old, or ends too soon */
  | "expired"
  /** what should be there is not, or the other way round */
  | "missing"
  /** less is left than was asked for */
  | "low"
  /** the script ended with a status other than 0, or its status was lost */
  | "exit"
  /** the script was ended by a signal that was not ours */
  | "signal"
  /** the script could not be started */
  | "spawn"
  /** the last run was killed and the kernel has not let go of it yet */
  | "stuck"
  /** the last result is too old to tell */
  | "stale"
  /** this host had no descriptor, process or port left for the probe */
  | "resource"
  /** a fault of health-checker itself */
  | "internal";

export type Outcome =
  /** `detail` is what is worth knowing of a pass, `warning` what is worth mending. */
  | { readonly ok: true; readonly detail?: string; readonly warning?: string }
  | { readonly ok: false; readonly reason: Reason; readonly message: string; readonly output?: string };

export type Failure = Extract<Outcome, { ok: false }>;

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

export const failed = (reason: Reason, message: string): Failure => ({ ok: false, reason, message });

/** What was thrown, and should not have been. */
export const fault = (error: unknown): Failure => failed("internal", describeFault(error));
