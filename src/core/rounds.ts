// Decides which round a request on request joins, and when a round starts.
//
// With single flight, requests share the round that runs. Without it, at most
// `maxRounds` run at once, and the last two of these places are shared: one by
// all that arrived in the same turn of the loop, the last by the rest of the burst
// (docs/adr/0004-places.md). Requests beyond that wait for a round to end. So without
// single flight an answer is never older than its request, and no flood forks
// without bound.
//
// A round runs to the end of its checks, even when its clients have disconnected or were
// answered at their deadlines, and keeps its place until then (docs/adr/0010-rounds-run-on.md).
// Checks that decide nothing take no place: each runs at most once at a time.

import type { Check, CheckResult, Verdict } from "../checks/check.ts";
import { runCheck } from "../checks/run.ts";
import type { Clock } from "../clock.ts";
import { type Asker, Askers, inPatience, type Service } from "./askers.ts";
import { type Round, startRound } from "./round.ts";
import { type Decides, judge, unhealthy } from "./verdict.ts";

export interface RoundsOptions {
  readonly clock: Clock;
  readonly maxRounds: number;
  /** After each check that was not ended before its time. */
  readonly onResult: (result: CheckResult) => void;
  /** The verdict of a round is known, or its last check has ended. */
  readonly onProgress: () => void;
  /** Whether the check's results still count. */
  readonly isWatched: (check: Check) => boolean;
}

export interface LaneOptions {
  readonly decides: Decides;
  readonly singleflight: boolean;
  /** From a request's arrival, also while it is queued. */
  readonly deadlineMs: number | undefined;
  /** A client disconnected before its answer, while these checks were still running. */
  readonly onGone: (asker: Asker, waitedMs: number, running: readonly Check[]) => void;
}

export interface Rounds {
  /** What asks for a round of these checks. They share the places with all others, and no round with them. */
  open(checks: readonly Check[], options: LaneOptions): Requests;
  /** From now on so many places; rounds beyond them go on to their end. What no request waits for and no result is wanted of ends. */
  reconfigure(maxRounds: number): void;
  /** Ends every round at once: the requests that wait are answered unhealthy. */
  abort(): void;
}

export interface Requests {
  ask(asker: Asker): Promise<Verdict>;
  /** The request has its answer from elsewhere. */
  forget(asker: Asker): void;
}

/** How many of the places are not for a request alone. */
const SHARED_PLACES = 2;

/**
 * A burst is complete when no request came for this long, and is not waited for
 * longer than that: a shared round then still ends within 50 ms of those that
 * started at once. It starts sooner where another round ends sooner.
 */
const BURST_QUIET_MS = 8;
const BURST_LONGEST_MS = 40;

/** The flights of one list of checks. */
interface Lane extends LaneOptions {
  readonly checks: readonly Check[];
  readonly deciding: readonly Check[];
  readonly reported: readonly Check[];
  readonly service: Service<Flight>;
  /** The one round that waits for a place, for all requests that came when there was none. */
  queued?: Flight | undefined;
  /** With single flight, the running round that may still be joined. */
  shared?: Flight | undefined;
}

/** A round and the requests that wait for it. */
class Flight {
  readonly lane: Lane;
  readonly askers: Askers<Flight>;
  /** Called when all that was started for it has ended. */
  readonly observers: (() => void)[] = [];
  /** Set once it runs. */
  round?: Round;
  /** Set once what still runs cannot change it any more. */
  verdict?: Verdict;
  /** It was ended before its checks were, and their results do not count. */
  isCut = false;
  /** While it is queued: when its first request came, and what ends the wait for more of them. */
  queuedAt?: number;
  stopGathering?: () => void;

  constructor(lane: Lane) {
    this.lane = lane;
    this.askers = new Askers<Flight>(this, lane.service);
  }
}

/** The run of a check that decides nothing. */
interface Report {
  readonly cut: AbortController;
  readonly ended: Promise<void>;
}

