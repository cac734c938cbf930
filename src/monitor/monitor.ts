// Owns what is known of the checks, and keeps it up to date: the checks with an interval
// run in the background, the others when a request comes.
//
// The verdict of a group is what a round of its checks on request says, and the state of
// those in the background. A check that is down decides at once. A request that finds a
// background state unknown or too old waits for a run; what is still unknown at its deadline counts as failed.

import type { Check, CheckResult, CheckState, Verdict } from "../checks/check.ts";
import { runCheck } from "../checks/run.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { createRounds, type Requests } from "./admission.ts";
import { createSchedule, type Duty } from "./scheduler.ts";
import { nextState, type Thresholds, takenOver, UNKNOWN } from "./threshold.ts";
import { both, type Decides, decidesEndpoint, decidesHost, judge, unhealthy } from "./verdict.ts";
import { type Asker, Askers, inPatience, type Service } from "./waiters.ts";

export type { Asker } from "./waiters.ts";

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

export interface MonitorOptions extends MonitorSettings {
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
  /** For tests: the clock, what runs a check in the background, and what spreads their runs (0 to 1). */
  readonly clock?: Clock;
  readonly run?: (check: Check, signal: AbortSignal) => Promise<CheckResult>;
  readonly random?: () => number;
}

export interface CheckReport {
  readonly check: Check;
  readonly state: CheckState;
  /** Its last result is too old to tell. */
  readonly stale: boolean;
}

/** Keeps a check from running in the background. */
export interface Hold {
  /** Resolves when no run of the check is under way. */
  readonly idle: Promise<void>;
  /** It runs again, soon where a run was due meanwhile. */
  release(): void;
}

export interface Monitor {
  /** Runs every check of the background at once, then each on its interval. */
  start(): void;
  /**
   * The verdict of the group, at once and without cost; undefined where it takes
   * a round or a run to tell, so that it must be asked for.
   */
  read(group?: number): Verdict | undefined;
  /** The verdict of the group, waited for; unhealthy when the wait is cut short. Never rejects. */
  ask(asker: Asker, group?: number): Promise<Verdict>;
  /**
   * From now on these settings. A check that was watched before, the same object, keeps its state
   * and its run; one that replaces another keeps its status. A request that waits is answered by the
   * settings that it came under.
   */
  reconfigure(settings: MonitorSettings, trial?: Trial): void;
  /**
   * Starts no run of the check in the background, so that something else can run in its place. Without a fresh
   * result it runs once more first. The hold ends by itself just before the result would be stale.
   */
  hold(check: Check): Hold;
  /** Every check of the host, in its order. */
  states(): readonly CheckReport[];
  /** Ends every run and round at once: who waits is answered unhealthy. Nothing runs in the background any more. */
  abort(): void;
}

/** A hold ends so much before a run, if it takes as long as the last one, would end too late. */
const HOLD_MARGIN_MS = 100;

const NO_TRIAL: Trial = { changed: new Map(), results: [] };

/** On request every result counts at once. */
const ON_REQUEST = { rise: 1, fall: 1 };

/** A check and what is known of it. */
interface Subject {
  readonly check: Check;
  /** Where it runs in the background, the groups it belongs to; of settings before, those that are still waited for. */
  groups: Group[];
  state: CheckState;
  /** In the background: until when its last result says something, by the clock. */
  freshUntil: number;
  /** An answer had to do without a fresh result, and none has come since. */
  toldStale: boolean;
  /** On request: the deadline at which an answer had to do without its result; none has come since. */
  missedMs?: number | undefined;
  /** Its run in the background, and when the last one began. */
  run?: Run | undefined;
  ranAt: number;
  /** While there are any, a run that is due is put off. */
  readonly holds: Set<object>;
  isPutOff: boolean;
}

interface Run {
  readonly startedAt: number;
  readonly cut: AbortController;
  /** Resolves once its result is taken. */
  readonly ended: Promise<void>;
}

interface GroupSettings {
  readonly singleflight: boolean;
  readonly deadlineMs: number | undefined;
}

/** What can be asked for. */
interface Group {
  readonly decides: Decides;
  readonly service: Service<Vigil>;
  /** Absent where every check runs in the background. */
  readonly rounds: Requests | undefined;
  /** False for one of settings before: nobody tells it any more when a status changes. */
  isCurrent: boolean;
  readonly background: readonly Subject[];
  readonly backgroundChecks: readonly Check[];
  /** The verdict on the background until a status there changes, and until when that is certainly fresh. */
  verdict?: Verdict | undefined;
  freshUntil: number;
  vigil?: Vigil | undefined;
}

