// Those who wait for one answer. Each is answered by his deadline, whatever is
// still missing; once nobody waits any more, what they waited for is told so.

import type { Verdict } from "../checks/check.ts";
import type { Clock } from "../clock.ts";
import { afterArrivals } from "../probing/system/turns.ts";

/** Who asks for a verdict; a Request is one. `signal` aborts when the asker has gone. */
export interface Asker {
  readonly signal: AbortSignal;
  /** Called when the round that he was answered by has ended whole, and its results are known: what only warns may take longer. */
  readonly onLanded?: () => void;
  /** He is answered by then from what is known, whatever the deadline of all; what runs for him goes on. */
  readonly patienceMs?: number;
}

/** What is done for the askers of one kind of thing; `Awaited` is that thing. */
export interface Service<Awaited> {
  readonly clock: Clock;
  /** From an asker's arrival; absent: he waits as long as it takes. */
  readonly deadlineMs: number | undefined;
  /** What an asker is answered at his deadline, from what is known then. */
  readonly soFar: (awaited: Awaited) => Verdict;
  /** Nobody waits any more. */
  readonly onDeserted: (awaited: Awaited, why: Desertion) => void;
}

/** All have gone, or some were answered at their deadline. */
export type Desertion = "gone" | "deadline";

/** Making a request's signal costs a tenth of answering it, so it is made only where the answer takes longer. */
const WATCH_AFTER_MS = 5;

/** Askers who came within this time have the deadline of the first: a promise and an alarm for all of them. */
const TOGETHER_MS = 2;

/** Askers who are answered together; empty once they have been. */
interface Party {
  readonly askers: Set<Asker>;
  readonly cameAt: number;
  readonly answer: Promise<Verdict>;
  readonly tell: (verdict: Verdict) => void;
}

export class Askers<Awaited> {
  readonly #awaited: Awaited;
  readonly #service: Service<Awaited>;
  /** In the order of their arrival, and so of their deadlines. */
  readonly #parties: Party[] = [];
  /** From then on every asker's signal is listened to. */
  #watched = false;
  /** Somebody was answered at his deadline. */
  #late = false;
  /** All were answered, or nobody waits any more. */
  #over = false;
  #cancelTimer: (() => void) | undefined;

  constructor(awaited: Awaited, service: Service<Awaited>) {
    this.#awaited = awaited;
    this.#service = service;
  }

  /** Not to be called once all were answered, or nobody waits any more. */
  join(asker: Asker): Promise<Verdict> {
    const { clock, deadlineMs } = this.#service;
    const now = deadlineMs === undefined ? 0 : clock.now();
    let party = this.#parties.at(-1);
    if (!party || now - party.cameAt > TOGETHER_MS) {
      party = createParty(now);
      this.#parties.push(party);
    }
    party.askers.add(asker);
    if (this.#watched) this.#watch(party, asker);
    else this.#cancelTimer ??= clock.after(Math.min(WATCH_AFTER_MS, deadlineMs ?? WATCH_AFTER_MS), () => this.#last());
    return party.answer;
  }

  /** Tells all who still wait. */
  answer(verdict: Verdict): void {
    this.#end();
    for (const party of this.#parties) tell(party, verdict);
  }

  #end(): void {
    this.#over = true;
    this.#cancelTimer?.();
  }

  /** The answer takes a while, so it is worth knowing who leaves, and when the first must be answered. */
  #last(): void {
    this.#watched = true;
    this.#awaitDeadline();
    for (const party of this.#parties) for (const asker of party.askers) this.#watch(party, asker);
  }

  #watch(party: Party, asker: Asker): void {
    const gone = () => {
      if (!party.askers.delete(asker) || this.#parties.some(({ askers }) => askers.size > 0)) return;
      this.#desert(this.#late ? "deadline" : "gone");
    };
    if (asker.signal.aborted) gone();
    else asker.signal.addEventListener("abort", gone);
  }

  #awaitDeadline(): void {
    const { clock, deadlineMs } = this.#service;
    const [first] = this.#parties;
    if (deadlineMs === undefined || !first) return;
    const expire = () => afterArrivals(() => this.#expire(deadlineMs));
    this.#cancelTimer = clock.after(Math.max(0, first.cameAt + deadlineMs - clock.now()), expire);
  }

  #expire(deadlineMs: number): void {
    if (this.#over) return;
    const now = this.#service.clock.now();
    const inTime = this.#parties.findIndex(({ cameAt }) => cameAt + deadlineMs > now);
    const expired = this.#parties.splice(0, inTime < 0 ? this.#parties.length : inTime);
    if (expired.length > 0) {
      this.#late = true;
      const verdict = this.#service.soFar(this.#awaited);
      for (const party of expired) tell(party, verdict);
    }
    if (this.#parties.some(({ askers }) => askers.size > 0)) this.#awaitDeadline();
    else this.#desert("deadline");
  }

  #desert(why: Desertion): void {
    this.#end();
    this.#service.onDeserted(this.#awaited, why);
  }
}

function createParty(cameAt: number): Party {
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  return { askers: new Set(), cameAt, answer: promise, tell: resolve };
}

function tell(party: Party, verdict: Verdict): void {
  party.askers.clear();
  party.tell(verdict);
}

/** `answer`, or `soFar` where the asker's patience ends before it comes. */
export function inPatience(
  { patienceMs }: Asker,
  answer: Promise<Verdict>,
  soFar: () => Verdict,
  clock: Clock,
): Promise<Verdict> {
  if (patienceMs === undefined) return answer;
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const cancel = clock.after(patienceMs, () => resolve(soFar()));
  void answer.then((verdict) => {
    cancel();
    resolve(verdict);
  });
  return promise;
}
