// Checks that start together and run side by side, each once.

import type { Check, CheckResult } from "./check.ts";
import { createLimit, type Limit, runWithin } from "./run.ts";

export type OnResult = (result: CheckResult, index: number) => void;

export class Batch {
  readonly #checks: readonly Check[];
  readonly #run: typeof runWithin;
  readonly #limits = new Map<number, Limit>();
  #running: number;
  #ended: PromiseWithResolvers<void> | undefined;

  /** `run` is for tests. */
  constructor(checks: readonly Check[], run: typeof runWithin = runWithin) {
    this.#checks = checks;
    this.#run = run;
    this.#running = checks.length;
  }

  /** `onResult` is called after each check: before this returns where that ends at once, but not before all have started. */
  start(onResult: OnResult): void {
    const early: [CheckResult, number][] = [];
    for (const [index, check] of this.#checks.entries()) {
      const result = this.#run(check, this.#limitOf(check));
      if (result instanceof Promise) void result.then((later) => this.#end(later, index, onResult));
      else early.push([result, index]);
    }
    for (const [result, index] of early) this.#end(result, index, onResult);
  }

  #limitOf({ timeoutMs }: Check): Limit {
    const limit = this.#limits.get(timeoutMs) ?? createLimit(timeoutMs);
    this.#limits.set(timeoutMs, limit);
    return limit;
  }

  #end(result: CheckResult, index: number, onResult: OnResult): void {
    this.#running--;
    onResult(result, index);
    if (this.#running > 0) return;
    for (const limit of this.#limits.values()) limit.release();
    this.#ended?.resolve();
  }

  /** Resolves when the last check has ended; never rejects. */
  get ended(): Promise<void> {
    this.#ended ??= Promise.withResolvers();
    if (this.#running === 0) this.#ended.resolve();
    return this.#ended.promise;
  }

  /** Ends every check that still runs, with the reason "deadline". */
  readonly end = (): void => {
    for (const limit of this.#limits.values()) limit.end();
  };
}
