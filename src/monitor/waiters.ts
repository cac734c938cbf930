// The requests that wait for one verdict. Each is answered by its deadline, whatever is
// still missing then.

import type { Verdict } from "../checks/check.ts";
import type { Clock } from "../system/clock.ts";
import { afterPendingIo } from "../system/event-loop.ts";

/** Who asks for a verdict; a Request is one. `signal` aborts when the client has disconnected. */
export interface Asker {
  readonly signal: AbortSignal;
  /** Called when every check that was started for it has ended, those that decide nothing too. */
  readonly onLanded?: () => void;
  /** It is answered by then from what is known, whatever the deadline of all; what runs for it goes on. */
  readonly patienceMs?: number;
}

/** What is done for the requests that wait for one kind of thing; `Awaited` is that thing. */
export interface Service<Awaited> {
  readonly clock: Clock;
  /** From a request's arrival; absent: it waits as long as it takes. */
  readonly deadlineMs: number | undefined;
  /** What a request that came at `cameAt` is answered at its deadline, from what is known then. */
  readonly soFar: (awaited: Awaited, cameAt: number) => Verdict;
  /** A client disconnected before its answer. */
  readonly onGone: (awaited: Awaited, asker: Asker, waitedMs: number) => void;
  /** No request waits any more: all clients have disconnected, or were answered at their deadlines. */
  readonly onDeserted: (awaited: Awaited) => void;
}

/** Making a request's signal costs a tenth of answering it, so it is made only where the answer takes longer. */
const WATCH_AFTER_MS = 5;

/** Requests that arrived within this time have the deadline of the first: one promise and one timer for all of them. */
const TOGETHER_MS = 2;

/** Requests that are answered together; empty once they have been. */
interface Party {
  readonly askers: Set<Asker>;
  readonly cameAt: number;
  readonly answer: Promise<Verdict>;
  readonly tell: (verdict: Verdict) => void;
}

export class Askers<Awaited> {
  readonly #awaited: Awaited;
  readonly #service: Service<Awaited>;
  /** In the order of arrival, and so of the deadlines. */
  #parties: Party[] = [];
  /** From then on every client's signal is listened to. */
  #watched = false;
  #cancelTimer: (() => void) | undefined;

  constructor(awaited: Awaited, service: Service<Awaited>) {
    this.#awaited = awaited;
    this.#service = service;
  }

  get isEmpty(): boolean {
    return this.#parties.every(({ askers }) => askers.size === 0);
  }

  /** Not to be called once `answer` was. */
  join(asker: Asker): Promise<Verdict> {
    const { clock, deadlineMs = WATCH_AFTER_MS } = this.#service;
    const now = clock.now();
    let party = this.#parties.at(-1);
    if (!party || now - party.cameAt > TOGETHER_MS) {
      party = createParty(now);
      this.#parties.push(party);
    }
    party.askers.add(asker);
    if (this.#watched) {
      this.#watch(party, asker);
      this.#awaitDeadline();
    } else this.#cancelTimer ??= clock.after(Math.min(WATCH_AFTER_MS, deadlineMs), () => this.#last());
    return party.answer;
  }

  /** The request has its answer from elsewhere. */
  forget(asker: Asker): void {
    if (this.#parties.some(({ askers }) => askers.delete(asker))) this.#endIfEmpty();
  }

  /** Answers all that still wait. */
  answer(verdict: Verdict): void {
    this.#stopTimer();
    const parties = this.#parties;
    this.#parties = [];
    for (const party of parties) tell(party, verdict);
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** The answer takes a while, so it is worth knowing which clients disconnect, and when the first must be answered. */
  #last(): void {
    this.#cancelTimer = undefined;
    this.#watched = true;
    this.#awaitDeadline();
    for (const party of this.#parties) for (const asker of party.askers) this.#watch(party, asker);
  }

  #watch(party: Party, asker: Asker): void {
    const gone = () => {
      if (!party.askers.delete(asker)) return;
      const { clock, onGone } = this.#service;
      onGone(this.#awaited, asker, clock.now() - party.cameAt);
      if (party.askers.size === 0) party.tell({ healthy: false, failing: [], at: Date.now() }); // read by nothing
      this.#endIfEmpty();
    };
    if (asker.signal.aborted) gone();
    else asker.signal.addEventListener("abort", gone);
  }

  #awaitDeadline(): void {
    const { clock, deadlineMs } = this.#service;
    const [first] = this.#parties;
    if (deadlineMs === undefined || !first) return;
    const expire = () => {
      this.#cancelTimer = undefined;
      afterPendingIo(() => this.#expire(deadlineMs));
    };
    this.#cancelTimer ??= clock.after(Math.max(0, first.cameAt + deadlineMs - clock.now()), expire);
  }

  #expire(deadlineMs: number): void {
    const now = this.#service.clock.now();
    const inTime = this.#parties.findIndex(({ cameAt }) => cameAt + deadlineMs > now);
    const expired = this.#parties.splice(0, inTime < 0 ? this.#parties.length : inTime);
    const newest = expired.findLast(({ askers }) => askers.size > 0);
    if (newest) {
      const verdict = this.#service.soFar(this.#awaited, newest.cameAt + TOGETHER_MS);
      for (const party of expired) tell(party, verdict);
      this.#endIfEmpty();
    }
    this.#awaitDeadline();
  }

  #endIfEmpty(): void {
    if (this.isEmpty) this.#service.onDeserted(this.#awaited);
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
  soFar: (cameAt: number) => Verdict,
  clock: Clock,
): Promise<Verdict> {
  if (patienceMs === undefined) return answer;
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const cameAt = clock.now();
  const cancel = clock.after(patienceMs, () => resolve(soFar(cameAt)));
  void answer.then((verdict) => {
    cancel();
    resolve(verdict);
  });
  return promise;
}
