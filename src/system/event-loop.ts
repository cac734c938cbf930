// Ways to wait: for a time, for a promise with a limit, for what the event loop has not handled yet.

import { type Clock, clock as hostClock } from "./clock.ts";

/** Resolves after `durationMs`, or at once when the signal aborts. Never rejects. */
export function pause(durationMs: number, signal: AbortSignal, clock: Clock = hostClock): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(durationMs, done);
    signal.addEventListener("abort", done);
  });
}

/** The result of the promise, or `aborted()` if the signal aborts first. The promise may reject later without harm. */
export function unlessAborted<T, A>(promise: Promise<T>, signal: AbortSignal, aborted: () => A): Promise<T | A> {
  if (signal.aborted) {
    promise.catch(() => {});
    return Promise.resolve(aborted());
  }
  return new Promise((resolve, reject) => {
    const abort = () => resolve(aborted());
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** The result of the promise, or undefined after `limitMs`. The promise may reject later without harm. */
export async function within<T>(
  promise: Promise<T>,
  limitMs: number,
  clock: Clock = hostClock,
): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const cancel = clock.after(limitMs, () => resolve(undefined));
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}

/**
 * Calls `then` once the loop has handled everything that has arrived by now.
 * Timers run before arrivals, and the end of a child process is reported a turn after them
 * (measured on Bun 1.4.5 with a stopped process): two turns handle both.
 */
export function afterPendingIo(then: () => void): void {
  setImmediate(() => setImmediate(then));
}