export function createRounds(options: RoundsOptions): Rounds {
  const { clock, onResult, onProgress, isWatched } = options;
  let { maxRounds } = options;
  const running = new Set<Flight>();
  /** The queued flights of all lanes; the one that has waited longest is the first. */
  const queue = new Set<Flight>();
  const reports = new Map<Check, Report>();

  function onDeserted(flight: Flight): void {
    if (queue.has(flight)) dismiss(flight);
    else endIfUseless(flight);
  }

  /** Ends a round of a configuration before that would only keep its place. */
  function endIfUseless(flight: Flight): void {
    const { askers, lane } = flight;
    if (askers.isEmpty && !lane.deciding.every(isWatched)) cut(flight);
  }

  function ask(lane: Lane, asker: Asker): Promise<Verdict> {
    const { shared, queued } = lane;
    const flight = shared ?? queued ?? new Flight(lane);
    if (asker.onLanded) flight.observers.push(asker.onLanded);
    if (shared?.verdict) return Promise.resolve(shared.verdict);
    const answer = inPatience(asker, flight.askers.join(asker), () => judgeSoFar(flight), clock);
    const isNew = !shared && !queued;
    const takesNoPlace = lane.deciding.length === 0;
    if (takesNoPlace || (isNew && running.size < Math.max(1, maxRounds - SHARED_PLACES))) start(flight);
    else if (!shared) gather(flight);
    return answer;
  }

  /** Queues the flight until the requests that come together have come; a new one has just joined it. */
  function gather(flight: Flight): void {
    const isFirst = !queue.has(flight);
    queue.add(flight);
    flight.lane.queued = flight;
    const startIfPlace = () => {
      if (running.size < maxRounds) start(flight);
    };
    if (running.size < maxRounds - 1) {
      if (!isFirst) return;
      const turn = setImmediate(startIfPlace);
      flight.stopGathering = () => clearImmediate(turn);
    } else {
      const now = clock.now();
      flight.queuedAt ??= now;
      flight.stopGathering?.();
      const patience = Math.min(BURST_QUIET_MS, flight.queuedAt + BURST_LONGEST_MS - now);
      flight.stopGathering = clock.after(Math.max(0, patience), startIfPlace);
    }
  }

  function start(flight: Flight): void {
    const { lane } = flight;
    dequeue(flight);
    const reported = lane.reported.map((check) => reports.get(check) ?? report(check));
    if (lane.deciding.length === 0) {
      flight.askers.answer(judgeSoFar(flight));
      void land(flight, reported);
      return;
    }
    running.add(flight);
    if (lane.singleflight) lane.shared = flight;
    flight.round = startRound(lane.deciding, {
      onResult(result) {
        if (!flight.isCut) onResult(result);
      },
      onDecided() {
        flight.verdict = judgeKnown(flight);
        onProgress();
        flight.askers.answer(flight.verdict);
      },
    });
    void flight.round.ended.then(() => land(flight, reported));
  }

  /** Starts a check that decides nothing. */
  function report(check: Check): Report {
    const cut = new AbortController();
    const ended = runCheck(check, cut.signal).then((result) => {
      reports.delete(check);
      if (cut.signal.aborted) return;
      onResult(result);
      onProgress();
    });
    const started = { cut, ended };
    reports.set(check, started);
    return started;
  }

  async function land(flight: Flight, reported: readonly Report[]): Promise<void> {
    const { lane, observers } = flight;
    running.delete(flight);
    if (lane.shared === flight) lane.shared = undefined;
    const [longestQueued] = queue;
    if (longestQueued && running.size < maxRounds) start(longestQueued);
    if (!flight.isCut) onProgress();
    if (observers.length === 0) return;
    await Promise.all(reported.map(({ ended }) => ended));
    for (const observe of observers) observe();
  }

  function dequeue(flight: Flight): void {
    if (!queue.delete(flight)) return;
    flight.lane.queued = undefined;
    flight.stopGathering?.();
  }

  /** The queued flight will not start. */
  function dismiss(flight: Flight): void {
    dequeue(flight);
    flight.askers.answer(judgeSoFar(flight));
    for (const observe of flight.observers) observe();
  }

  return {
    open(checks, options) {
      const { deadlineMs, decides, onGone } = options;
      const lane: Lane = {
        ...options,
        checks,
        deciding: checks.filter(decides),
        reported: checks.filter((check) => !decides(check)),
        service: {
          clock,
          deadlineMs,
          soFar: judgeSoFar,
          onGone: ({ round }, asker, waitedMs) => {
            onGone(
              asker,
              waitedMs,
              lane.deciding.filter((_, index) => round?.passed(index) === undefined),
            );
          },
          onDeserted,
        },
      };
      return {
        ask: (asker) => ask(lane, asker),
        forget(asker) {
          for (const flight of [...running, ...queue]) if (flight.lane === lane) flight.askers.forget(asker);
        },
      };
    },
    reconfigure(to) {
      maxRounds = to;
      for (const flight of running) endIfUseless(flight);
      for (const [check, { cut }] of reports) if (!isWatched(check)) cut.abort();
      for (const flight of queue) if (running.size < maxRounds - SHARED_PLACES) start(flight);
    },
    abort() {
      for (const flight of running) cut(flight);
      for (const flight of queue) dismiss(flight);
      for (const { cut } of reports.values()) cut.abort();
    },
  };
}

/** What has not ended has failed. */
function judgeSoFar({ lane: { checks, deciding, decides }, round }: Flight): Verdict {
  const passed = new Set(deciding.filter((_, index) => round?.passed(index)));
  return judge(checks, decides, (check) => passed.has(check));
}

/** Only what has ended can have failed. */
function judgeKnown({ lane: { deciding }, round }: Flight): Verdict {
  const failed = deciding.filter((_, index) => round?.passed(index) === false);
  return failed.length > 0 ? unhealthy(failed.map(({ name }) => name)) : { healthy: true, failing: [], at: Date.now() };
}

function cut(flight: Flight): void {
  flight.isCut = true;
  flight.round?.end();
}