/** The wait for a fresh result of every check in the background of a group. */
class Vigil {
  readonly group: Group;
  readonly askers: Askers<Vigil>;
  readonly pending = new Set<Subject>();
  /** What was run for this wait's sake; once has to do. */
  readonly tried = new Set<Subject>();

  constructor(group: Group) {
    this.group = group;
    this.askers = new Askers<Vigil>(this, group.service);
  }
}

export function createMonitor(options: MonitorOptions): Monitor {
  const { clock = hostClock, run = runCheck, random = Math.random } = options;
  const guarded = guarding(options.onFault);
  const onResult = guarded(options.onResult);
  const onVerdict = guarded(options.onVerdict);
  const onStale = guarded(options.onStale);
  const onGone = guarded(options.onGone);
  const onLate = guarded(options.onLate ?? (() => {}));

  const rounds = createRounds({
    clock,
    maxRounds: options.maxRounds,
    onResult: takeOnRequest,
    onProgress() {
      if (reviewDue) review(clock.now());
    },
    isWatched: (check) => subjects.has(check),
  });
  const schedule = createSchedule(clock, random());
  let subjects: ReadonlyMap<Check, Subject> = new Map();
  let groups: readonly Group[] = [];
  let host: readonly Subject[] = [];
  let hostVerdict: Verdict | undefined;
  /** Those that run in the background right now, watched or only waited for. */
  const running = new Set<Subject>();
  /** What waits for them, under settings before these too. */
  const vigils = new Set<Vigil>();
  /** Something has changed since the host was last judged. */
  let reviewDue = false;
  let phase: "made" | "started" | "stopped" = "made";
  settle(options, new Map());

  function settle(settings: MonitorSettings, changed: Trial["changed"]): void {
    for (const group of groups) group.isCurrent = false;
    const before = subjects;
    const replaced = (check: Check) => before.get(changed.get(check) ?? check);
    const known = (check: Check): Subject => before.get(check) ?? createSubject(check, replaced(check));
    subjects = new Map(settings.groups.flat().map((check) => [check, known(check)]));
    for (const subject of before.values()) {
      subject.groups = subject.groups.filter(({ vigil }) => vigil !== undefined);
      endUnlessWanted(subject);
    }
    for (const [check, old] of changed) {
      const [subject, replaced] = [subjects.get(check), before.get(old)];
      if (subject && replaced?.run) void untilIdle(replaced).then(holdRuns(subject, Promise.resolve()));
    }
    rounds.reconfigure(settings.maxRounds, changed);
    groups = settings.groups.map((checks, index) =>
      createGroup(checks, index === 0 ? decidesHost : decidesEndpoint, {
        singleflight: settings.singleflight,
        deadlineMs: settings.deadlinesMs?.[index],
      }),
    );
    host = subjectsOf(settings.groups[0] ?? []);
  }

  /** False for one that was watched before: who waits for it still may, and nothing is told of it any more. */
  function isWatched(subject: Subject): boolean {
    return subjects.get(subject.check) === subject;
  }

  /** Ends the run of what is neither watched any more nor waited for. */
  function endUnlessWanted(subject: Subject): void {
    if (!isWatched(subject) && !subject.groups.some(({ vigil }) => vigil)) subject.run?.cut.abort();
  }

  function reconfigure(settings: MonitorSettings, { changed, results }: Trial = NO_TRIAL): void {
    settle(settings, changed);
    for (const result of results) takeTrial(result);
    if (phase === "started") keepUp();
    review(clock.now());
  }

  function takeTrial(result: CheckResult): void {
    const subject = subjects.get(result.check);
    if (!subject) return;
    subject.ranAt = result.start;
    // Its age counts from here: another check of the trial may have taken long. Where its interval is over it runs at once.
    if (runsInBackground(subject)) takeInBackground(subject, result, result.start, clock.now());
    else takeOnRequest(result);
  }

  function keepUp(): void {
    schedule.set([...subjects.values()].flatMap(dutyOf));
  }

  function subjectsOf(checks: readonly Check[]): readonly Subject[] {
    return checks.flatMap((check) => subjects.get(check) ?? []);
  }

  function createGroup(checks: readonly Check[], decides: Decides, settings: GroupSettings): Group {
    const { singleflight, deadlineMs } = settings;
    const members = subjectsOf(checks);
    const background = members.filter(runsInBackground);
    const onRequest = members.filter((subject) => !runsInBackground(subject));
    const noteGone = (asker: Asker, waitedMs: number, inRound: readonly Check[]) => {
      onGone(waitedMs, [...inRound, ...checksOf([...(group.vigil?.pending ?? [])])]);
      forget(group, asker);
    };
    const onMissed = (missing: readonly Check[]) => {
      for (const subject of subjectsOf(missing)) subject.missedMs = deadlineMs;
    };
    const requests = rounds.open(checksOf(onRequest), {
      decides,
      singleflight,
      deadlineMs,
      onGone: noteGone,
      onMissed,
    });
    const group: Group = {
      decides,
      service: {
        clock,
        deadlineMs,
        soFar: ({ group }) => judgeGroup(group),
        onGone: (_, asker, waitedMs) => noteGone(asker, waitedMs, []),
        onDeserted(vigil) {
          dissolve(vigil, judgeBackground(vigil.group, clock.now()));
        },
      },
      // Where there is no check at all there is a round of none, which is unhealthy.
      rounds: onRequest.length > 0 || background.length === 0 ? requests : undefined,
      isCurrent: true,
      background,
      backgroundChecks: checksOf(background),
      freshUntil: Number.NEGATIVE_INFINITY,
    };
    for (const { groups } of background) groups.push(group);
    return group;
  }

  function read(index = 0): Verdict | undefined {
    const group = groups[index];
    return group && !group.rounds ? known(group, clock.now()) : undefined;
  }

  function ask(asker: Asker, index = 0): Promise<Verdict> {
    const group = groups[index];
    if (!group) return Promise.resolve(unhealthy([]));
    const { rounds } = group;
    if (rounds && group.background.length === 0) return rounds.ask(asker);
    const background = Promise.resolve(known(group, clock.now()) ?? awaitRuns(group, asker));
    return rounds ? withRound(rounds.ask(asker), background, group, asker) : background;
  }

  /** Unhealthy as soon as one of them is. */
  async function withRound(
    round: Promise<Verdict>,
    background: Promise<Verdict>,
    group: Group,
    asker: Asker,
  ): Promise<Verdict> {
    const { promise: decided, resolve: decide } = Promise.withResolvers<Verdict>();
    for (const part of [round, background]) void part.then((verdict) => verdict.healthy || decide(verdict));
    void Promise.all([round, background]).then(
      ([onRequest]) => decide(both(onRequest, judgeGroup(group))), // the background may have changed meanwhile
    );
    const verdict = await decided;
    forget(group, asker);
    return verdict;
  }

  /** It has its answer, or needs none. */
  function forget({ rounds, vigil }: Group, asker: Asker): void {
    rounds?.forget(asker);
    vigil?.askers.forget(asker);
  }

  /** The verdict on the background of the group, where all of it is known, or one that is down decides it. */
  function known(group: Group, now: number): Verdict | undefined {
    const verdict = current(group, now);
    if (verdict) return verdict;
    const down = group.background.filter((subject) => group.decides(subject.check) && isDown(subject, now));
    return down.length > 0 ? unhealthy(down.map(({ check }) => check.name)) : undefined;
  }

  /** The verdict on the background of the group; undefined unless all that decide there are known and fresh. */
  function current(group: Group, now: number): Verdict | undefined {
    if (!group.isCurrent) group.verdict = undefined;
    if (!group.isCurrent || now > group.freshUntil) {
      group.freshUntil = Number.POSITIVE_INFINITY;
      for (const subject of group.background) {
        if (group.decides(subject.check)) group.freshUntil = Math.min(group.freshUntil, subject.freshUntil);
      }
      if (now > group.freshUntil) return undefined;
    }
    group.verdict ??= judgeBackground(group, now);
    return group.verdict;
  }

  /** The same as an answer that cannot wait: what is not known and fresh has failed. */
  function judgeGroup(group: Group): Verdict {
    const now = clock.now();
    const verdict = current(group, now);
    if (verdict) return verdict;
    const untold = group.background.filter((subject) => isUntold(subject, now, group.decides) && isWatched(subject));
    for (const subject of untold) {
      subject.toldStale = true;
      onStale(subject.check, ageOf(subject, now));
    }
    if (untold.length > 0) review(now);
    return judgeBackground(group, now);
  }

  /** Judges the host again, once a deciding check is down, or all of them are known or reported as stale. */
  function review(now: number): void {
    reviewDue = host.some((subject) => isUntold(subject, now, decidesHost));
    const down = host.filter((subject) => decidesHost(subject.check) && isDown(subject, now));
    if (reviewDue && down.length === 0) return;
    const before = hostVerdict;
    hostVerdict = reviewDue
      ? unhealthy(down.map(({ check }) => check.name))
      : judge(checksOf(host), decidesHost, (check) => passes(subjects.get(check), now));
    onVerdict(hostVerdict, before);
  }

  function awaitRuns(group: Group, asker: Asker): Verdict | Promise<Verdict> {
    if (phase === "stopped") return judgeGroup(group);
    const isNew = !group.vigil;
    const vigil = group.vigil ?? new Vigil(group);
    group.vigil = vigil;
    vigils.add(vigil);
    const answer = inPatience(asker, vigil.askers.join(asker), () => judgeGroup(group), clock);
    if (isNew) attend(vigil);
    return answer;
  }

  /** Answers once there is nothing left to wait for. */
  function attend(vigil: Vigil): void {
    const { group, pending } = vigil;
    for (const subject of group.background) {
      if (group.decides(subject.check) && lacksRun(vigil, subject)) pending.add(subject);
    }
    if (pending.size === 0) dissolve(vigil, judgeGroup(group));
  }

  /** Whether a run of the check is still to be waited for; started if need be. */
  function lacksRun(vigil: Vigil, subject: Subject): boolean {
    const now = clock.now();
    if (isFresh(subject, now)) return false;
    if (subject.run) {
      // What began before the host was suspended, say, will not tell how it is now.
      if (now > subject.run.startedAt + subject.check.staleAfterMs) subject.run.cut.abort();
      return true;
    }
    if (vigil.tried.has(subject)) return false;
    vigil.tried.add(subject);
    launch(subject);
    return true;
  }

  function dissolve(vigil: Vigil, verdict: Verdict): void {
    vigil.group.vigil = undefined;
    vigils.delete(vigil);
    vigil.askers.answer(verdict);
    if (!vigil.group.isCurrent) vigil.group.background.forEach(endUnlessWanted);
  }

  function dutyOf(subject: Subject): readonly Duty[] {
    const { intervalMs } = subject.check;
    if (intervalMs === undefined) return [];
    return [
      { intervalMs, dueAtOnce: clock.now() >= subject.ranAt + intervalMs, onTick: () => launchUnlessHeld(subject) },
    ];
  }

  function launchUnlessHeld(subject: Subject): void {
    if (subject.run) return;
    if (subject.holds.size > 0) subject.isPutOff = true;
    else launch(subject);
  }

  function hold(check: Check): Hold {
    const subject = subjects.get(check);
    if (!subject || !runsInBackground(subject)) return { idle: Promise.resolve(), release() {} };
    if (phase === "started" && !subject.run && !isFresh(subject, clock.now())) launch(subject);
    const idle = untilIdle(subject);
    return { idle, release: holdRuns(subject, idle) };
  }

  /** Returns what releases it. From `idle` on it is released in time for the result not to get stale. */
  function holdRuns(subject: Subject, idle: Promise<void>): () => void {
    const { holds } = subject;
    let cancel = () => {};
    const release = () => {
      cancel();
      // Not within this turn: a reload may be about to replace the check.
      if (holds.delete(release)) clock.after(0, () => launchPutOff(subject));
    };
    const releaseInTime = () => {
      if (!holds.has(release)) return;
      const waitMs = latestStart(subject) - clock.now();
      if (waitMs <= 0) release();
      else cancel = clock.after(waitMs, releaseInTime);
    };
    holds.add(release);
    void idle.then(releaseInTime);
    return release;
  }

  function launchPutOff(subject: Subject): void {
    if (phase === "started" && subject.isPutOff && isWatched(subject)) launchUnlessHeld(subject);
  }

  async function untilIdle(subject: Subject): Promise<void> {
    while (subject.run) await subject.run.ended;
  }

  function launch(subject: Subject): void {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const current = { startedAt: clock.now(), cut: new AbortController(), ended };
    subject.run = current;
    subject.ranAt = current.startedAt;
    subject.isPutOff = false;
    running.add(subject);
    void run(subject.check, current.cut.signal)
      .then((result) => land(subject, current, result))
      .then(end);
  }

  function land(subject: Subject, { startedAt, cut }: Run, result: CheckResult): void {
    subject.run = undefined;
    running.delete(subject);
    if (!cut.signal.aborted) {
      const wasTold = subject.toldStale;
      // No run ends after its timeout unless it was held up, by a suspension say.
      const endedAt = Math.min(clock.now(), startedAt + subject.check.timeoutMs);
      const changed = takeInBackground(subject, result, startedAt, endedAt);
      if (isWatched(subject) && (changed || wasTold || reviewDue)) review(clock.now());
    }
    for (const { vigil } of subject.groups) {
      if (!vigil?.pending.has(subject)) continue;
      if (isDown(subject, clock.now())) {
        dissolve(vigil, unhealthy([subject.check.name]));
        continue;
      }
      if (lacksRun(vigil, subject)) continue;
      vigil.pending.delete(subject);
      if (vigil.pending.size === 0) attend(vigil);
    }
  }

  /** Whether the status changed. The age of the result counts from `endedAt`. */
  function takeInBackground(subject: Subject, result: CheckResult, startedAt: number, endedAt: number): boolean {
    const { check, groups } = subject;
    // When this run began: that it took long breaks no row of failures.
    const wasStale = !isFresh(subject, startedAt);
    subject.freshUntil = endedAt + check.staleAfterMs;
    if (isFresh(subject, clock.now())) subject.toldStale = false;
    const changed = take(subject, result, check, wasStale);
    if (changed) for (const group of groups) group.verdict = undefined;
    return changed;
  }

  function takeOnRequest(result: CheckResult): void {
    const subject = subjects.get(result.check);
    if (!subject) return;
    const { missedMs } = subject;
    subject.missedMs = undefined;
    if (take(subject, result, ON_REQUEST, false)) reviewDue = true;
    if (missedMs !== undefined && result.outcome.ok) onLate(result, missedMs);
  }

  /** Whether the status changed. */
  function take(subject: Subject, result: CheckResult, thresholds: Thresholds, wasStale: boolean): boolean {
    const before = subject.state;
    subject.state = nextState(before, result, thresholds, wasStale);
    if (isWatched(subject)) onResult(result, before, subject.state);
    return subject.state.status !== before.status;
  }

  return {
    start() {
      phase = "started";
      keepUp();
    },
    read,
    ask,
    reconfigure,
    hold,
    states() {
      const now = clock.now();
      return host.map((subject) => ({
        check: subject.check,
        state: subject.state,
        stale: subject.state.status !== "unknown" && !isFresh(subject, now),
      }));
    },
    abort() {
      phase = "stopped";
      schedule.set([]);
      rounds.abort();
      for (const { run } of running) run?.cut.abort();
      for (const vigil of vigils) dissolve(vigil, judgeBackground(vigil.group, clock.now()));
    },
  };
}

