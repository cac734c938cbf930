// Starts the runs of the background in slices, so that a request does not wait until all that are due have started.

import type { Clock } from "../system/clock.ts";

/** Runs start for so long in one turn of the event loop, at least one of them. A start takes 25 µs, that of a script 100 µs or more. */
const SLICE_MS = 0.5;

/** A slice after the first waits for a turn of the loop and not for a time, so it wakes nobody up. */
export class StartQueue<T> {
  readonly #now;
  readonly #start;
  readonly #waiting: { readonly job: T; readonly dueAt: number }[] = [];
  #next: NodeJS.Immediate | undefined;

  /** `start` must not throw. `dueAt` is when the job was added, by the clock. */
  constructor({ now }: Pick<Clock, "now">, start: (job: T, dueAt: number) => void) {
    this.#now = now;
    this.#start = start;
  }

  add(jobs: readonly T[]): void {
    const dueAt = this.#now();
    for (const job of jobs) this.#waiting.push({ job, dueAt });
    if (!this.#next && jobs.length > 0) this.#startSome();
  }

  clear(): void {
    this.#waiting.length = 0;
  }

  readonly #startSome = (): void => {
    this.#next = undefined;
    const end = this.#now() + SLICE_MS;
    do {
      const first = this.#waiting.shift();
      if (first) this.#start(first.job, first.dueAt);
    } while (this.#waiting.length > 0 && this.#now() < end);
    if (this.#waiting.length > 0) this.#next ??= setImmediate(this.#startSome);
  };
}
