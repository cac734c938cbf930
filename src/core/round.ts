// All checks once, side by side.

import type { Check, CheckResult } from "../checks/check.ts";
import { createLimit, type Limit, runWithin } from "../checks/run.ts";

export interface Round {
  /** Resolves when the last check has ended, in the order of the checks; never rejects. */
  readonly results: Promise<readonly CheckResult[]>;
  /** Whether the check at this place has ended by now, and passed. */
  passed(index: number): boolean;
  /** Ends every check that still runs, with the reason "deadline". */
  end(): void;
}

/** `onDecided` is called when the last check that decides has ended; not where none does. */
export function startRound(checks: readonly Check[], onDecided: () => void): Round {
  const limits = new Map<number, Limit>();
  const limitOf = ({ timeoutMs }: Check): Limit => {
    const limit = limits.get(timeoutMs) ?? createLimit(timeoutMs);
    limits.set(timeoutMs, limit);
    return limit;
  };
  const ended: CheckResult[] = Array(checks.length);
  const { promise, resolve } = Promise.withResolvers<readonly CheckResult[]>();
  let running = checks.length;
  let deciding = 0;
  const land = (result: CheckResult, index: number) => {
    ended[index] = result;
    running--;
    if (result.check.severity === "critical" && --deciding === 0) onDecided();
    if (running > 0) return;
    for (const { release } of limits.values()) release();
    resolve(ended);
  };
  checks.forEach((check, index) => {
    if (check.severity === "critical") deciding++;
    void runWithin(check, limitOf(check)).then((result) => land(result, index));
  });
  if (running === 0) resolve(ended);
  return {
    results: promise,
    passed: (index) => ended[index]?.outcome.ok === true,
    end() {
      for (const { end } of limits.values()) end();
    },
  };
}
