// The one clock for ages, intervals and deadlines. It counts while the host is
// suspended, so that a result does not wake up as fresh as it went to sleep.

import { libc } from "./libc.ts";

export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /**
   * Calls `then` after so long, and returns what cancels that. A suspension of the
   * host comes on top, and more than 24 days are cut to that: who is called looks at `now`.
   */
  after(ms: number, then: () => void): () => void;
}

const CLOCK_BOOTTIME = 7;

/** The most that setTimeout takes; more is none at all. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const clock: Clock = {
  now: createNow(),
  after(ms, then) {
    const timer = setTimeout(then, Math.min(ms, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

function createNow(): () => number {
  if (!libc) return () => performance.now();
  const { clock_gettime } = libc;
  // struct timespec: two numbers of 64 bits, the lower half first wherever Bun runs. Handed over at each
  // call: written to by an address that was taken once, the array was seen to keep its old content.
  const timespec = new Uint32Array(4);
  if (clock_gettime(CLOCK_BOOTTIME, timespec) !== 0) return () => performance.now();
  return () => {
    clock_gettime(CLOCK_BOOTTIME, timespec);
    return ((timespec[1] ?? 0) * 2 ** 32 + (timespec[0] ?? 0)) * 1000 + (timespec[2] ?? 0) / 1e6;
  };
}
