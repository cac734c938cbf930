// Waiting that ends when its signal aborts.

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

/**
 * Calls `then` once the loop has looked at everything that has arrived by now.
 * Timers run before arrivals, and the end of a child is told a turn after that
 * (measured on Bun 1.4.5 with a stopped process): two turns see both.
 */
export function afterArrivals(then: () => void): void {
  setImmediate(() => setImmediate(then));
}
