// What runs now: checks that were started together, and the rounds that each of them is for.
//
// A run goes on to its end, also when its clients have gone or were answered, and its results count
// (docs/adr/0010-rounds-run-on.md). After a reload, though, checks that were started together end as soon as no request
// waits for them, where one of them is not watched any more.

import { Batch } from "../checks/batch.ts";
import type { CheckResult } from "../checks/check.ts";
import type { runWithin } from "../checks/run.ts";
import type { Clock } from "../system/clock.ts";
import type { CheckRecord } from "./check-record.ts";
import type { Round } from "./round.ts";

export interface Run {
  /** The checks that have not ended, each with the rounds that it is for. */
  readonly rounds: Map<CheckRecord, Set<Round>>;
  readonly batch: Batch;
  /** By the clock. */
  readonly startedAt: number;
  /** It was ended before its checks were, and their results do not count. */
  isCut: boolean;
}

export class Runs {
  readonly #clock;
  readonly #onResult;
  readonly #runOne;
  readonly #running = new Set<Run>();
  /** Those of a check that is not watched any more. */
  #outdated = new Set<Run>();
  /** What takes the results that have come meanwhile. */
  readonly #ended: (() => void)[] = [];
  #isBusy = false;

  /** `runOne` is for tests. */
  constructor(
    clock: Clock,
    onResult: (run: Run, record: CheckRecord, rounds: ReadonlySet<Round>, result: CheckResult) => void,
    runOne?: typeof runWithin,
  ) {
    this.#clock = clock;
    this.#onResult = onResult;
    this.#runOne = runOne;
  }

  /** Takes no result before `start` has returned, and then one after the other. */
  together<T>(start: () => T): T {
    if (this.#isBusy) return start();
    this.#isBusy = true;
    try {
      const started = start();
      for (let take = this.#ended.shift(); take; take = this.#ended.shift()) take();
      return started;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Starts the checks together, each for its rounds. */
  start(rounds: Run["rounds"]): Run {
    const records = [...rounds.keys()];
    const checks = records.map(({ check }) => check);
    const run: Run = { rounds, batch: new Batch(checks, this.#runOne), startedAt: this.#clock.now(), isCut: false };
    this.#running.add(run);
    for (const record of records) record.runs.add(run);
    if (!records.every(isWatched)) this.#outdated.add(run);
    const onResult = (result: CheckResult, index: number) =>
      this.together(() => this.#ended.push(() => this.#take(run, records[index], result)));
    this.together(() => run.batch.start(onResult));
    return run;
  }

  /** A run of the check alone, which others may join. */
  startShared(record: CheckRecord, rounds = new Set<Round>()): void {
    this.together(() => {
      record.ranAt = this.#clock.now();
      record.run = this.start(new Map([[record, rounds]]));
    });
  }

  #take(run: Run, record: CheckRecord | undefined, result: CheckResult): void {
    const rounds = record && run.rounds.get(record);
    if (!rounds) return;
    run.rounds.delete(record);
    record.runs.delete(run);
    if (run.rounds.size === 0) {
      this.#running.delete(run);
      this.#outdated.delete(run);
    }
    this.#onResult(run, record, rounds, result);
  }

  cut(run: Run): void {
    run.isCut = true;
    run.batch.end();
  }

  /** The watched checks are others now. */
  reconfigure(): void {
    this.#outdated = new Set([...this.#running].filter(({ rounds }) => ![...rounds.keys()].every(isWatched)));
    this.endUseless();
  }

  endUseless(): void {
    for (const run of this.#outdated) if (!isWaitedFor(run)) this.cut(run);
  }

  /** How many rounds have runs that have not ended. */
  get roundsRunning(): number {
    return new Set([...this.#running].flatMap(({ rounds }) => [...rounds.values()].flatMap((some) => [...some]))).size;
  }

  abort(): void {
    for (const run of this.#running) this.cut(run);
  }
}

const isWatched = ({ isWatched }: CheckRecord): boolean => isWatched;

const isWaitedFor = ({ rounds }: Run): boolean =>
  [...rounds.values()].some((some) => [...some].some(({ waiting }) => waiting.size > 0));
