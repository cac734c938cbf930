// The clock for ages, intervals and deadlines. It goes on while the host is suspended, so that the age of a result is
// right after a suspension.

import { libc } from "./libc.ts";

export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /**
   * Calls `then` after `ms`, and returns a function that cancels that. A suspension of the host delays the call, and a
   * time of more than 24 days is cut to 24 days; `callAt` does not have these limits.
   */
  after(ms: number, then: () => void): () => void;
}

const CLOCK_BOOTTIME = 7;
export const CLOCK_MONOTONIC = 1;

/** The longest time that setTimeout supports: it calls at once for a longer one. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const clock: Clock = {
  now: kernelClock(CLOCK_BOOTTIME) ?? (() => performance.now()),
  after(ms, then) {
    // setTimeout cuts a fraction off. A call that came early would have to wait again, for which the host wakes up twice.
    const timer = setTimeout(then, Math.min(Math.ceil(ms), LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** A timer stands still while the host is suspended. `callAt` is at most this late after the host has resumed. */
const LONGEST_SLEEP_MS = 30_000;

/** Calls `then` when the clock has reached `at`, never earlier, and returns a function that cancels it. */
export function callAt({ now, after }: Pick<Clock, "now" | "after">, at: number, then: () => void): () => void {
  let cancel = () => {};
  const sleep = () => {
    const restMs = Math.max(0, at - now());
    cancel = after(Math.min(restMs, LONGEST_SLEEP_MS), () => (now() >= at ? then() : sleep()));
  };
  sleep();
  return () => cancel();
}

/** Milliseconds by a clock of clock_gettime(2); undefined if that cannot be called. */
export function kernelClock(id: number): (() => number) | undefined {
  if (!libc) return undefined;
  const { clock_gettime } = libc;
  // struct timespec: two numbers of 64 bits, the lower half first wherever Bun runs. The array is passed at each call:
  // with an address that was taken once, it was seen to keep its old content.
  const timespec = new Uint32Array(4);
  if (clock_gettime(id, timespec) !== 0) return undefined;
  return () => {
    clock_gettime(id, timespec);
    return ((timespec[1] ?? 0) * 2 ** 32 + (timespec[0] ?? 0)) * 1000 + (timespec[2] ?? 0) / 1e6;
  };
}
