// The requests that wait for one round. Each is answered by its deadline, whatever is still missing then.

import type { Verdict } from "../checks/check.ts";
import { afterPendingIo } from "../system/event-loop.ts";
import type { Round } from "./round.ts";

/** Who asks for a verdict; a Request is one. */
export interface Client {
  /** Aborts when the client has disconnected. */
  readonly signal: AbortSignal;
  /** It is answered by then from what is known, whatever the deadline of its group. */
  readonly maxWaitMs?: number;
}

/** Making a request's signal costs a tenth of answering it, so it is made only where the answer takes longer. */
const WATCH_AFTER_MS = 5;

interface Waiter {
  readonly client: Client;
  readonly cameAt: number;
  readonly answerBy: number;
  readonly answer: (verdict: Verdict) => void;
}

export class Waiters {
  readonly #round: Round;
  readonly #waiting = new Set<Waiter>();
  /** From then on every client's signal is listened to. */
  #isWatching = false;
  #cancelTimer: (() => void) | undefined;

  constructor(round: Round) {
    this.#round = round;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  add(client: Client): Promise<Verdict> {
    const { clock } = this.#round.host;
    const { deadlineMs = Number.POSITIVE_INFINITY } = this.#round.group;
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const cameAt = clock.now();
    const answerBy = cameAt + Math.min(deadlineMs, client.maxWaitMs ?? Number.POSITIVE_INFINITY);
    const waiter = { client, cameAt, answerBy, answer: resolve };
    this.#waiting.add(waiter);
    if (this.#isWatching) {
      this.#watch(waiter);
      // Later than those that wait, but for one with a limit of its own.
      if (client.maxWaitMs !== undefined || (deadlineMs < Number.POSITIVE_INFINITY && !this.#cancelTimer))
        this.#awaitDeadline();
    } else this.#cancelTimer ??= clock.after(Math.min(WATCH_AFTER_MS, answerBy - cameAt), () => this.#startWatching());
    return promise;
  }

  /** Answers all that wait. */
  answer(verdict: Verdict): void {
    this.#stopTimer();
    for (const { answer } of this.#waiting) answer(verdict);
    this.#waiting.clear();
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** The answer takes a while, so it is worth knowing which clients disconnect, and when the first must be answered. */
  #startWatching(): void {
    this.#isWatching = true;
    for (const waiter of this.#waiting) this.#watch(waiter);
    this.#awaitDeadline();
  }

  #watch(waiter: Waiter): void {
    const { client, cameAt, answer } = waiter;
    const { host } = this.#round;
    const onGone = () => {
      if (!this.#waiting.has(waiter)) return;
      const now = host.clock.now();
      host.onGone(now - cameAt, this.#round.unknown(now));
      this.#waiting.delete(waiter);
      answer({ healthy: false, failing: [], at: Date.now() }); // read by nothing
      if (this.isEmpty) host.onEmpty(this.#round);
    };
    if (client.signal.aborted) onGone();
    else client.signal.addEventListener("abort", onGone);
  }

  #awaitDeadline(): void {
    this.#stopTimer();
    const { clock } = this.#round.host;
    let first = Number.POSITIVE_INFINITY;
    for (const { answerBy } of this.#waiting) first = Math.min(first, answerBy);
    if (first === Number.POSITIVE_INFINITY) return;
    const expire = () => {
      this.#cancelTimer = undefined;
      // What has arrived by now counts, also where the loop stood still.
      afterPendingIo(() => this.#expire());
    };
    this.#cancelTimer = clock.after(Math.max(0, first - clock.now()), expire);
  }

  #expire(): void {
    const { host } = this.#round;
    const now = host.clock.now();
    const expired = [...this.#waiting].filter(({ answerBy }) => answerBy <= now);
    for (const waiter of expired) {
      const verdict = this.#round.answerNow(waiter.cameAt, now);
      if (this.#waiting.delete(waiter)) waiter.answer(verdict);
    }
    if (expired.length > 0 && this.isEmpty) host.onEmpty(this.#round);
    else this.#awaitDeadline();
  }
}
