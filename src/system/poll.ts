// Reports when the end of a pipe becomes ready, with one poll(2) for all of them: Bun's event loop takes sockets alone.
// A wait is polled ever more rarely: an event is seen late by an eighth of the time already waited, and by 10 ms at most.

import { type Libc, libc } from "./libc.ts";

interface Watch {
  fd: number;
  readonly events: number;
  readonly ready: (revents: number) => void;
  /** performance.now() of the start, or of the last event. */
  since: number;
  /** Turns of the loop left in which to poll again at once. */
  hot: number;
  /** performance.now() before which it need not be polled. */
  readonly notBefore: number;
}

/** A turn of an idle loop takes 2–5 µs, so this bounds the spinning to about 100 µs a wait. */
const HOT_TURNS = 24;
const LONGEST_PAUSE_MS = 10;
const INTS_PER_POLLFD = 2;

const watches: Watch[] = [];
const single = new Int32Array(INTS_PER_POLLFD);
let pollfds = new Int32Array(64 * INTS_PER_POLLFD);
let immediate = false;
let delayed = false;

/**
 * Calls `ready` with poll's revents each time `fd` is ready, until the returned
 * function is called; `fd` must stay open until then. Errors and hang-ups are
 * always reported, on every turn. The first poll comes after `firstPollMs`.
 */
export function watch(fd: number, events: number, firstPollMs: number, ready: (revents: number) => void): () => void {
  const now = performance.now();
  const entry: Watch = { fd, events, ready, since: now, hot: 0, notBefore: now + firstPollMs };
  watches.push(entry);
  schedule(pauseBefore(entry, now));
  return () => {
    entry.fd = -1; // poll(2) passes over a negative descriptor; the next turn drops it
  };
}

/** What one descriptor is ready for at this moment: poll's revents, 0 for nothing. */
export function pollOnce(system: Libc, fd: number, events: number): number {
  single[0] = fd;
  single[1] = events;
  system.poll(single, 1, 0);
  return reventsOf(single[1]);
}

function turn(): void {
  dropCancelled();
  const count = watches.length;
  if (count === 0 || !libc) return;
  if (pollfds.length < count * INTS_PER_POLLFD) pollfds = new Int32Array(count * 2 * INTS_PER_POLLFD);
  let slot = 0;
  for (const { fd, events } of watches) {
    pollfds[slot++] = fd;
    pollfds[slot++] = events; // revents, the upper half, starts at 0
  }
  libc.poll(pollfds, count, 0);
  const now = performance.now();
  for (let index = 0; index < count; index++) {
    const entry = watches[index];
    if (entry === undefined || entry.fd < 0) continue;
    const revents = reventsOf(pollfds[index * INTS_PER_POLLFD + 1]);
    if (revents === 0) {
      if (entry.hot > 0) entry.hot--;
    } else {
      entry.since = now;
      entry.hot = HOT_TURNS;
      entry.ready(revents);
    }
  }
  dropCancelled();
  if (watches.length === 0) return;
  let soonest = LONGEST_PAUSE_MS;
  for (const entry of watches) soonest = Math.min(soonest, pauseBefore(entry, now));
  schedule(soonest);
}

function pauseBefore(entry: Watch, now: number): number {
  if (entry.hot > 0) return 0;
  return Math.min(LONGEST_PAUSE_MS, Math.max(1, (now - entry.since) / 8, entry.notBefore - now));
}

function schedule(pauseMs: number): void {
  if (immediate) return;
  if (pauseMs === 0) {
    immediate = true;
    setImmediate(() => {
      immediate = false;
      turn();
    });
  } else if (!delayed) {
    delayed = true;
    setTimeout(() => {
      delayed = false;
      if (!immediate) turn();
    }, pauseMs);
  }
}

function dropCancelled(): void {
  let kept = 0;
  for (const entry of watches) if (entry.fd >= 0) watches[kept++] = entry;
  watches.length = kept;
}

const reventsOf = (events: number | undefined): number => ((events ?? 0) >>> 16) & 0xffff;
