// The words that everything else is written in: a check has a probe; an attempt
// is ok or failed, a check is up, down or unknown, the host healthy or unhealthy.

/** Why an attempt failed; docs/operations.md says what to do about each. */
export type Reason =
  /** nothing came within the check's own timeout */
  | "timeout"
  /** nothing came before the round had to answer */
  | "deadline"
  /** nobody listens there */
  | "refused"
  /** no route to the peer */
  | "unreachable"
  /** the name has no address */
  | "resolve"
  /** the script ended with a status other than 0 */
  | "exit"
  /** the script was ended by a signal that was not ours */
  | "signal"
  /** the script could not be started */
  | "spawn"
  /** the last run was killed and the kernel has not let go of it yet */
  | "stuck"
  /** this host had no descriptor, process or port left for the probe */
  | "resource"
  /** a fault of health-checker itself */
  | "internal";

export type Outcome =
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

export interface Check {
  /** Unique among the checks of a daemon. */
  readonly name: string;
  readonly kind: string;
  /** What is checked, as the user would write it. */
  readonly target: string;
  readonly timeoutMs: number;
  readonly probe: Probe;
  /** What already looks wrong before the first run, a line each; run once, at start. */
  readonly inspect?: () => Promise<readonly string[]>;
}

export interface CheckResult {
  readonly check: Check;
  /** Milliseconds since the epoch, for people. */
  readonly startedAt: number;
  /** The same by performance.now(), which orders results whatever is done to the clock. */
  readonly start: number;
  readonly durationMs: number;
  readonly outcome: Outcome;
}

export interface CheckState {
  readonly status: "unknown" | "up" | "down";
  /** When `status` last changed, in milliseconds by performance.now(). */
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
