// Decides which round a request joins, and when the runs of a round start.
//
// With single flight, requests share the round that runs. Without it, each check has `maxRounds` places: at most so
// many runs of it are under way for requests at once. A request has a round for itself, but the last place of a
// check is shared by the rest of a burst (docs/adr/0004-places.md). A request that finds no place for one of its checks
// waits for that check alone, and shares its next run with all others that wait for it. So without single flight no run
// that answers a request began before it came, and no flood forks without bound.
//
// Where all that decides runs in the background, requests share the round that waits. Checks that decide nothing take
// no place: each runs at most once at a time.

import type { CheckResult, Verdict } from "../checks/check.ts";
import type { Clock } from "../system/clock.ts";
import type { CheckRecord } from "./check-record.ts";
import { type Group, Round, type RoundHost } from "./round.ts";
import type { Run, Runs } from "./runs.ts";
import { verdictOf } from "./verdict.ts";
import type { Client } from "./waiters.ts";

/**
 * The last place starts so long after the first request that found no other: its run then ends within 50 ms of those
 * that started at once. It starts sooner where another run ends sooner.
 */
const GATHER_MS = 40;

const NONE: Set<CheckRecord> = new Set();

export class Admission {
  readonly #runs: Runs;
  readonly #host: RoundHost;
  readonly #clock: Clock;
  #maxRounds = 1;
  /** The rounds that wait for a place, for one of their checks at least. */
  readonly #queue = new Set<Round>();
  #isStopped = false;

  constructor(runs: Runs, host: Omit<RoundHost, "onEmpty">) {
    this.#runs = runs;
    this.#host = { ...host, onEmpty: (round) => this.#release(round) };
    this.#clock = host.clock;
  }

  ask(group: Group, client: Client): Promise<Verdict> {
    if (this.#isStopped)
      return Promise.resolve(new Round(group, this.#host).answerNow(Number.POSITIVE_INFINITY, this.#clock.now()));
    const { joinable } = group;
    const round = joinable ?? new Round(group, this.#host);
    const answer = round.waiters.add(client);
    if (!joinable) this.#admit(round);
    if (!round.knowsNothing) this.#advance(round, this.#clock.now());
    return answer;
  }

  #admit(round: Round): void {
    const { group } = round;
    const { onRequest } = group;
    let taken = 0;
    for (const { places } of onRequest) taken = Math.max(taken, places.taken);
    if (onRequest.length === 0) {
      group.joinable = round;
      this.#startReported(group);
    } else if (taken < Math.max(1, this.#maxRounds - 1)) {
      for (const { places } of onRequest) places.taken++;
      this.#start(onRequest, Array(onRequest.length).fill(new Set([round])));
    } else {
      this.#queue.add(round);
      group.joinable = round;
      round.hasQueued = true;
      round.unplaced = new Set(onRequest);
      round.cancelStart = this.#clock.after(GATHER_MS, () => {
        round.cancelStart = undefined;
        this.#startQueued();
      });
    }
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
        const together = starting.get(record);
        if (together) together.add(round);
        else {
          record.places.taken++;
          starting.set(record, new Set([round]));
        }
      }
    }
    if (starting.size > 0) this.#start([...starting.keys()], [...starting.values()]);
  }

  /** Starts each check, which has its place, for its rounds. */
  #start(records: readonly CheckRecord[], rounds: readonly Set<Round>[]): void {
    for (const [index, record] of records.entries()) {
      for (const round of rounds[index] ?? []) {
        if (round.isNew) this.#begin(round);
        round.running++;
        if (round.unplaced.delete(record) && round.unplaced.size === 0) this.#queue.delete(round);
      }
    }
    this.#runs.start(records, rounds);
  }

  /** The first check of the round starts. */
  #begin(round: Round): void {
    const { group } = round;
    round.cancelStart?.();
    round.cancelStart = undefined;
    group.joinable = group.singleflight ? round : undefined;
    this.#startReported(group);
  }

  #startReported({ reported }: Group): void {
    for (const record of reported) if (!record.run && record.isWatched) this.#runs.startShared(record);
  }

  /** A run of the check has ended; its result is in the record already. */
  takeResult(run: Run, record: CheckRecord, rounds: ReadonlySet<Round>, { outcome }: CheckResult, now: number): void {
    const isShared = record.run === run;
    if (isShared) record.run = undefined;
    else record.places.taken--;
    for (const round of rounds) {
      if (!isShared) round.takeOutcome(record, outcome);
      if (!round.waiters.isEmpty && (isShared || !outcome.ok || round.hasOutcomes)) this.#advance(round, now);
      const { group, unplaced } = round;
      if (!isShared && round.running === 0 && unplaced.size === 0) leave(group, round);
    }
    if (!isShared && this.#queue.size > 0) this.#startQueued();
  }

  /** Answers the requests of the round, or waits for the runs that it lacks. */
  #advance(round: Round, now: number): void {
    const failing = round.failing(now);
    if (failing.length > 0) {
      round.answer(verdictOf(failing));
      return;
    }
    const lacking = round.group.background.filter((record) => this.#lacksRun(round, record, now));
    if (lacking.length === 0 && round.hasOutcomes) round.answer(round.answerNow(now, now));
  }

  /** Whether a run of the check is still to be waited for; started if need be. */
  #lacksRun(round: Round, record: CheckRecord, now: number): boolean {
    if (record.isFresh(now)) return false;
    const { run } = record;
    if (run) {
      run.rounds[0]?.add(round);
      if (record.isRunTooOld(now)) this.#runs.cut(run);
      return true;
    }
    if (round.started.has(record)) return false;
    round.started.add(record);
    this.#runs.startShared(record, new Set([round]));
    return true;
  }

  /** No request waits for the round: what has not started for it will not. */
  #release(round: Round): void {
    const { group, running, unplaced } = round;
    this.#queue.delete(round);
    round.cancelStart?.();
    round.cancelStart = undefined;
    round.unplaced = NONE;
    round.started.clear();
    for (const { run } of group.background) run?.rounds[0]?.delete(round);
    // What will never be complete may not be joined.
    if (running === 0 || unplaced.size > 0) leave(group, round);
    this.#runs.endUseless();
  }

  reconfigure(maxRounds: number): void {
    this.#maxRounds = maxRounds;
    this.#startQueued();
  }

  /** Answers all that wait, from what is known. */
  abort(): void {
    this.#isStopped = true;
    const now = this.#clock.now();
    for (const round of new Set([...this.#queue, ...this.#runs.rounds])) {
      if (!round.waiters.isEmpty) round.waiters.answer(round.answerNow(Number.POSITIVE_INFINITY, now));
      this.#release(round);
    }
  }
}

function leave(group: Group, round: Round): void {
  if (group.joinable === round) group.joinable = undefined;
}
