// Making answers takes at most a twentieth of the time, however many are requested: what took 5 ms to make serves the
// requests of 100 ms. So pages and scrapers take little from the health listener, which shares the event loop. Within that
// time all answers are made from the same status.

import type { Clock } from "../../system/clock.ts";

/** For how many times as long as it took to make, an answer is used. */
const REUSE = 20;

/** It is never used for longer, also if it took long because the host is busy. */
const LONGEST_REUSE_MS = 1000;

/** Returns what `make` returned for this name before, unless that is too old. Call it for one name at a time. */
export type Pace = <T>(name: string, make: () => T) => T;

export function createPace(clock: Pick<Clock, "now">): Pace {
  const made = new Map<string, unknown>();
  let since = 0;
  let costMs = 0;
  return <T>(name: string, make: () => T): T => {
    const from = clock.now();
    if (from - since >= Math.min(REUSE * costMs, LONGEST_REUSE_MS)) {
      made.clear();
      since = from;
      costMs = 0;
    }
    const last = made.get(name) as T | undefined;
    if (last !== undefined) return last;
    const count = () => {
      costMs += clock.now() - from;
    };
    const one = make();
    made.set(name, one);
    if (one instanceof Promise) one.then(count, count);
    else count();
    return one;
  };
}
