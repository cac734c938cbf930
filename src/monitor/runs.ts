// What runs now: checks that were started together, and the rounds that each of them is for.
//
// A run goes on to its end, also when its clients have gone or were answered, and its results count
// (docs/adr/0010-rounds-run-on.md). After a reload, though, checks that were started together end as soon as no request
// waits for them, where one of them is not watched any more.

import { Batch } from "../checks/batch.ts";
import type { CheckResult } from "../checks/check.ts";
import { runWithin } from "../checks/run.ts";
import type { Clock } from "../system/clock.ts";
import type { CheckRecord } from "./check-record.ts";
import type { Round } from "./round.ts";

export interface Run {
  readonly records: readonly CheckRecord[];
  /** Of each record. */
  readonly rounds: readonly Set<Round>[];
  /** How many have not ended. */
  left: number;
  /** It was ended before its checks were, and their results do not count. */
  isCut: boolean;
  /** Resolves once the last result is taken. */
  readonly ended: Promise<void>;
  readonly end: () => void;
}

type OnResult = (run: Run, record: CheckRecord, rounds: ReadonlySet<Round>, result: CheckResult) => void;

const NO_ROUNDS: ReadonlySet<Round> = new Set();

export class Runs {
  readonly #clock: Clock;
  readonly #onResult: OnResult;
  readonly #runOne: typeof runWithin;
  readonly #running = new Set<Run>();
  /** Those of a check that is not watched any more. */
  #outdated = new Set<Run>();

  /** `runOne` is for tests. */
  constructor(clock: Clock, onResult: OnResult, runOne = runWithin) {
    this.#clock = clock;
    this.#onResult = onResult;
    this.#runOne = runOne;
  }

  /** Starts the checks together, each for its rounds. */
  start(records: readonly CheckRecord[], rounds: readonly Set<Round>[]): Run {
    const checks = records.map(({ check }) => check);
    const take = (result: CheckResult, index: number) => {
      run.left--;
      if (run.left === 0) this.#forget(run);
      const record = records[index];
      if (record) this.#onResult(run, record, rounds[index] ?? NO_ROUNDS, result);
    };
    const batch = new Batch(checks, (check, limit) => Promise.resolve(this.#runOne(check, limit)));
    batch.start(take);
    const run: Run = { records, rounds, left: records.length, isCut: false, ended: batch.ended, end: batch.end };
    this.#running.add(run);
    if (!records.every(isWatched)) this.#outdated.add(run);
    return run;
  }

  /** A run of the check alone, which others may join. */
  startShared(record: CheckRecord, rounds = new Set<Round>()): void {
    record.ranAt = this.#clock.now();
    record.isPutOff = false;
    record.run = this.start([record], [rounds]);
  }

  #forget(run: Run): void {
    this.#running.delete(run);
    this.#outdated.delete(run);
  }

  cut(run: Run): void {
    run.isCut = true;
    run.end();
  }

  /** The watched checks are others now. */
  reconfigure(): void {
    this.#outdated = new Set([...this.#running].filter(({ records }) => !records.every(isWatched)));
    this.endUseless();
  }

  endUseless(): void {
    for (const run of this.#outdated) if (!isWaitedFor(run)) this.cut(run);
  }

  /** Every round that something runs for. */
  get rounds(): readonly Round[] {
    return [...this.#running].flatMap(({ rounds }) => rounds.flatMap((some) => [...some]));
  }

  /** Resolves when what runs now of these has ended. */
  async whenEnded(records: ReadonlySet<CheckRecord>): Promise<void> {
    const runs = [...this.#running].filter((run) => run.records.some((record) => records.has(record)));
    await Promise.all(runs.map(({ ended }) => ended));
  }

  abort(): void {
    for (const run of this.#running) this.cut(run);
  }
}

const isWatched = ({ isWatched }: CheckRecord): boolean => isWatched;

const isWaitedFor = ({ rounds }: Run): boolean =>
  rounds.some((some) => [...some].some(({ waiters }) => !waiters.isEmpty));
