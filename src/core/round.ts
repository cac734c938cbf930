// All checks once, side by side.

import type { Check, CheckResult } from "../checks/check.ts";
import { runCheck } from "../checks/run.ts";

/** Resolves when the last check has ended, in the order of `checks`; never rejects. Aborting `signal` ends them all. */
export function runRound(checks: readonly Check[], signal: AbortSignal): Promise<readonly CheckResult[]> {
  return Promise.all(checks.map((check) => runCheck(check, signal)));
}
