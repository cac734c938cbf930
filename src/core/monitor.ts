// Decides when checks run, and owns the only state there is.
//
// On request: a request starts a round. With single flight, requests share the
// round that runs. Without it, at most `maxRounds` run at once, and the last two
// of these places are shared: one by all who came in the same turn of the loop,
// the last by the rest of the burst. Who comes then waits for a round to end. So
// without single flight an answer is never older than its request, and no flood
// forks without bound.

import type { Check, CheckResult, CheckState, Verdict } from "../checks/check.ts";
import type { Clock } from "../clock.ts";
import { startRound } from "./round.ts";
import { nextState, UNKNOWN } from "./threshold.ts";
import { judge } from "./verdict.ts";

/** Who asks for a verdict; a Request is one. `signal` aborts when the asker has gone. */
export interface Asker {
  readonly signal: AbortSignal;
}

export interface MonitorOptions {
  /** What can be asked for, lists of checks: first the host itself, all checks; then parts of it. */
  readonly groups: readonly (readonly Check[])[];
  readonly singleflight: boolean;
  /** Of all groups together. */
  readonly maxRounds: number;
  /** A request is answered by then, counted from its arrival; absent: when its checks have ended. */
  readonly deadlineMs?: number | undefined;
  /** After each result that was waited for to its end. */
  readonly onResult: (result: CheckResult, before: CheckState, after: CheckState) => void;
  /** The host's verdict was judged anew, since a check changed. */
  readonly onVerdict: (verdict: Verdict, before: Verdict | undefined) => void;
  /** After a round that was ended because its last asker had gone. */
  readonly onAbandoned: (results: readonly CheckResult[]) => void;
  /** A request had to be answered while the check had no result, or one too old; once until it has one again. */
  readonly onStale: (check: Check, state: CheckState) => void;
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
  /** Every check of the host, in its order. */
  states(): readonly CheckReport[];
  /** Ends every run and round at once: who waits is answered unhealthy. Nothing runs in the background any more. */
  abort(): void;
}

/** Making a request's signal costs a tenth of answering it, so it is made only for rounds that last. */
const WATCH_ASKERS_AFTER_MS = 5;

/** How many of the places are not for a request alone. */
const SHARED_PLACES = 2;

/**
 * A burst has arrived when nobody came for this long, and is not waited for
 * longer than that: a shared round then still ends within 50 ms of those that
 * started at once. It starts sooner where another round ends sooner.
 */
const BURST_QUIET_MS = 8;
const BURST_LONGEST_MS = 40;

/** A round and who waits for it. */
interface Flight {
  /** Set once it runs: ends its round. */
  end?: () => void;
  /** Why it was ended before its checks were: nobody waited any more, or all rounds were. */
  cut?: "abandoned" | "aborted";
  readonly askers: Set<Asker>;
  readonly verdict: Promise<Verdict>;
  readonly answer: (verdict: Verdict) => void;
  /** From then on every asker's signal is listened to. */
  watched: boolean;
  watching?: ReturnType<typeof setTimeout>;
  /** While it is queued: performance.now() of its first asker, and what ends the wait for more of them. */
  queuedAt?: number;
  stopGathering?: () => void;
}

export function createMonitor({
  groups,
  singleflight,
  maxRounds,
  onResult,
  onVerdict,
  onAbandoned,
}: MonitorOptions): Monitor {
  const checks = groups[0] ?? [];
  const states = new Map<Check, CheckState>(checks.map((check) => [check, UNKNOWN]));
  const running = new Set<Flight>();
  /** The one round that waits for a place, for all who came when there was none. */
  let queued: Flight | undefined;
  /** With single flight, the running round that may still be joined. */
  let shared: Flight | undefined;
  let verdict: Verdict | undefined;
  /** Rounds are numbered as they start; this one gave `verdict`. */
  let judgedRound = 0;
  let rounds = 0;

  function ask(asker: Asker): Promise<Verdict> {
    const flight = shared ?? queued ?? createFlight();
    const isNew = flight.askers.size === 0;
    flight.askers.add(asker);
    if (isNew) flight.watching = setTimeout(() => watchAskers(flight), WATCH_ASKERS_AFTER_MS);
    else if (flight.watched) watchAsker(flight, asker);
    if (isNew && running.size < Math.max(1, maxRounds - SHARED_PLACES)) start(flight);
    else if (flight !== shared) gather(flight);
    return flight.verdict;
  }

  /** Queues the flight until those who come together have come; a new asker has just joined it. */
  function gather(flight: Flight): void {
    const isFirst = queued !== flight;
    queued = flight;
    if (running.size < maxRounds - 1) {
      if (!isFirst) return;
      const turn = setImmediate(startQueued);
      flight.stopGathering = () => clearImmediate(turn);
    } else {
      const now = performance.now();
      flight.queuedAt ??= now;
      flight.stopGathering?.();
      const patience = Math.min(BURST_QUIET_MS, flight.queuedAt + BURST_LONGEST_MS - now);
      const timer = setTimeout(startQueued, Math.max(0, patience));
      flight.stopGathering = () => clearTimeout(timer);
    }
  }

  function startQueued(): void {
    if (!queued || running.size >= maxRounds) return;
    const flight = queued;
    queued = undefined;
    flight.stopGathering?.();
    start(flight);
  }

  function start(flight: Flight): void {
    running.add(flight);
    if (singleflight) shared = flight;
    const round = ++rounds;
    const { results, end } = startRound(checks);
    flight.end = end;
    void results.then((all) => land(flight, all, round));
  }

  function land(flight: Flight, results: readonly CheckResult[], round: number): void {
    leave(flight);
    const landed = judge(results, Date.now());
    flight.answer(landed);
    startQueued();
    if (!flight.cut) record(results, landed, round);
    else if (flight.cut === "abandoned") onAbandoned(results);
  }

  function record(results: readonly CheckResult[], landed: Verdict, round: number): void {
    for (const result of results) {
      const before = states.get(result.check) ?? UNKNOWN;
      const after = nextState(before, result);
      states.set(result.check, after);
      onResult(result, before, after);
    }
    if (round < judgedRound) return; // it ended late: a newer one is known
    judgedRound = round;
    const before = verdict;
    verdict = landed;
    onVerdict(landed, before);
  }

  function leave(flight: Flight): void {
    running.delete(flight);
    clearTimeout(flight.watching);
    flight.askers.clear();
    if (shared === flight) shared = undefined;
  }

  /** The queued flight will not start. */
  function dismiss(): void {
    queued?.answer(judge([], Date.now()));
    queued?.stopGathering?.();
    clearTimeout(queued?.watching);
    queued = undefined;
  }

  function watchAskers(flight: Flight): void {
    flight.watched = true;
    for (const asker of flight.askers) watchAsker(flight, asker);
  }

  /** Ends a round that nobody waits for any more. */
  function watchAsker(flight: Flight, asker: Asker): void {
    const gone = () => {
      if (!flight.askers.delete(asker) || flight.askers.size > 0) return;
      if (flight === shared) shared = undefined;
      cut(flight, "abandoned");
      if (flight === queued) dismiss();
    };
    if (asker.signal.aborted) gone();
    else asker.signal.addEventListener("abort", gone);
  }

  return {
    start() {},
    read: () => undefined,
    states: () => [],
    ask,
    abort() {
      for (const flight of running) cut(flight, "aborted");
      dismiss();
    },
  };
}

function cut(flight: Flight, why: "abandoned" | "aborted"): void {
  flight.cut ??= why;
  flight.end?.();
}

function createFlight(): Flight {
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  return { askers: new Set(), verdict: promise, answer: resolve, watched: false };
}
