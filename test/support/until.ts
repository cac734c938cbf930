// Waits for a condition instead of for a time.

import { clock } from "../../src/system/clock.ts";

const LOOK_EVERY_MS = 10;

/**
 * Resolves with the first truthy value of `condition`, looked at every 10 ms.
 * Rejects after `limitMs` with `what` and whatever `condition` last threw.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  limitMs = 30_000,
  what = "the condition to hold",
): Promise<NonNullable<T>> {
  const end = performance.now() + limitMs;
  let cause: unknown;
  for (;;) {
    try {
      cause = undefined;
      const value = await condition();
      if (value) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= end) throw new Error(`waited ${limitMs} ms in vain for ${what}`, { cause });
    await Bun.sleep(LOOK_EVERY_MS);
  }
}

/**
 * Resolves while the loop looks at what has arrived. Whatever blocks it right after this has the timers
 * that are due by then run first, and what has arrived meanwhile looked at last: seen on Bun 1.4.5, which
 * does neither after a timer that blocks.
 */
export async function arrival(): Promise<void> {
  await Bun.spawn(["/bin/echo"]).stdout.text();
}

/** The loop stands still until the condition holds, as on a host that is overloaded. */
export function blockUntil(condition: () => boolean): void {
  const end = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() >= end) throw new Error("blocked the loop for 60 s in vain");
    Bun.sleepSync(1); // what the condition waits for needs the processor too
  }
}

/** A condition: timers that were set by now for `ms`, here or in another process, are due. */
export function hasPassed(ms: number): () => boolean {
  // A timer may count from the start of its turn of the loop, and in whole milliseconds.
  const end = clock.now() + ms + 2;
  return () => clock.now() >= end;
}
