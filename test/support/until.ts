// Waits for a condition instead of for a time.

const LOOK_EVERY_MS = 10;

/**
 * Resolves with the first truthy value of `condition`, looked at every 10 ms.
 * Rejects after `limitMs` with `what` and whatever `condition` last threw.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  limitMs = 10_000,
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
