// All checks once, side by side.

import type { Check, CheckResult } from "../checks/check.ts";
import { createLimit, type Limit, runWithin } from "../checks/run.ts";

/** Resolves when the last check has ended, in the order of `checks`; never rejects. Aborting `signal` ends them all. */
export async function runRound(checks: readonly Check[], signal: AbortSignal): Promise<readonly CheckResult[]> {
  const limits = new Map<number, Limit>();
  const limitOf = ({ timeoutMs }: Check): Limit => {
    const limit = limits.get(timeoutMs) ?? createLimit(timeoutMs);
    limits.set(timeoutMs, limit);
    return limit;
  };
  const endAll = () => {
    for (const { end } of limits.values()) end();
  };
  const runs = checks.map((check) => ({ check, limit: limitOf(check) }));
  if (signal.aborted) endAll();
  else signal.addEventListener("abort", endAll);
  const results = await Promise.all(runs.map(({ check, limit }) => runWithin(check, limit)));
  for (const { release } of limits.values()) release();
  return results;
}
