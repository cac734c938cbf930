// Owns what is known of the checks, and keeps it up to date: the checks with an interval
// run in the background, the others when a request comes.
//
// A request is answered by a round (round.ts), or at once where all that decides is known from the background.

import type { Check, CheckResult, CheckState, Verdict } from "../checks/check.ts";
import type { runWithin } from "../checks/run.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { within } from "../system/event-loop.ts";
import { Admission } from "./admission.ts";
import { CheckRecord, type CheckReport } from "./check-record.ts";
import { type Hold, holdRuns, NO_HOLD, untilIdle } from "./hold.ts";
import type { Group, Round } from "./round.ts";
import { type Run, Runs } from "./runs.ts";
import { createSchedule, type Job } from "./scheduler.ts";
import { type Decides, decidesEndpoint, decidesHost, failingAmong, verdictOf } from "./verdict.ts";
import type { Client } from "./waiters.ts";

export type { CheckReport } from "./check-record.ts";
export type { Hold } from "./hold.ts";
export type { Client } from "./waiters.ts";

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
  /** For tests: the clock, what runs a check, and what spreads the runs in the background (0 to 1). */
  readonly clock?: Clock;
  readonly run?: typeof runWithin;
  readonly random?: () => number;
}

const NO_TRIAL: Trial = { changed: new Map(), results: [] };

export const createMonitor = (options: MonitorOptions): Monitor => new Monitor(options);

export class Monitor {
  readonly #listener: MonitorListener;
  readonly #clock: Clock;
  readonly #runs: Runs;
  readonly #admission: Admission;
  readonly #schedule: ReturnType<typeof createSchedule>;
  #records: ReadonlyMap<Check, CheckRecord> = new Map();
  #groups: readonly Group[] = [];
  #hostVerdict: Verdict | undefined;
  /** Something has changed since the host was last judged. */
  #reviewDue = false;
  /** Counts the changes of what is known from the background. */
  #version = 0;
  #phase: "made" | "started" | "stopped" = "made";

