// One evaluation of a group of checks, for all the requests that wait for it.
//
// It needs to know of each deciding check whether it passes. Of a check on request only a run that was started for the
// round tells. Of one in the background a fresh result does, and where there is none the round waits for a run. A
// check that fails decides at once; what is still unknown at a request's deadline has failed.

import type { Failing, Verdict } from "../checks/check.ts";
import type { Outcome } from "../outcome.ts";
import type { Clock } from "../system/clock.ts";
import type { CheckRecord } from "./check-record.ts";
import { type Finding, failingAmong, findingOf, verdictOf } from "./verdict.ts";
import { Waiters } from "./waiters.ts";

/** What can be asked for: the host, or an endpoint. */
export interface Group {
  readonly records: readonly CheckRecord[];
  /** Those that decide, and which of them run for each request, and in the background. */
  readonly deciding: readonly CheckRecord[];
  readonly onRequest: readonly CheckRecord[];
  readonly background: readonly CheckRecord[];
  /** Those that run when a request comes, and decide nothing. */
  readonly reported: readonly CheckRecord[];
  readonly singleflight: boolean;
  readonly deadlineMs: number | undefined;
  /** What is known without a run, and until when that is certainly fresh; until a result in the background changes it. */
  known?: { readonly verdict: Verdict; readonly freshUntil: number; readonly version: number };
  /** A round that further requests join: one of which nothing runs yet, or, where requests share what runs, the one that does. */
  joinable?: Round | undefined;
}

/** What a round reports to. */
export interface RoundHost {
  readonly clock: Clock;
  /** The requests of the round are about to be answered. */
  readonly onAnswer: () => void;
  /** A client disconnected before its answer, while nothing was known of these checks. */
  readonly onGone: (waitedMs: number, unknown: readonly CheckRecord[]) => void;
  /** A request is about to be answered without passes of these; `deadlineMs` where that is since its deadline has come. */
  readonly onMissing: (missing: readonly CheckRecord[], deadlineMs: number | undefined) => void;
  /** No request waits any more: all were answered, or their clients have disconnected. */
  readonly onEmpty: (round: Round) => void;
}

const NONE: Set<CheckRecord> = new Set();

export class Round {
  readonly group: Group;
  readonly host: RoundHost;
  readonly waiters: Waiters;
  /** On request: how its own runs ended. */
  readonly #outcomes = new Map<CheckRecord, Outcome>();
  /** How many of them have not. */
  running = 0;
  /** Checks on request that had to wait for a place, and those that still do. */
  hasQueued = false;
  unplaced = NONE;
  /** Set while more requests are expected to join before it starts. */
  cancelStart: (() => void) | undefined;
  /** In the background: what was run for its sake; once has to do. */
  readonly started: Set<CheckRecord>;

  constructor(group: Group, host: RoundHost) {
    this.group = group;
    this.host = host;
    this.waiters = new Waiters(this);
    this.started = group.background.length > 0 ? new Set() : NONE;
  }

  /** None of its checks on request has started. */
  get isNew(): boolean {
    return this.running === 0 && this.#outcomes.size === 0;
  }

  /** Only its runs on request will tell, and none has ended. */
  get knowsNothing(): boolean {
    return this.#outcomes.size === 0 && !this.hasOutcomes && this.group.background.length === 0;
  }

  takeOutcome(record: CheckRecord, outcome: Outcome): void {
    this.running--;
    this.#outcomes.set(record, outcome);
  }

  /** Every check on request has ended. */
  get hasOutcomes(): boolean {
    return this.#outcomes.size === this.group.onRequest.length;
  }

  #finding(record: CheckRecord, now: number): Finding {
    if (!record.runsOnRequest) return record.finding(now);
    const outcome = this.#outcomes.get(record);
    return outcome && findingOf(outcome);
  }

  answer(verdict: Verdict): void {
    this.host.onAnswer();
    this.waiters.answer(verdict);
    this.host.onEmpty(this);
  }

  /** Deciding checks that are known to fail. */
  failing(now: number): readonly Failing[] {
    return failingAmong(this.group.deciding, (record) => this.#finding(record, now));
  }

  /** Deciding checks of which it is not known. */
  unknown(now: number): readonly CheckRecord[] {
    return this.group.deciding.filter((record) => !this.#finding(record, now));
  }

  /**
   * What a request that came at `cameAt` is answered if it cannot wait: what is not known has failed. Where a check had
   * to wait for a place, its newest result since the request came counts.
   */
  answerNow(cameAt: number, now: number): Verdict {
    const { records, deciding, deadlineMs = Number.POSITIVE_INFINITY } = this.group;
    const missing: CheckRecord[] = [];
    const failing = failingAmong(deciding, (record) => {
      const known = this.#finding(record, now) ?? this.#newestSince(record, cameAt);
      if (known !== "passed") missing.push(record);
      return known ?? (record.runsOnRequest ? "deadline" : record.missingAs);
    });
    if (missing.length > 0) this.host.onMissing(missing, now >= cameAt + deadlineMs ? deadlineMs : undefined);
    return verdictOf(failing, records.length === 0);
  }

  #newestSince({ newest }: CheckRecord, cameAt: number): Finding {
    return this.hasQueued && newest && newest.at > cameAt ? findingOf(newest.outcome) : undefined;
  }
}
