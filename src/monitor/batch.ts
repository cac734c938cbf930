// Checks that start together and run side by side, each once.

import type { Check, CheckResult } from "../checks/check.ts";
import { createLimit, type Limit, runWithin } from "../checks/run.ts";

export interface Batch {
  /** Resolves when the last check has ended; never rejects. */
  readonly ended: Promise<void>;
  /** Ends every check that still runs, with the reason "deadline". */
  end(): void;
}

/** `onResult` is called after each check, never before this returns. `run` is for tests. */
export function startBatch(
  checks: readonly Check[],
  onResult: (result: CheckResult, index: number) => void,
  run: typeof runWithin = runWithin,
): Batch {
  const limits = new Map<number, Limit>();
  const limitOf = ({ timeoutMs }: Check): Limit => {
    const limit = limits.get(timeoutMs) ?? createLimit(timeoutMs);
    limits.set(timeoutMs, limit);
    return limit;
  };
  const { promise, resolve } = Promise.withResolvers<void>();
  let running = checks.length;
  const onEnd = (result: CheckResult, index: number) => {
    running--;
    onResult(result, index);
    if (running > 0) return;
    for (const limit of limits.values()) limit.release();
    resolve();
  };
  checks.forEach((check, index) => {
    void Promise.resolve(run(check, limitOf(check))).then((result) => onEnd(result, index));
  });
  if (running === 0) resolve();
  return {
    ended: promise,
    end() {
      for (const { end } of limits.values()) end();
    },
  };
}
