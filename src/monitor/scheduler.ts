// When checks run in the background: all at once at start, then each on a grid of
// its own interval, which no delay shifts, nor a change of what is done. Ticks that
// were missed are not made up for.

import type { Clock } from "../system/clock.ts";

/** What is done again and again. */
export interface Duty {
  readonly intervalMs: number;
  /** Once more right away, beside its ticks. */
  readonly dueAtOnce: boolean;
  /** Never throws. */
  readonly onTick: () => void;
}

export interface Schedule {
  /** From now on these, in place of those before. */
  set(duties: readonly Duty[]): void;
}

/** A suspended host does not count down its timers: by then it is seen that ticks were missed. */
const LONGEST_SLEEP_MS = 30_000;

/** Times that are equally far apart, numbered. */
interface Grid {
  /** The time of tick 0. */
  readonly origin: number;
  readonly betweenMs: number;
}

/** However many duties there are, an interval has no more ticks, since each wakes the host up. */
const MOST_TICKS = 10;

/** Duties of one interval take turns: tick k is that of the turn k modulo their count. */
interface Metronome {
  /** As many duties each, give or take one. */
  readonly turns: readonly (readonly Duty[])[];
  readonly grid: Grid;
  /** The last tick that has been. */
  last: number;
  cancel?: () => void;
}

/**
 * `shift`, 0 to 1, is how far the grids of this process are moved: of a fleet that
 * was started at once, each host asks a thing they share at a time of its own.
 */
export function createSchedule(clock: Clock, shift: number): Schedule {
  let metronomes: readonly Metronome[] = [];
  /** When the first duties were set, which all grids are laid from. */
  let anchor: number | undefined;

  function wind(metronome: Metronome): void {
    const { grid, last } = metronome;
    const waitMs = timeOf(grid, last + 1) - clock.now();
    metronome.cancel = clock.after(Math.min(Math.max(0, waitMs), LONGEST_SLEEP_MS), () => beat(metronome));
  }

  function beat(metronome: Metronome): void {
    const { turns, grid, last } = metronome;
    metronome.last = lastTick(grid, clock.now());
    wind(metronome);
    // No duty more than once, however long the loop or the host stood still.
    for (let tick = Math.max(last, metronome.last - turns.length) + 1; tick <= metronome.last; tick++) {
      for (const { onTick } of turns[tick % turns.length] ?? []) onTick();
    }
  }

  return {
    set(duties) {
      for (const { cancel } of metronomes) cancel?.();
      const now = clock.now();
      const laidFrom = anchor ?? now;
      anchor = laidFrom;
      metronomes = Array.from(
        Map.groupBy(duties, ({ intervalMs }) => intervalMs),
        ([intervalMs, duties]) => {
          const ticks = Math.min(duties.length, MOST_TICKS);
          const turns = Array.from({ length: ticks }, (_, turn) => duties.filter((_, index) => index % ticks === turn));
          // The origin lies back, so that ticks count from 0.
          const grid = { origin: laidFrom - intervalMs * (2 - shift), betweenMs: intervalMs / ticks };
          return { turns, grid, last: lastTick(grid, now) };
        },
      );
      for (const { dueAtOnce, onTick } of duties) if (dueAtOnce) onTick();
      for (const metronome of metronomes) wind(metronome);
    },
  };
}

const timeOf = ({ origin, betweenMs }: Grid, tick: number): number => origin + tick * betweenMs;

/** The last tick up to `now`; one that is waited for has been at its very time, whatever the division was rounded to. */
function lastTick(grid: Grid, now: number): number {
  const tick = Math.floor((now - grid.origin) / grid.betweenMs);
  return timeOf(grid, tick + 1) <= now ? tick + 1 : tick;
}
