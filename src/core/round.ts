// All deciding checks once, side by side. One that fails decides at once; the others run on.

import type { Check, CheckResult } from "../checks/check.ts";
import { createLimit, type Limit, runWithin } from "../checks/run.ts";

export interface Round {
  /** Resolves when the last check has ended; never rejects. */
  readonly ended: Promise<void>;
  /** The outcome of the check at this place; undefined while it runs. */
  passed(index: number): boolean | undefined;
  /** Ends every check that still runs, with the reason "deadline". */
  end(): void;
}

export interface RoundEvents {
  /** After each check. */
  readonly onResult: (result: CheckResult, index: number) => void;
  /** Once: the first check has failed, or the last one has passed. */
  readonly onDecided: () => void;
}

export function startRound(checks: readonly Check[], { onResult, onDecided }: RoundEvents): Round {
  const limits = new Map<number, Limit>();
  const limitOf = ({ timeoutMs }: Check): Limit => {
    const limit = limits.get(timeoutMs) ?? createLimit(timeoutMs);
    limits.set(timeoutMs, limit);
    return limit;
  };
  const passed: (boolean | undefined)[] = Array(checks.length);
  const { promise, resolve } = Promise.withResolvers<void>();
  let running = checks.length;
  let decided = false;
  const land = (result: CheckResult, index: number) => {
    const { ok } = result.outcome;
    passed[index] = ok;
    running--;
    onResult(result, index);
    if (!decided && (!ok || running === 0)) {
      decided = true;
      onDecided();
    }
    if (running > 0) return;
    for (const { release } of limits.values()) release();
    resolve();
  };
  checks.forEach((check, index) => {
    void runWithin(check, limitOf(check)).then((result) => land(result, index));
  });
  if (running === 0) resolve();
  return {
    ended: promise,
    passed: (index) => passed[index],
    end() {
      for (const { end } of limits.values()) end();
    },
  };
}
