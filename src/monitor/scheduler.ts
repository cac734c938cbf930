// When checks run in the background: all at once at start, then each once an interval, at times that no delay shifts,
// nor a reload. Times that were missed are not made up for.

import { type Clock, callAt } from "../system/clock.ts";

/** However many jobs there are, those of one interval share so many times, since each wakes the host up. */
const MOST_TURNS = 10;

interface Scheduled<T> {
  readonly intervalMs: number;
  readonly dueAtOnce: boolean;
  readonly job: T;
}

/**
 * `onDue` gets the jobs that are due at one time, and must not throw. `shift`, 0 to 1, is how far the times of this process
 * are moved within the interval: of a fleet that was started at once, each host asks a thing they share at a time of its own.
 */
export function createSchedule<T>(clock: Clock, shift: number, onDue: (jobs: readonly T[]) => void) {
  let cancels: readonly (() => void)[] = [];
  /** When the first jobs were set, from which all times count. */
  let anchor: number | undefined;
  return {
    /** From now on these are called, in place of those before; what is due at once, right away too. */
    set(jobs: readonly Scheduled<T>[]): void {
      for (const cancel of cancels) cancel();
      anchor ??= clock.now();
      const origin = anchor;
      const ofInterval = Map.groupBy(jobs, ({ intervalMs }) => intervalMs);
      cancels = Array.from(ofInterval, ([intervalMs, some]) => {
        const turns = Math.min(some.length, MOST_TURNS);
        // One timer for all of a turn: with one for each, the host wakes up several times within a millisecond.
        return Array.from({ length: turns }, (_, turn) => {
          const ofTurn = some.filter((_, index) => index % turns === turn).map(({ job }) => job);
          const start = origin + intervalMs * (shift + turn / turns);
          return callEvery(clock, intervalMs, start, () => onDue(ofTurn));
        });
      }).flat();
      onDue(jobs.flatMap(({ dueAtOnce, job }) => (dueAtOnce ? [job] : [])));
    },
  };
}

/** Calls `then` at each time that is a whole number of intervals from `origin`, once for all that were missed; returns what ends it. */
function callEvery(clock: Clock, intervalMs: number, origin: number, then: () => void): () => void {
  let cancel = () => {};
  const wait = () => {
    const now = clock.now();
    let tick = Math.floor((now - origin) / intervalMs);
    // A time that was waited for has been, whatever the division was rounded to.
    while (origin + tick * intervalMs <= now) tick++;
    cancel = callAt(clock, origin + tick * intervalMs, () => {
      wait();
      then();
    });
  };
  wait();
  return () => cancel();
}