/** One that replaces another has its status and streak. */
function createSubject(check: Check, replaced?: Subject): Subject {
  const { state = UNKNOWN, freshUntil = Number.NEGATIVE_INFINITY, toldStale = false } = replaced ?? {};
  return {
    check,
    groups: [],
    state: takenOver(state),
    freshUntil,
    toldStale,
    ranAt: Number.NEGATIVE_INFINITY,
    holds: new Set(),
    isPutOff: false,
  };
}

const checksOf = (subjects: readonly Subject[]): readonly Check[] => subjects.map(({ check }) => check);

const runsInBackground = ({ check }: Subject): boolean => check.intervalMs !== undefined;

/** Of a check on request, any result is fresh: each request gets one of its own. */
const isFresh = ({ check, state, freshUntil }: Subject, now: number): boolean =>
  check.intervalMs === undefined ? state.status !== "unknown" : now <= freshUntil;

/** When a run has to start that takes as long as the last one, so that the result does not get stale. */
function latestStart({ check, state, freshUntil }: Subject): number {
  const takesMs = (state.last?.durationMs ?? 0) + HOLD_MARGIN_MS;
  return freshUntil - Math.min(takesMs, check.timeoutMs);
}

/** Of the last result in the background, where there is one. */
const ageOf = ({ check, state, freshUntil }: Subject, now: number): number | undefined =>
  state.last && now - (freshUntil - check.staleAfterMs);

const passes = (subject: Subject | undefined, now: number): boolean =>
  subject?.state.status === "up" && isFresh(subject, now);

const isDown = (subject: Subject, now: number): boolean => subject.state.status === "down" && isFresh(subject, now);

/** It would decide, but is not known or not fresh, and that was not reported. */
const isUntold = (subject: Subject, now: number, decides: Decides): boolean =>
  decides(subject.check) && !isFresh(subject, now) && !subject.toldStale;

function judgeBackground({ background, backgroundChecks, decides }: Group, now: number): Verdict {
  const passing = new Set(background.filter((subject) => passes(subject, now)).map(({ check }) => check));
  return judge(backgroundChecks, decides, (check) => passing.has(check));
}

/** A callback that throws stops nothing that goes on here. */
const guarding =
  (onFault: (error: unknown) => void) =>
  <Told extends readonly unknown[]>(callback: (...told: Told) => void) =>
  (...told: Told): void => {
    try {
      callback(...told);
    } catch (error) {
      onFault(error);
    }
  };
