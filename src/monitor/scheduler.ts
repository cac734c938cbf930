// When checks run in the background: all at once at start, then each on a grid of
// its own interval, which no delay shifts, nor a change of what is done. Ticks that
// were missed are not made up for.

import type { Clock } from "../system/clock.ts";

/** What is done again and again. */
export interface Job {
  readonly intervalMs: number;
  /** Once more right away, beside its ticks. */
  readonly dueAtOnce: boolean;
  /** Never throws. */
  readonly onTick: () => void;
}

export interface Schedule {
  /** From now on these, in place of those before. */
  set(jobs: readonly Job[]): void;
}

/** A suspended host does not count down its timers: by then it is seen that ticks were missed. */
const LONGEST_SLEEP_MS = 30_000;

/** Times that are equally far apart, numbered. */
interface Grid {
  /** The time of tick 0. */
  readonly origin: number;
  readonly betweenMs: number;
}

/** However many jobs there are, an interval has no more ticks, since each wakes the host up. */
const MOST_TICKS = 10;

/** Jobs of one interval take turns: tick k is that of the turn k modulo their count. */
interface Ticker {
  /** As many jobs each, give or take one. */
  readonly turns: readonly (readonly Job[])[];
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
  let tickers: readonly Ticker[] = [];
  /** When the first jobs were set, which all grids are laid from. */
  let anchor: number | undefined;

  function waitForTick(ticker: Ticker): void {
    const { grid, last } = ticker;
    const waitMs = timeOf(grid, last + 1) - clock.now();
    ticker.cancel = clock.after(Math.min(Math.max(0, waitMs), LONGEST_SLEEP_MS), () => onTick(ticker));
  }

  function onTick(ticker: Ticker): void {
    const { turns, grid, last } = ticker;
    ticker.last = lastTick(grid, clock.now());
    waitForTick(ticker);
    // No job more than once, however long the loop or the host stood still.
    for (let tick = Math.max(last, ticker.last - turns.length) + 1; tick <= ticker.last; tick++) {
      for (const job of turns[tick % turns.length] ?? []) job.onTick();
    }
  }

  return {
    set(jobs) {
      for (const { cancel } of tickers) cancel?.();
      const now = clock.now();
      const laidFrom = anchor ?? now;
      anchor = laidFrom;
      tickers = Array.from(
        Map.groupBy(jobs, ({ intervalMs }) => intervalMs),
        ([intervalMs, jobs]) => {
          const ticks = Math.min(jobs.length, MOST_TICKS);
          const turns = Array.from({ length: ticks }, (_, turn) => jobs.filter((_, index) => index % ticks === turn));
          // The origin lies back, so that ticks count from 0.
          const grid = { origin: laidFrom - intervalMs * (2 - shift), betweenMs: intervalMs / ticks };
          return { turns, grid, last: lastTick(grid, now) };
        },
      );
      for (const { dueAtOnce, onTick } of jobs) if (dueAtOnce) onTick();
      for (const ticker of tickers) waitForTick(ticker);
    },
  };
}

const timeOf = ({ origin, betweenMs }: Grid, tick: number): number => origin + tick * betweenMs;

/** The last tick up to `now`; one that is waited for has been at its very time, whatever the division was rounded to. */
function lastTick(grid: Grid, now: number): number {
  const tick = Math.floor((now - grid.origin) / grid.betweenMs);
  return timeOf(grid, tick + 1) <= now ? tick + 1 : tick;
}
