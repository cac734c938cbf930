// The last runs of a check, in the order in which they began. Typed arrays: as objects they take three times the memory.

import type { CheckResult } from "../checks/check.ts";
import type { Reason } from "../outcome.ts";
import { RUNS_REMEMBERED } from "./bounds.ts";

export interface RememberedRun {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** Undefined if it passed. */
  readonly reason: Reason | undefined;
}

/** The reasons that have occurred; a run has the index of its reason, counted from 1, or 0 if it passed. */
const reasons: Reason[] = [];

/** Of each run: when it began, by the boot clock and since the epoch, and how long it took; in milliseconds. */
const NUMBERS = 3;

export class RunRing {
  readonly #numbers = new Float64Array(NUMBERS * RUNS_REMEMBERED);
  readonly #reasons = new Uint8Array(RUNS_REMEMBERED);
  /** The place of the oldest run. */
  #first = 0;
  #size = 0;

  /** A run that began before others goes before them, or is dropped if it is older than all of a full ring. */
  add({ start, startedAt, durationMs, outcome }: CheckResult): void {
    let index = this.#size;
    while (index > 0 && this.#start(index - 1) > start) index--;
    if (this.#size < RUNS_REMEMBERED) this.#size++;
    else if (index === 0) return;
    else {
      this.#first = this.#place(1);
      index--;
    }
    for (let later = this.#size - 1; later > index; later--) this.#copy(later - 1, later);
    const place = this.#place(index);
    this.#numbers[NUMBERS * place] = start;
    this.#numbers[NUMBERS * place + 1] = startedAt;
    this.#numbers[NUMBERS * place + 2] = durationMs;
    this.#reasons[place] = outcome.ok ? 0 : codeOf(outcome.reason);
  }

  /** Oldest first. */
  runs(): readonly RememberedRun[] {
    return Array.from({ length: this.#size }, (_, index) => {
      const place = this.#place(index);
      return {
        startedAt: this.#numbers[NUMBERS * place + 1] ?? 0,
        durationMs: this.#numbers[NUMBERS * place + 2] ?? 0,
        reason: reasons[(this.#reasons[place] ?? 0) - 1],
      };
    });
  }

  /** Oldest first: "+" for each run that passed, "-" for each that failed. */
  marks(): string {
    let marks = "";
    for (let index = 0; index < this.#size; index++) marks += this.#reasons[this.#place(index)] === 0 ? "+" : "-";
    return marks;
  }

  #place(index: number): number {
    return (this.#first + index) % RUNS_REMEMBERED;
  }

  #start(index: number): number {
    return this.#numbers[NUMBERS * this.#place(index)] ?? 0;
  }

  #copy(from: number, to: number): void {
    const [source, target] = [this.#place(from), this.#place(to)];
    this.#numbers.copyWithin(NUMBERS * target, NUMBERS * source, NUMBERS * (source + 1));
    this.#reasons[target] = this.#reasons[source] ?? 0;
  }
}

function codeOf(reason: Reason): number {
  const index = reasons.indexOf(reason);
  return index < 0 ? reasons.push(reason) : index + 1;
}
