// All checks once, side by side.

import type { Check, CheckResult } from "../checks/check.ts";
import { createLimit, type Limit, runWithin } from "../checks/run.ts";

export interface Round {
  /** Resolves when the last check has ended, in the order of the checks; never rejects. */
  readonly results: Promise<readonly CheckResult[]>;
  /** Ends every check that still runs, with the reason "deadline". */
  end(): void;
}

export function startRound(checks: readonly Check[]): Round {
  const limits = new Map<number, Limit>();
  const limitOf = ({ timeoutMs }: Check): Limit => {
    const limit = limits.get(timeoutMs) ?? createLimit(timeoutMs);
    limits.set(timeoutMs, limit);
    return limit;
  };
  const runs = checks.map((check) => runWithin(check, limitOf(check)));
  return {
    results: Promise.all(runs).then((results) => {
      for (const { release } of limits.values()) release();
      return results;
    }),
    end() {
      for (const { end } of limits.values()) end();
    },
  };
}
