// A wait that has an end.

import { type Clock, clock as hostClock } from "./clock.ts";

/** What the promise comes to, or undefined where that takes longer; then it goes on, and may still reject. */
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
