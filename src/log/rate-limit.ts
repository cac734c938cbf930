// A subject that changes again and again is told of at a bounded rate, and so is how
// much was left out. What was told last is what is, a minute after the last change at the latest.
//
// Up to 5 changes a minute are told at once. From the sixth on only the newest is kept; it
// is told each 5 minutes, and once nothing has changed for a minute: then changes are
// told at once again. So until the end there are never more than 5 tellings of a subject in a minute.

import type { Clock } from "../system/clock.ts";

export const TOLD_A_MINUTE = 5;
export const MINUTE_MS = 60_000;
export const SUM_UP_MS = 5 * MINUTE_MS;

/** What is said of a change that was not told at once. */
export interface Late {
  /** Changes that were never told: all since the last telling but this one. */
  readonly leftOut: number;
  /** How long ago this one was. */
  readonly agoMs: number;
}

/** Never throws. */
export type Say = (late: Late | undefined) => void;

interface Subject {
  /** When the last ones were told, no more than TOLD_A_MINUTE. */
  toldAt: readonly number[];
  /** Present while the subject changes too often. */
  held?: Held;
}

interface Held {
  /** The newest change, unless it was told. */
  say: Say | undefined;
  changedAt: number;
  untold: number;
}

export interface FlapGuard {
  /** The subject has changed: `say` is called at once, later or never, as the rule above says. */
  change(subject: string, say: Say): void;
  /** Tells at once of all that is held. */
  end(): void;
}

/**
 * Beyond so many subjects those that rest are forgotten: names may change with every reload. Once
 * a minute at most, since to look them all through for each new one would take seconds.
 */
const MOST_AT_REST = 10_000;

/** Keeps a few numbers for each subject. */
export function createFlapGuard(clock: Pick<Clock, "now" | "after">): FlapGuard {
  const subjects = new Map<string, Subject>();
  let forgotAt = Number.NEGATIVE_INFINITY;

  function remember(subject: Subject, now: number): void {
    subject.toldAt = [...subject.toldAt, now].slice(-TOLD_A_MINUTE);
  }

  function tellHeld(subject: Subject, held: Held, now: number): void {
    const { say, changedAt, untold } = held;
    if (!say) return;
    held.say = undefined;
    held.untold = 0;
    remember(subject, now);
    say({ leftOut: untold - 1, agoMs: now - changedAt });
  }

  /** Tells of what is held and due, and ends the holding when the subject has come to rest. */
  function review(subject: Subject, now: number): void {
    const { held } = subject;
    if (!held) return;
    const rests = now - held.changedAt >= MINUTE_MS;
    if (rests) delete subject.held;
    if (rests || now >= nextSum(subject)) tellHeld(subject, held, now);
  }

  function watch(subject: Subject, held: Held): void {
    const restsAt = held.changedAt + MINUTE_MS;
    const due = held.say ? Math.min(restsAt, nextSum(subject)) : restsAt;
    clock.after(Math.max(1, due - clock.now()), () => {
      if (subject.held !== held) return; // it came to rest, and was seen to, before the timer
      review(subject, clock.now());
      if (subject.held) watch(subject, held);
    });
  }

  function forget(now: number): void {
    if (subjects.size <= MOST_AT_REST || now - forgotAt < MINUTE_MS) return;
    forgotAt = now;
    for (const [name, { held, toldAt }] of subjects) {
      if (!held && now - (toldAt.at(-1) ?? now) >= MINUTE_MS) subjects.delete(name);
    }
  }

  function hold(subject: Subject, say: Say, now: number): void {
    const { held } = subject;
    if (held) {
      held.say = say;
      held.changedAt = now;
      held.untold++;
    } else {
      subject.held = { say, changedAt: now, untold: 1 };
      watch(subject, subject.held);
    }
  }

  return {
    change(name, say) {
      const now = clock.now();
      if (!subjects.has(name)) forget(now);
      const subject = subjects.get(name) ?? { toldAt: [] };
      subjects.set(name, subject);
      review(subject, now); // timers may be late
      const [first = now] = subject.toldAt;
      const isFull = subject.toldAt.length === TOLD_A_MINUTE && now - first < MINUTE_MS;
      if (subject.held || isFull) {
        hold(subject, say, now);
      } else {
        remember(subject, now);
        say(undefined);
      }
    },
    end() {
      const now = clock.now();
      for (const subject of subjects.values()) if (subject.held) tellHeld(subject, subject.held, now);
    },
  };
}

const nextSum = ({ toldAt }: Subject): number => (toldAt.at(-1) ?? Number.NEGATIVE_INFINITY) + SUM_UP_MS;
