// Decides which round a request joins, when the runs of a round start, and when its requests are answered.
//
// With single flight, requests share the round that runs. Without it, each check has `maxRounds` places: at most so
// many runs of it are under way for requests at once. A request has a round for itself, but the last place of a
// check is shared by the rest of a burst (docs/adr/0004-places.md). A request that finds no place for one of its checks
// waits for that check alone, and shares its next run with all others that wait for it. So without single flight no run
// that answers a request began before it came, and no flood forks without bound.
//
// A run that ends at once keeps its place until the next turn of the event loop, and a turn that has had its probes
// (system/turn.ts) has no place left. So requests that come together share a round also where checks take no time.
//
// Where all that decides runs in the background, requests share the round that waits. Checks that decide nothing take
// no place: each runs at most once at a time.

import type { CheckResult, Verdict } from "../checks/check.ts";
import { type Clock, callAt } from "../system/clock.ts";
import { afterPendingIo } from "../system/event-loop.ts";
import { isTurnSpent } from "../system/turn.ts";
import type { CheckRecord } from "./check-record.ts";
import { type Group, Round } from "./round.ts";
import type { Run, Runs } from "./runs.ts";
import { unhealthy } from "./verdict.ts";

/**
 * The last place starts so long after the first request that found no other: its run then ends within 50 ms of those
 * that started at once. It starts sooner where another run ends sooner.
 */
const GATHER_MS = 40;

/**
 * A request that has waited so long has its client and its deadline watched. That takes 7 us, as much as all else that
 * a round of two checks takes here, and most are answered before.
 */
const WATCH_AFTER_MS = 5;

export class Admission {
  readonly #clock;
  readonly #runs;
  readonly #onAnswer;
  readonly #onGone;
  #maxRounds = 1;
  /** The rounds that requests wait for, and those that wait for a place, for one of their checks at least. */
  readonly #waitedFor = new Set<Round>();
  readonly #queue = new Set<Round>();
  /** What has the requests watched that came within the last few milliseconds. */
  readonly #watches: (() => void)[] = [];
  /** The checks whose runs have ended in this turn of the loop, the very one in which they began. */
  #endedAtOnce: CheckRecord[] = [];
  #isOpening = false;
  #isNextTurnDue = false;
  #isStopped = false;
  #shared = 0;

  /**
   * `onAnswer`: requests are about to be answered, without passes of these checks; with `deadlineMs` where that is since
   * their deadline has come. `onGone`: a client disconnected before its answer, while nothing was known of these.
   */
  constructor(
    clock: Clock,
    runs: Runs,
    onAnswer: (lacking: readonly CheckRecord[], deadlineMs?: number) => void,
    onGone: (waitedMs: number, unknown: readonly CheckRecord[]) => void,
  ) {
    this.#clock = clock;
    this.#runs = runs;
    this.#onAnswer = onAnswer;
    this.#onGone = onGone;
  }

