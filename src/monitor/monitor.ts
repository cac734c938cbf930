// Owns what is known of the checks, and keeps it up to date: the checks with an interval
// run in the background, the others when a request comes.
//
// A request is answered by a round (round.ts), or at once where all that decides is known from the background.

import type { Check, CheckResult, CheckState, Verdict } from "../checks/check.ts";
import type { runWithin } from "../checks/run.ts";
import type { Reason } from "../outcome.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { within } from "../system/event-loop.ts";
import { Admission } from "./admission.ts";
import { CheckRecord, type CheckReport } from "./check-record.ts";
import { holdRuns, untilIdle } from "./hold.ts";
import { Group, type Round } from "./round.ts";
import { type Run, Runs } from "./runs.ts";
import { createSchedule } from "./scheduler.ts";
import { StartQueue } from "./start-queue.ts";
import { decidesEndpoint, decidesHost, unhealthy } from "./verdict.ts";

export type { CheckReport } from "./check-record.ts";

/** What is known of the checks of new settings before these apply. */
export interface Trial {
  /** Each new check that takes over the status of the one it replaces. */
  readonly changed: ReadonlyMap<Check, Check>;
  /** Of runs of the new checks. */
  readonly results: readonly CheckResult[];
}

/** What is watched and how: all that can change while it is. */
export interface MonitorSettings {
  /**
   * What can be asked for, lists of checks: first the host itself, all checks, decided by the critical
   * ones; then its endpoints, each decided by every check of its list.
   */
  readonly groups: readonly (readonly Check[])[];
  readonly singleflight: boolean;
  /** How many runs of one check may be under way for requests at once. */
  readonly maxRounds: number;
  /** Of each group: a request is answered by then, counted from its arrival; absent: when its verdict is known. */
  readonly deadlinesMs?: readonly (number | undefined)[];
}

/** What is reported of it. */
export interface MonitorListener {
  /** After each run that came to its own end, by its timeout too. */
  readonly onResult: (result: CheckResult, before: CheckState, after: CheckState) => void;
  /** The host was judged again, since a check changed. */
  readonly onVerdict: (verdict: Verdict, before: Verdict | undefined) => void;
  /** A client disconnected before its answer, while these checks were still running; they run on. */
  readonly onGone: (waitedMs: number, running: readonly Check[]) => void;
  /** A request had to be answered while the check had no result, or one too old; once until it has one again. */
  readonly onStale: (check: Check, ageMs: number | undefined) => void;
  /** A request was answered unhealthy at this deadline, since the check was still running, and then the check passed. */
  readonly onLate?: (result: CheckResult, deadlineMs: number) => void;
  /** One of the functions above has thrown, which changes nothing else. */
  readonly onFault: (error: unknown) => void;
}

export interface MonitorOptions extends MonitorSettings, MonitorListener {
  /** What `standing` returns for the host may have changed. */
  readonly onStanding?: () => void;
  /** For tests: the clock, what runs a check, and what spreads the runs in the background (0 to 1). */
  readonly clock?: Clock;
  readonly run?: typeof runWithin;
  readonly random?: () => number;
}

type Listener = MonitorListener & Pick<MonitorOptions, "onStanding">;

/** For metrics. */
export interface MonitorCounters {
  /** Rounds of which checks are running. */
  readonly roundsRunning: number;
  /** How many requests have joined a round that had begun for another. */
  readonly roundsShared: number;
}

const NO_TRIAL: Trial = { changed: new Map(), results: [] };

export class Monitor {
  readonly #listener: Listener;
  readonly #clock;
  readonly #runs;
  readonly #admission;
  readonly #starts;
  readonly #schedule;
  #records: ReadonlyMap<Check, CheckRecord> = new Map();
  #groups: readonly Group[] = [];
  #hostVerdict: Verdict | undefined;
  /** Something has changed since the host was last judged. */
  #reviewDue = false;
  #phase: "made" | "started" | "stopped" = "made";

