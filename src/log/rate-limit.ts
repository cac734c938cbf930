// Limits the lines about a subject that changes often, and counts the changes that were not logged. The newest change is
// always logged, at the latest a minute after it if no other follows.
//
// Up to 5 changes a minute are logged at once. From the sixth on only the newest is held. It is logged every 5 minutes,
// and when nothing has changed for a minute; then changes are logged at once again. So a subject never has more than 5
// lines in a minute, except when the daemon ends.

import { type Clock, callAt } from "../system/clock.ts";

export const MOST_A_MINUTE = 5;
export const MINUTE_MS = 60_000;
export const SUM_UP_MS = 5 * MINUTE_MS;

/** About a change that was not logged at once. */
export interface Late {
  /** How many changes before it were never logged. */
  readonly suppressed: number;
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
 * Beyond this number subjects at rest are forgotten, since names may change with every reload. That happens at most once
 * a minute: a search for each new subject would take seconds.
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

  /** Writes the held changes at once. */
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

/** Either at rest, or changing too often; then its newest change is held. */
class Subject {
  readonly #clock: Pick<Clock, "now" | "after">;
  /** The times of the last lines, at most MOST_A_MINUTE. */
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
      this.#scheduleReview(this.#held);
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

  /** Writes the held change if it is due, and ends the hold if the subject has come to rest. */
  #review(now: number): void {
    const held = this.#held;
    if (!held) return;
    const rests = now >= held.changedAt + MINUTE_MS;
    if (rests) this.#held = undefined;
    if (rests || now >= this.#nextSum()) this.#write(held, now);
  }

  #scheduleReview(held: Held): void {
    const restsAt = held.changedAt + MINUTE_MS;
    const due = held.write ? Math.min(restsAt, this.#nextSum()) : restsAt;
    callAt(this.#clock, due, () => {
      if (this.#held !== held) return; // the hold has ended before the timer
      this.#review(this.#clock.now());
      if (this.#held) this.#scheduleReview(held);
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
    write({ suppressed: unlogged - 1, agoMs: now - changedAt });
  }

  #remember(now: number): void {
    this.#loggedAt = [...this.#loggedAt, now].slice(-MOST_A_MINUTE);
  }
}