  /** At once where every run that it takes ends at once. */
  verdict(group: Group, client: Pick<Request, "signal">, maxWaitMs: number): Verdict | Promise<Verdict> {
    if (this.#isStopped) return this.#verdictNow(new Round(group));
    const now = this.#clock.now();
    if (group.joinable) this.#shared++;
    const round = group.joinable ?? new Round(group);
    const verdict = this.#openOrJoin(round, now) ?? this.#decide(round, now);
    if (!verdict) return this.#wait(round, client, maxWaitMs, now);
    this.#answer(round, verdict);
    return verdict;
  }

  /** What is known before any of its runs has ended may decide already. */
  #openOrJoin(round: Round, now: number): Verdict | undefined {
    this.#isOpening = true;
    try {
      return this.#runs.together(() => {
        if (round !== round.group.joinable) this.#open(round);
        return this.#decide(round, now);
      });
    } finally {
      this.#isOpening = false;
    }
  }

  #open(round: Round): void {
    const { group } = round;
    const { onRequest } = group;
    const alone = Math.max(1, this.#maxRounds - 1);
    const isSpent = onRequest.length > 0 && isTurnSpent();
    if (!isSpent && onRequest.every(({ places }) => places.taken < alone)) {
      this.#begin(round);
      for (const { places } of onRequest) places.taken++;
      const rounds = new Set([round]);
      this.#start(new Map(onRequest.map((record) => [record, rounds])));
      return;
    }
    this.#queue.add(round);
    group.joinable = round;
    round.wasQueued = true;
    round.unplaced = new Set(onRequest);
    round.cancelStart = this.#clock.after(GATHER_MS, () => {
      round.cancelStart = undefined;
      this.#startQueued();
    });
    if (isSpent) this.#awaitNextTurn();
  }

  #awaitNextTurn(): void {
    if (this.#isNextTurnDue) return;
    this.#isNextTurnDue = true;
    setImmediate(() => {
      this.#isNextTurnDue = false;
      for (const { places } of this.#endedAtOnce.splice(0)) places.taken--;
      this.#startQueued();
    });
  }

  /**
   * Starts what waits and has a place: all that is missing, whether more requests are expected or not; part
   * of it only where none are, so that requests that come together share a round.
   */
  #startQueued(): void {
    const starting = new Map<CheckRecord, Set<Round>>();
    const hasPlace = (record: CheckRecord) => starting.has(record) || record.places.taken < this.#maxRounds;
    for (const round of this.#queue) {
      const ready = [...round.unplaced].filter(hasPlace);
      if (round.cancelStart && ready.length < round.unplaced.size) continue;
      for (const record of ready) {
        const rounds = starting.get(record);
        if (!rounds) record.places.taken++;
        starting.set(record, (rounds ?? new Set()).add(round));
      }
    }
    this.#runs.together(() => this.#start(starting));
  }

  /** Starts each check, which has its place, for its rounds. */
  #start(starting: Run["rounds"]): void {
    if (starting.size === 0) return;
    for (const [record, rounds] of starting) {
      for (const round of rounds) {
        if (round.unplaced.size === round.group.onRequest.length) this.#begin(round);
        if (round.unplaced.delete(record) && round.unplaced.size === 0) this.#queue.delete(round);
      }
    }
    this.#runs.start(starting);
  }

  #begin(round: Round): void {
    const { group } = round;
    const { onRequest, reported, singleflight } = group;
    stopGathering(round);
    group.joinable = singleflight || onRequest.length === 0 ? round : undefined;
    for (const record of reported) if (!record.run && record.isWatched) this.#runs.startShared(record);
  }

  /** A run of the check has ended; its result is in the record already. */
  take(run: Run, record: CheckRecord, rounds: ReadonlySet<Round>, { outcome }: CheckResult): void {
    const isShared = record.run === run;
    if (isShared) record.run = undefined;
    else if (this.#isOpening) {
      this.#endedAtOnce.push(record);
      this.#awaitNextTurn();
    } else record.places.taken--;
    for (const round of rounds) {
      if (!isShared) round.outcomes.set(record, outcome);
      if (round.waiting.size > 0 && (isShared || !outcome.ok || round.hasRun)) {
        const verdict = this.#decide(round, this.#clock.now());
        if (verdict) this.#answer(round, verdict);
      }
      if (!isShared && round.hasRun) leave(round);
    }
    if (!isShared) this.#startQueued();
  }

  /** Undefined where runs are to be waited for; they are started if need be. */
  #decide(round: Round, now: number): Verdict | undefined {
    if (round.knowsNothing) return undefined;
    const verdict = round.verdict(now);
    if (verdict) return verdict;
    const awaited = round.unknown(now).filter((record) => record.runsOnRequest || this.#awaits(round, record, now));
    return awaited.length === 0 ? this.#verdictNow(round, now) : undefined;
  }

  /** Whether a run of the check in the background is still to be waited for. */
  #awaits(round: Round, record: CheckRecord, now: number): boolean {
    const { run } = record;
    if (run) {
      run.rounds.get(record)?.add(round);
      if (record.isRunTooOld(now)) this.#runs.cut(run);
      return true;
    }
    if (round.started.has(record)) return false;
    round.started.add(record);
    this.#runs.startShared(record, new Set([round]));
    return true;
  }

  /** The client waits until the verdict is known, or its time is over. */
  #wait(round: Round, client: Pick<Request, "signal">, maxWaitMs: number, cameAt: number): Promise<Verdict> {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    let unwatch = () => {};
    const answer = (verdict: Verdict) => {
      unwatch();
      round.waiting.delete(answer);
      resolve(verdict);
    };
    const answerAlone = (verdict: Verdict) => {
      answer(verdict);
      if (round.waiting.size === 0) this.#release(round);
    };
    const onGone = () => {
      const now = this.#clock.now();
      this.#onGone(now - cameAt, round.unknown(now));
      answerAlone(unhealthy()); // read by nothing
    };
    const expire = () => {
      if (round.waiting.has(answer)) answerAlone(this.#verdictNow(round, cameAt));
    };
    const waitMs = Math.min(round.group.deadlineMs, maxWaitMs);
    const watch = () => {
      if (!round.waiting.has(answer)) return;
      const { signal } = client;
      // What has arrived by then counts, also where the loop stood still.
      const cancel = callAt(this.#clock, cameAt + waitMs, () => afterPendingIo(expire));
      unwatch = () => {
        cancel();
        signal.removeEventListener("abort", onGone);
      };
      if (signal.aborted) onGone();
      else signal.addEventListener("abort", onGone);
    };
    round.waiting.add(answer);
    this.#waitedFor.add(round);
    if (waitMs < WATCH_AFTER_MS) watch();
    else if (this.#watches.push(watch) === 1) this.#clock.after(WATCH_AFTER_MS, () => this.#watch());
    return promise;
  }

  #watch(): void {
    for (const watch of this.#watches.splice(0)) watch();
  }

  #answer(round: Round, verdict: Verdict): void {
    this.#onAnswer([]);
    for (const answer of round.waiting) answer(verdict);
    this.#release(round);
  }

  /** What a request that came at `cameAt` is answered if it cannot wait. */
  #verdictNow(round: Round, cameAt = Number.POSITIVE_INFINITY): Verdict {
    const now = this.#clock.now();
    const { verdict, lacking } = round.verdictNow(cameAt, now);
    const { deadlineMs } = round.group;
    if (lacking.length > 0) this.#onAnswer(lacking, now >= cameAt + deadlineMs ? deadlineMs : undefined);
    return verdict;
  }

  /** No request waits for the round: what has not started for it will not. */
  #release(round: Round): void {
    const { group, unplaced } = round;
    this.#waitedFor.delete(round);
    this.#queue.delete(round);
    stopGathering(round);
    // What will never be complete may not be joined.
    if (round.hasRun || unplaced.size > 0) leave(round);
    unplaced.clear();
    round.started.clear();
    for (const record of group.records) record.run?.rounds.get(record)?.delete(round);
    this.#runs.endUseless();
  }

  /** How many requests have joined a round that had begun for another. */
  get shared(): number {
    return this.#shared;
  }

  reconfigure(maxRounds: number): void {
    this.#maxRounds = maxRounds;
    this.#startQueued();
  }

  /** Answers all that wait, from what is known. */
  abort(): void {
    this.#isStopped = true;
    for (const round of this.#waitedFor) this.#answer(round, this.#verdictNow(round));
  }
}

function stopGathering(round: Round): void {
  round.cancelStart?.();
  round.cancelStart = undefined;
}

function leave(round: Round): void {
  const { group } = round;
  if (group.joinable === round) group.joinable = undefined;
}