  constructor(options: MonitorOptions) {
    const { clock = hostClock, run, random = Math.random } = options;
    this.#listener = options;
    this.#clock = clock;
    this.#runs = new Runs(clock, (...ended) => this.#onResult(...ended), run);
    this.#admission = new Admission(
      clock,
      this.#runs,
      (...answer) => this.#onAnswer(...answer),
      (waitedMs, unknown) => {
        const running = unknown.map(({ check }) => check);
        this.#report((to) => to.onGone(waitedMs, running));
      },
    );
    this.#starts = new StartQueue<CheckRecord>(clock, (record, dueAt) => {
      // A request may have run it meanwhile, or a reload have dropped it.
      if (record.isWatched && record.ranAt < dueAt) this.#runUnlessHeld(record);
    });
    this.#schedule = createSchedule<CheckRecord>(clock, random(), (records) => this.#starts.add(records));
    this.#watch(options, new Map());
  }

  /** Runs every check of the background at once, then each on its interval. */
  readonly start = (): void => {
    this.#phase = "started";
    this.#runs.together(() => this.#setJobs());
  };

  /** The verdict of the group from memory; undefined where it takes a run to tell. */
  readonly read = (group = 0): Verdict | undefined => {
    const asked = this.#groups[group];
    if (!asked || asked.onRequest.length > 0 || asked.reported.length > 0) return undefined;
    const now = this.#clock.now();
    return asked.verdict((record) => record.known(now));
  };

  /**
   * The verdict of the group: at once where it is known, or every run that it takes ends at once. By its deadline, or
   * `maxWaitMs` if that is less, it is what is known by then. `signal` aborts when the client has disconnected.
   */
  readonly verdict = (
    client: Pick<Request, "signal">,
    group = 0,
    maxWaitMs = Number.POSITIVE_INFINITY,
  ): Verdict | Promise<Verdict> => {
    const asked = this.#groups[group];
    if (!asked) return unhealthy();
    return this.read(group) ?? this.#admission.verdict(asked, client, maxWaitMs);
  };

  /**
   * The verdict of the group by what is known now, without a run: what `status` shows. Undefined while no check fails and
   * the first result of one is missing.
   */
  readonly standing = (group = 0): Verdict | undefined => {
    const asked = this.#groups[group];
    const now = this.#clock.now();
    return asked ? asked.verdict((record) => record.standing(now, asked.deadlineMs)) : unhealthy();
  };

  /**
   * Starts a run of each check on request, and of each in the background that has no fresh result, unless there is one that
   * others may join. Resolves when these have ended, or after `maxWaitMs`; they go on.
   */
  readonly refresh = async (maxWaitMs: number): Promise<void> => {
    if (this.#phase === "stopped") return;
    const now = this.#clock.now();
    const isWanted = (record: CheckRecord) =>
      record.runsOnRequest || (this.#phase === "started" && !record.isFresh(now));
    const records = this.#groups[0]?.records.filter(isWanted) ?? [];
    this.#runs.together(() => {
      for (const record of records) this.#runUnlessHeld(record);
    });
    const ends = records.flatMap(({ run }) => run?.batch.ended ?? []);
    await within(Promise.all(ends), maxWaitMs, this.#clock);
  };

  /**
   * From now on these settings. A check that was watched before, the same object, keeps its state
   * and its run; one that replaces another keeps its status. A request that waits is answered by the
   * settings that it came under.
   */
  readonly reconfigure = (settings: MonitorSettings, { changed, results }: Trial = NO_TRIAL): void => {
    this.#runs.together(() => {
      this.#watch(settings, changed);
      for (const result of results) this.#takeTrial(result);
      if (this.#phase === "started") this.#setJobs();
      this.#review();
      this.#report((to) => to.onStanding?.());
    });
  };

  /**
   * Starts no run of the check in the background until the hold is released, so that something else can run in its
   * place once it is `idle`. Without a fresh result it runs once more first. The hold ends by itself just before the
   * result would be stale. Undefined for a check on request.
   */
  readonly hold = (check: Check) => {
    const record = this.#records.get(check);
    if (!record || record.runsOnRequest) return undefined;
    if (this.#phase === "started" && !record.run && !record.isFresh(this.#clock.now())) this.#runs.startShared(record);
    return this.#hold(record, untilIdle(record));
  };

  /** Every check of the host, in its order. */
  readonly states = (): readonly CheckReport[] => {
    const now = this.#clock.now();
    return this.#groups[0]?.records.map((record) => record.report(now)) ?? [];
  };

  get counters(): MonitorCounters {
    return { roundsRunning: this.#runs.roundsRunning, roundsShared: this.#admission.shared };
  }

  /** Ends every run at once: the requests that wait are answered from what is known, so unhealthy. Nothing runs any more. */
  readonly abort = (): void => {
    this.#phase = "stopped";
    this.#schedule.set([]);
    this.#starts.clear();
    this.#admission.abort();
    this.#runs.abort();
  };

  #watch(settings: MonitorSettings, changed: Trial["changed"]): void {
    const { groups, singleflight, maxRounds, deadlinesMs } = settings;
    const before = this.#records;
    const recordOf = (check: Check) =>
      before.get(check) ?? new CheckRecord(check, before.get(changed.get(check) ?? check));
    this.#records = new Map(groups.flat().map((check) => [check, recordOf(check)]));
    for (const record of before.values()) record.isWatched = this.#records.has(record.check);
    for (const [check, old] of changed) {
      const [record, replaced] = [this.#records.get(check), before.get(old)];
      if (record && replaced?.run) {
        const hold = this.#hold(record, Promise.resolve());
        void untilIdle(replaced).then(hold.release);
      }
    }
    this.#groups = groups.map((checks, index) => {
      const decides = index === 0 ? decidesHost : decidesEndpoint;
      const records = checks.flatMap((check) => this.#records.get(check) ?? []);
      return new Group(records, decides, singleflight, deadlinesMs?.[index]);
    });
    this.#runs.reconfigure();
    this.#admission.reconfigure(maxRounds);
  }

  #setJobs(): void {
    const now = this.#clock.now();
    const jobs = [...this.#records.values()].flatMap((record) => {
      const { intervalMs } = record.check;
      return intervalMs === undefined ? [] : [{ intervalMs, dueAtOnce: record.isDue(now), job: record }];
    });
    this.#schedule.set(jobs);
  }

  #runUnlessHeld(record: CheckRecord): void {
    if (!record.run && record.holds.size === 0) this.#runs.startShared(record);
  }

  #hold(record: CheckRecord, idle: Promise<void>) {
    return holdRuns(record, idle, this.#clock, () => {
      const isDue = record.isWatched && record.isDue(this.#clock.now());
      if (this.#phase === "started" && isDue) this.#runUnlessHeld(record);
    });
  }

  #takeTrial(result: CheckResult): void {
    const record = this.#records.get(result.check);
    if (!record) return;
    record.ranAt = result.start;
    // Its age counts from here: another check of the trial may have taken long. Where its interval is over it runs at once.
    const now = this.#clock.now();
    this.#take(record, result, now, now);
  }

  #onResult(run: Run, record: CheckRecord, rounds: ReadonlySet<Round>, result: CheckResult): void {
    const now = this.#clock.now();
    // No run ends after its timeout unless it was held up, by a suspension say.
    const endedAt = Math.min(now, record.ranAt + record.check.timeoutMs);
    if (!run.isCut && this.#take(record, result, endedAt, now)) this.#report((to) => to.onStanding?.());
    this.#admission.take(run, record, rounds, result);
    if (run.rounds.size === 0 && !run.isCut) this.#reviewIfDue();
  }

  /** Whether the check now counts otherwise for the host. */
  #take(record: CheckRecord, result: CheckResult, endedAt: number, now: number): boolean {
    const { state: before, isReportedStale, missedMs } = record;
    const standingBefore = this.#standingOf(record, now);
    const hasChanged = record.take(result, endedAt, now);
    if (!record.isWatched) return false;
    if (hasChanged || isReportedStale) this.#reviewDue = true;
    this.#report((to) => to.onResult(result, before, record.state));
    record.missedMs = undefined;
    if (missedMs !== undefined && result.outcome.ok) this.#report((to) => to.onLate?.(result, missedMs));
    return this.#standingOf(record, now) !== standingBefore;
  }

  /** A request is about to be answered, without passes of these. */
  #onAnswer(lacking: readonly CheckRecord[], deadlineMs: number | undefined): void {
    if (this.#phase === "stopped") return;
    if (lacking.length === 0) this.#reviewIfDue();
    const now = this.#clock.now();
    this.#setMissed(lacking, deadlineMs);
    const unreported = lacking.filter(
      (record) => record.isWatched && !record.runsOnRequest && record.isUnreported(now),
    );
    for (const record of unreported) {
      record.isReportedStale = true;
      this.#report((to) => to.onStale(record.check, record.ageMs(now)));
    }
    if (unreported.length === 0) return;
    this.#review();
    this.#report((to) => to.onStanding?.());
  }

  #setMissed(lacking: readonly CheckRecord[], deadlineMs: number | undefined): void {
    if (deadlineMs === undefined) return;
    const late = lacking.filter(({ runsOnRequest }) => runsOnRequest);
    const isNew = late.some(({ missedMs }) => missedMs !== deadlineMs);
    for (const record of late) record.missedMs = deadlineMs;
    if (isNew) this.#report((to) => to.onStanding?.());
  }

  /** As what the check counts for the host by what is known: whether it passes, or why it fails. */
  #standingOf(record: CheckRecord, now: number): boolean | Reason | undefined {
    const outcome = record.standing(now, this.#groups[0]?.deadlineMs ?? Number.POSITIVE_INFINITY);
    return outcome && (outcome.ok || outcome.reason);
  }

  #reviewIfDue(): void {
    if (this.#reviewDue) this.#review();
  }

  /** Judges the host again, once a deciding check is down, or all of them are known or reported as stale. */
  #review(): void {
    const [host] = this.#groups;
    if (!host) return;
    const now = this.#clock.now();
    this.#reviewDue = host.lacking((record) => record.known(now)).some((record) => record.isUnreported(now));
    const verdict = host.verdict((record) => record.known(now) ?? (this.#reviewDue ? undefined : record.missing));
    if (!verdict) return;
    const before = this.#hostVerdict;
    this.#hostVerdict = verdict;
    this.#report((to) => to.onVerdict(verdict, before));
  }

  /** A listener that throws stops nothing that goes on here. */
  #report(tell: (listener: Listener) => void): void {
    try {
      tell(this.#listener);
    } catch (error) {
      this.#listener.onFault(error);
    }
  }
}
