// The one clock for ages, intervals and deadlines. It counts while the host is
// suspended, so that a result is as old after a suspension as it really is.

import { libc } from "./libc.ts";

export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /**
   * Calls `then` after so long, and returns a function that cancels it. A suspension of the host
   * delays it, and more than 24 days are cut to that; `callAt` does not have these limits.
   */
  after(ms: number, then: () => void): () => void;
}

const CLOCK_BOOTTIME = 7;
export const CLOCK_MONOTONIC = 1;

/** The most that setTimeout takes; more is none at all. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const clock: Clock = {
  now: kernelClock(CLOCK_BOOTTIME) ?? (() => performance.now()),
  after(ms, then) {
    const timer = setTimeout(then, Math.min(ms, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** A timer does not count down while the host is suspended: this long after a resume it is noticed, at the latest. */
const LONGEST_SLEEP_MS = 30_000;

/** Calls `then` when the clock has reached `at`, never earlier, and returns a function that cancels it. */
export function callAt({ now, after }: Pick<Clock, "now" | "after">, at: number, then: () => void): () => void {
  let cancel = () => {};
  const sleep = () => {
    const restMs = Math.max(1, at - now());
    cancel = after(Math.min(restMs, LONGEST_SLEEP_MS), () => (now() >= at ? then() : sleep()));
  };
  sleep();
  return () => cancel();
}

/** Milliseconds by a clock of clock_gettime(2); undefined where that cannot be called. */
export function kernelClock(id: number): (() => number) | undefined {
  if (!libc) return undefined;
  const { clock_gettime } = libc;
  // struct timespec: two numbers of 64 bits, the lower half first wherever Bun runs. Handed over at each
  // call: written to by an address that was taken once, the array was seen to keep its old content.
  const timespec = new Uint32Array(4);
  if (clock_gettime(id, timespec) !== 0) return undefined;
  return () => {
    clock_gettime(id, timespec);
    return ((timespec[1] ?? 0) * 2 ** 32 + (timespec[0] ?? 0)) * 1000 + (timespec[2] ?? 0) / 1e6;
  };
}
