// Waiting that ends when its signal aborts.

/** Resolves after `durationMs`, or at once when the signal aborts. Never rejects. */
export function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
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
