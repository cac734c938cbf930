// One evaluation of a group of checks, for all the requests that wait for it.
//
// It needs to know of each deciding check whether it passes. Of a check on request only a run that was started for the
// round tells. Of one in the background a fresh result does, and where there is none the round waits for a run. A
// check that fails decides at once; what is still unknown at a request's deadline has failed.

import type { Verdict } from "../checks/check.ts";
import type { Outcome } from "../outcome.ts";
import type { CheckRecord } from "./check-record.ts";
import { type Decides, judge, unhealthy } from "./verdict.ts";

/** What can be asked for: the host, or an endpoint. */
export class Group {
  readonly records: readonly CheckRecord[];
  readonly decides: Decides;
  /** Those that run for each request, and those that run when a request comes, and decide nothing. */
  readonly onRequest: readonly CheckRecord[];
  readonly reported: readonly CheckRecord[];
  /** Some that decide run in the background. */
  readonly hasBackground: boolean;
  readonly singleflight: boolean;
  readonly deadlineMs: number;
  /** A round that further requests join: one of which nothing runs yet, or, where requests share what runs, the one that does. */
  joinable: Round | undefined;

  constructor(
    records: readonly CheckRecord[],
    decides: Decides,
    singleflight: boolean,
    deadlineMs = Number.POSITIVE_INFINITY,
  ) {
    this.records = records;
    this.decides = decides;
    this.onRequest = records.filter(({ check, runsOnRequest }) => runsOnRequest && decides(check));
    this.reported = records.filter(({ check, runsOnRequest }) => runsOnRequest && !decides(check));
    this.hasBackground = records.some(({ check, runsOnRequest }) => !runsOnRequest && decides(check));
    this.singleflight = singleflight;
    this.deadlineMs = deadlineMs;
  }

  /** Undefined where that takes a run. */
  verdict(find: (record: CheckRecord) => Outcome | undefined): Verdict | undefined {
    return judge(this.records, this.decides, find);
  }

  /** The deciding checks of which `find` gives no pass. */
  lacking(find: (record: CheckRecord) => Outcome | undefined): readonly CheckRecord[] {
    return this.records.filter((record) => this.decides(record.check) && !find(record)?.ok);
  }
}

export class Round {
  readonly group: Group;
  /** What answers each request that waits. */
  readonly waiting = new Set<(verdict: Verdict) => void>();
  /** On request: how its own runs have ended. */
  readonly outcomes = new Map<CheckRecord, Outcome>();
  /** On request: it had to wait for places, and the checks that still do. */
  wasQueued = false;
  unplaced = new Set<CheckRecord>();
  /** Set while more requests are expected to join before it begins. */
  cancelStart: (() => void) | undefined;
  /** In the background: what was run for its sake; once has to do. */
  readonly started = new Set<CheckRecord>();

  constructor(group: Group) {
    this.group = group;
  }

  /** Only its runs on request will tell, and none has ended. */
  get knowsNothing(): boolean {
    return this.outcomes.size === 0 && !this.hasRun && !this.group.hasBackground;
  }

  /** All its runs on request have ended. */
  get hasRun(): boolean {
    return this.outcomes.size === this.group.onRequest.length;
  }

  #find(record: CheckRecord, now: number): Outcome | undefined {
    return record.runsOnRequest ? this.outcomes.get(record) : record.known(now);
  }

  /** Undefined where runs have to tell. */
  verdict(now: number): Verdict | undefined {
    return this.group.verdict((record) => this.#find(record, now));
  }

  /** Deciding checks of which it is not known whether they pass. */
  unknown(now: number): readonly CheckRecord[] {
    return this.group.lacking((record) => this.#find(record, now));
  }

  /**
   * What a request that came at `cameAt` is answered if it cannot wait, and the checks that it has to do without: what
   * is not known has failed. Where a check had to wait for a place, its newest result since the request came counts.
   */
  verdictNow(cameAt: number, now: number): { verdict: Verdict; lacking: readonly CheckRecord[] } {
    const find = (record: CheckRecord) => {
      const { last } = record.state;
      const newer = this.wasQueued && last && last.start + last.durationMs > cameAt ? last.outcome : undefined;
      return this.#find(record, now) ?? newer;
    };
    const verdict = this.group.verdict((record) => find(record) ?? record.missing);
    return { verdict: verdict ?? unhealthy(), lacking: this.group.lacking(find) };
  }
}
