// The one clock for ages, intervals and deadlines. It counts while the host is
// suspended, so that a result does not wake up as fresh as it went to sleep.

import { ptr } from "bun:ffi";
import { libc } from "./probing/libc.ts";

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

/** struct timespec on a 64-bit Linux, whose bytes are little-endian wherever Bun runs. */
const timespec = new Uint32Array(4);

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
  const into = ptr(timespec);
  if (clock_gettime(CLOCK_BOOTTIME, into) !== 0) return () => performance.now();
  return () => {
    clock_gettime(CLOCK_BOOTTIME, into);
    const [seconds = 0, high = 0, nanoseconds = 0] = timespec;
    return (high * 2 ** 32 + seconds) * 1000 + nanoseconds / 1e6;
  };
}
