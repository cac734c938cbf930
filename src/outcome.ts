// The outcome of one run of a check, and every reason for which a run fails.

import { describeFault } from "./system/errors.ts";

/** Why a run failed; docs/log.md says what to do about each. */
export type Reason =
  /** nothing came within the check's own timeout */
  | "timeout"
  /** no result came before the request had to be answered */
  | "deadline"
  /** no program listens there */
  | "refused"
  /** no route to the peer */
  | "unreachable"
  /** the name has no address */
  | "resolve"
  /** no TLS could be agreed on, or the certificate does not hold */
  | "tls"
  /** the peer closed the connection before it had answered */
  | "closed"
  /** the answer is not the expected one */
  | "mismatch"
  /** the credentials were refused, or a right is missing */
  | "auth"
  /** it answers that it does not serve now */
  | "not-ready"
  /** it is too old, or ends too soon */
  | "expired"
  /** something is not there that should be, or is there and should not be */
  | "missing"
  /** less is left than is required */
  | "low"
  /** the script ended with a status other than 0, or its status was lost */
  | "exit"
  /** the script was ended by a signal that was not ours */
  | "signal"
  /** the script could not be started */
  | "spawn"
  /** the last run was killed and the kernel has not let go of it yet */
  | "stuck"
  /** the last result is too old */
  | "stale"
  /** this host had no descriptor, process or port left for the probe */
  | "resource"
  /** a fault of health-checker itself */
  | "internal";

export type Outcome =
  /**
   * `detail` adds something worth knowing, `warning` something worth fixing. `expiresAt` is when the certificate expires that
   * was looked at, in milliseconds since the epoch.
   */
  | { readonly ok: true; readonly detail?: string; readonly warning?: string; readonly expiresAt?: number }
  | {
      readonly ok: false;
      readonly reason: Reason;
      readonly message: string;
      readonly output?: string;
      readonly expiresAt?: number;
    };

export type Failure = Extract<Outcome, { ok: false }>;

export const failed = (reason: Reason, message: string): Failure => ({ ok: false, reason, message });

/** For an error that should not have been thrown. */
export const fault = (error: unknown): Failure => failed("internal", describeFault(error));

export const isFailure = (value: unknown): value is Failure =>
  typeof value === "object" && value !== null && "ok" in value && value.ok === false;