  constructor(options: MonitorOptions) {
    const { clock = hostClock, run, random = Math.random } = options;
    this.#listener = options;
    this.#clock = clock;
    this.#runs = new Runs(clock, (...ended) => this.#onResult(...ended), run);
    this.#admission = new Admission(this.#runs, {
      clock,
      onAnswer: () => this.#reviewIfDue(),
      onMissing: (...missing) => this.#onMissing(...missing),
      onGone: (waitedMs, unknown) =>
        this.#report((to) =>
          to.onGone(
            waitedMs,
            unknown.map(({ check }) => check),
          ),
        ),
    });
    this.#schedule = createSchedule(clock, random());
    this.#watch(options, new Map());
  }

  /** Runs every check of the background at once, then each on its interval. */
  readonly start = (): void => {
    this.#phase = "started";
    this.#setJobs();
  };

  /**
   * The verdict of the group, at once and without cost; undefined where it takes
   * a round or a run to tell, so that it must be asked for.
   */
  readonly read = (group = 0): Verdict | undefined => {
    const asked = this.#groups[group];
    if (!asked || asked.records.length === 0 || asked.onRequest.length > 0 || asked.reported.length > 0)
      return undefined;
    const { known } = asked;
    const now = this.#clock.now();
    if (known && known.version === this.#version && now <= known.freshUntil) return known.verdict;
    const failing = failingAmong(asked.deciding, (record) => record.finding(now));
    const freshUntil = Math.min(...asked.deciding.map((record) => record.freshUntil));
    if (now > freshUntil) return failing.length > 0 ? verdictOf(failing) : undefined;
    asked.known = { verdict: verdictOf(failing), freshUntil, version: this.#version };
    return asked.known.verdict;
  };

  /** The verdict of the group, waited for; unhealthy when the wait is cut short. Never rejects. */
  readonly ask = (client: Client, group = 0): Promise<Verdict> => {
    const asked = this.#groups[group];
    if (!asked) return Promise.resolve(verdictOf([], true));
    return this.#admission.ask(asked, client);
  };

  /** The host's verdict, once each of its checks on request has run, those that decide nothing too, or after `maxWaitMs`. */
  async runAll(maxWaitMs: number): Promise<Verdict> {
    const answerBy = this.#clock.now() + maxWaitMs;
    const verdict = await this.ask({ signal: new AbortController().signal, maxWaitMs });
    const onRequest = this.#groups[0]?.records.filter(({ runsOnRequest }) => runsOnRequest);
    await within(this.#runs.whenEnded(new Set(onRequest)), answerBy - this.#clock.now(), this.#clock);
    return verdict;
  }

  /**
   * From now on these settings. A check that was watched before, the same object, keeps its state
   * and its run; one that replaces another keeps its status. A request that waits is answered by the
   * settings that it came under.
   */
  readonly reconfigure = (settings: MonitorSettings, { changed, results }: Trial = NO_TRIAL): void => {
    this.#watch(settings, changed);
    for (const result of results) this.#takeTrial(result);
    if (this.#phase === "started") this.#setJobs();
    this.#review();
  };

  /**
   * Starts no run of the check in the background, so that something else can run in its place. Without a fresh
   * result it runs once more first. The hold ends by itself just before the result would be stale.
   */
  readonly hold = (check: Check): Hold => {
    const record = this.#records.get(check);
    if (!record || record.runsOnRequest) return NO_HOLD;
    if (this.#phase === "started" && !record.run && !record.isFresh(this.#clock.now())) this.#runs.startShared(record);
    return this.#hold(record, untilIdle(record));
  };

  /** Every check of the host, in its order. */
  readonly states = (): readonly CheckReport[] => {
    const now = this.#clock.now();
    return this.#groups[0]?.records.map((record) => record.report(now)) ?? [];
  };

  /** Ends every run at once: the requests that wait are answered from what is known, so unhealthy. Nothing runs any more. */
  readonly abort = (): void => {
    this.#phase = "stopped";
    this.#schedule.set([]);
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
      return createGroup(records, decides, singleflight, deadlinesMs?.[index]);
    });
    this.#runs.reconfigure();
    this.#admission.reconfigure(maxRounds);
  }

  #setJobs(): void {
    const now = this.#clock.now();
    const jobOf = (record: CheckRecord): readonly Job[] => {
      const { intervalMs } = record.check;
      if (intervalMs === undefined) return [];
      return [{ intervalMs, dueAtOnce: now >= record.ranAt + intervalMs, onTick: () => this.#runUnlessHeld(record) }];
    };
    this.#schedule.set([...this.#records.values()].flatMap(jobOf));
  }

  #runUnlessHeld(record: CheckRecord): void {
    if (record.run) return;
    if (record.holds.size > 0) record.isPutOff = true;
    else this.#runs.startShared(record);
  }

  #hold(record: CheckRecord, idle: Promise<void>): Hold {
    return holdRuns(record, idle, this.#clock, () => {
      if (this.#phase === "started" && record.isPutOff && record.isWatched) this.#runUnlessHeld(record);
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
    if (!run.isCut) this.#take(record, result, endedAt, now);
    this.#admission.takeResult(run, record, rounds, result, now);
    if (run.left === 0 && !run.isCut) this.#reviewIfDue();
  }

  #take(record: CheckRecord, result: CheckResult, endedAt: number, now: number): void {
    const { state: before, isReportedStale, missedMs } = record;
    const hasChanged = record.runsOnRequest
      ? record.takeOnRequest(result, now)
      : record.takeInBackground(result, endedAt, now);
    if (hasChanged || !result.outcome.ok) this.#version++;
    if (!record.isWatched) return;
    if (hasChanged || isReportedStale) this.#reviewDue = true;
    this.#report((to) => to.onResult(result, before, record.state));
    record.missedMs = undefined;
    if (missedMs !== undefined && result.outcome.ok) this.#report((to) => to.onLate?.(result, missedMs));
  }

  /** A request is about to be answered without a fresh result of these. */
  #onMissing(missing: readonly CheckRecord[], deadlineMs: number | undefined): void {
    if (this.#phase === "stopped") return;
    const now = this.#clock.now();
    for (const record of missing) if (record.runsOnRequest) record.missedMs = deadlineMs ?? record.missedMs;
    const unreported = missing.filter(
      (record) => record.isWatched && !record.runsOnRequest && isUnreported(record, now),
    );
    for (const record of unreported) {
      record.isReportedStale = true;
      this.#report((to) => to.onStale(record.check, record.ageMs(now)));
    }
    if (unreported.length > 0) this.#review();
  }

  #reviewIfDue(): void {
    if (this.#reviewDue) this.#review();
  }

  /** Judges the host again, once a deciding check is down, or all of them are known or reported as stale. */
  #review(): void {
    const [host] = this.#groups;
    if (!host) return;
    const now = this.#clock.now();
    this.#reviewDue = host.deciding.some((record) => isUnreported(record, now));
    const down = failingAmong(host.deciding, (record) => record.finding(now));
    if (this.#reviewDue && down.length === 0) return;
    const failing = this.#reviewDue
      ? down
      : failingAmong(host.deciding, (record) => record.finding(now) ?? record.missingAs);
    const before = this.#hostVerdict;
    const verdict = verdictOf(failing, host.records.length === 0);
    this.#hostVerdict = verdict;
    this.#report((to) => to.onVerdict(verdict, before));
  }

  /** A listener that throws stops nothing that goes on here. */
  #report(tell: (listener: MonitorListener) => void): void {
    try {
      tell(this.#listener);
    } catch (error) {
      this.#listener.onFault(error);
    }
  }
}

function createGroup(
  records: readonly CheckRecord[],
  decides: Decides,
  singleflight: boolean,
  deadlineMs: number | undefined,
): Group {
  const deciding = records.filter(({ check }) => decides(check));
  return {
    records,
    deciding,
    onRequest: deciding.filter(({ runsOnRequest }) => runsOnRequest),
    background: deciding.filter(({ runsOnRequest }) => !runsOnRequest),
    reported: records.filter(({ check, runsOnRequest }) => runsOnRequest && !decides(check)),
    singleflight,
    deadlineMs,
  };
}

/** Not known or not fresh, and that was not reported. */
const isUnreported = (record: CheckRecord, now: number): boolean => !record.isFresh(now) && !record.isReportedStale;
