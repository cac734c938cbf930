// What is said over the control socket, as JSON, beside HostStatus and ReloadReport: the
// server writes it, the command line reads it.

import type { Keeping } from "../../drain/state.ts";
import type { WithdrawalStatus } from "../../status/status.ts";

/** Of `drain` and `maint`: what is in force now. */
export type WithdrawalAnswer = Keeping & { readonly withdrawal: WithdrawalStatus & { readonly stopping: boolean } };

/** Of `undrain`: also what it has ended, which may be nothing. */
export type UndrainAnswer = WithdrawalAnswer & { readonly ended: WithdrawalStatus };

/** With every status that is not 200, but for the report of a reload that was refused (422). */
export interface ErrorAnswer {
  readonly error: string;
}
