// A subject that changes again and again is logged at a bounded rate, with the number of changes that were left
// out. The newest change is always logged, a minute after the last one at the latest.
//
// Up to 5 changes a minute are logged at once. From the sixth on only the newest is held; it is logged each 5
// minutes, and once nothing has changed for a minute: from then on changes are logged at once again. So there are
// never more than 5 lines of a subject in a minute, except at the end of the daemon.

import { type Clock, callAt } from "../system/clock.ts";

export const MOST_A_MINUTE = 5;
export const MINUTE_MS = 60_000;
export const SUM_UP_MS = 5 * MINUTE_MS;

/** Of a change that was not logged at once. */
export interface Late {
  /** The changes before it that were never logged. */
  readonly leftOut: number;
  /** How long ago it was. */
  readonly agoMs: number;
}

/** Writes one change. Never throws. */
export type Write = (late: Late | undefined) => void;

interface Held {
  /** The newest change, unless it was logged. */
  write: Write | undefined;
  changedAt: number;
  /** Changes since the last line. */
  unlogged: number;
}

/**
 * Beyond so many subjects those that are at rest are forgotten: names may change with every reload. Once
 * a minute at most, since a search for each new one would take seconds.
 */
const MOST_AT_REST = 10_000;

/** Keeps a few numbers for each subject. */
export class RateLimit {
  readonly #clock: Pick<Clock, "now" | "after">;
  readonly #subjects = new Map<string, Subject>();
  #forgotAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "now" | "after">) {
    this.#clock = clock;
  }

  /** The subject has changed: `write` is called at once, later or never, as the rule above says. */
  change(name: string, write: Write): void {
    if (!this.#subjects.has(name)) this.#forget();
    const subject = this.#subjects.get(name) ?? new Subject(this.#clock);
    this.#subjects.set(name, subject);
    subject.change(write);
  }

  /** Writes at once what is held. */
  end(): void {
    for (const subject of this.#subjects.values()) subject.writeHeld();
  }

  #forget(): void {
    const now = this.#clock.now();
    if (this.#subjects.size <= MOST_AT_REST || now - this.#forgotAt < MINUTE_MS) return;
    this.#forgotAt = now;
    for (const [name, subject] of this.#subjects) if (subject.isAtRest(now)) this.#subjects.delete(name);
  }
}

/** At rest, or changing too often: then the newest change is held. */
class Subject {
  readonly #clock: Pick<Clock, "now" | "after">;
  /** The times of the last lines, no more than MOST_A_MINUTE. */
  #loggedAt: readonly number[] = [];
  #held: Held | undefined;

  constructor(clock: Pick<Clock, "now" | "after">) {
    this.#clock = clock;
  }

  change(write: Write): void {
    const now = this.#clock.now();
    this.#review(now); // timers may be late
    if (this.#held) {
      this.#held.write = write;
      this.#held.changedAt = now;
      this.#held.unlogged++;
    } else if (this.#isFull(now)) {
      this.#held = { write, changedAt: now, unlogged: 1 };
      this.#reviewInTime(this.#held);
    } else {
      this.#remember(now);
      write(undefined);
    }
  }

  writeHeld(): void {
    const now = this.#clock.now();
    if (this.#held) this.#write(this.#held, now);
  }

  isAtRest(now: number): boolean {
    return this.#held === undefined && now - (this.#loggedAt.at(-1) ?? now) >= MINUTE_MS;
  }

  #isFull(now: number): boolean {
    const [first = now] = this.#loggedAt;
    return this.#loggedAt.length === MOST_A_MINUTE && now - first < MINUTE_MS;
  }

  /** Writes what is held and due, and holds no more once the subject has come to rest. */
  #review(now: number): void {
    const held = this.#held;
    if (!held) return;
    const rests = now >= held.changedAt + MINUTE_MS;
    if (rests) this.#held = undefined;
    if (rests || now >= this.#nextSum()) this.#write(held, now);
  }

  #reviewInTime(held: Held): void {
    const restsAt = held.changedAt + MINUTE_MS;
    const due = held.write ? Math.min(restsAt, this.#nextSum()) : restsAt;
    callAt(this.#clock, due, () => {
      if (this.#held !== held) return; // it came to rest, and that was seen before the timer
      this.#review(this.#clock.now());
      if (this.#held) this.#reviewInTime(held);
    });
  }

  #nextSum(): number {
    return (this.#loggedAt.at(-1) ?? Number.NEGATIVE_INFINITY) + SUM_UP_MS;
  }

  #write(held: Held, now: number): void {
    const { write, changedAt, unlogged } = held;
    if (!write) return;
    held.write = undefined;
    held.unlogged = 0;
    this.#remember(now);
    write({ leftOut: unlogged - 1, agoMs: now - changedAt });
  }

  #remember(now: number): void {
    this.#loggedAt = [...this.#loggedAt, now].slice(-MOST_A_MINUTE);
  }
}
