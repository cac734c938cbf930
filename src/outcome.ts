// What one attempt comes to, and every reason for which one fails.

import { describeFault } from "./system/errors.ts";

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

export const failed = (reason: Reason, message: string): Failure => ({ ok: false, reason, message });

/** What was thrown, and should not have been. */
export const fault = (error: unknown): Failure => failed("internal", describeFault(error));

export const isFailure = (value: unknown): value is Failure =>
  typeof value === "object" && value !== null && "ok" in value && value.ok === false;
