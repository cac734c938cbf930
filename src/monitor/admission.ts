// Decides which runs answer a request on request, and when they start.
//
// With single flight, requests share what runs. Without it, each check has `maxRounds` places:
// at most so many runs of it are under way at once. A request has a run of each check for itself, but the last
// two places of a check are shared: one by all that arrived in the same turn of the loop, the last by
// the rest of the burst (docs/adr/0004-places.md). A request that finds no place for one of its checks waits for
// that check alone, and shares its next run with all others that wait for it. So without
// single flight no run that answers a request began before it came, and no flood forks without
// bound.
//
// A run goes on to its end, even when its clients have disconnected or were
// answered at their deadlines, and keeps its place until then (docs/adr/0010-rounds-run-on.md).
// Checks that decide nothing take no place: each runs at most once at a time.

import type { Check, CheckResult, Verdict } from "../checks/check.ts";
import { runCheck } from "../checks/run.ts";
import type { Clock } from "../system/clock.ts";
import { type Round, startRound } from "./round.ts";
import { type Decides, judge, unhealthy } from "./verdict.ts";
import { type Asker, Askers, inPatience, type Service } from "./waiters.ts";

export interface RoundsOptions {
  readonly clock: Clock;
  readonly maxRounds: number;
  /** After each check that was not ended before its time. */
  readonly onResult: (result: CheckResult) => void;
  /** The verdict for some requests is known, or the last of the checks that started together has ended. */
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
  /** A request was answered unhealthy at its deadline, since there was no pass of these checks yet. */
  readonly onMissed: (missing: readonly Check[]) => void;
}

export interface Rounds {
  /** What asks for these checks. */
  open(checks: readonly Check[], options: LaneOptions): Requests;
  /**
   * From now on so many places for each check; runs beyond them go on to their end. A check that replaces
   * another has its places. What no request waits for and no result is wanted of ends.
   */
  reconfigure(maxRounds: number, changed: ReadonlyMap<Check, Check>): void;
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

/** The places of a check, and of those that it has replaced. */
interface Places {
  /** Runs that are under way. */
  taken: number;
  /** How many flights wait for one. */
  wanted: number;
}

/** The flights of one list of checks. */
interface Lane extends LaneOptions {
  readonly checks: readonly Check[];
  readonly deciding: readonly Check[];
  readonly places: readonly Places[];
  readonly reported: readonly Check[];
  readonly service: Service<Flight>;
  /** The one flight of which nothing runs yet, for all requests that came when there was no place. */
  queued?: Flight | undefined;
  /** With single flight, the running one, which may still be joined. */
  shared?: Flight | undefined;
}

const NONE: Set<Check> = new Set();

/** A result of each deciding check, for the requests that wait for it. */
class Flight {
  readonly lane: Lane;
  readonly askers: Askers<Flight>;
  /** Called when all that was started for it has ended. */
  readonly observers: (() => void)[] = [];
  /** Whether each check that has ended has passed. */
  readonly outcomes = new Map<Check, boolean>();
  /** Its checks had to wait for a place; those that still do. */
  isQueued = false;
  missing: Set<Check> = NONE;
  /** How many of its checks run. */
  running = 0;
  reports: readonly Report[] = [];
  /** Set once what still runs cannot change it any more. */
  verdict?: Verdict;
  /** While it is queued: when its first request came, and what ends the wait for more of them. */
  queuedAt?: number;
  stopGathering?: (() => void) | undefined;

  constructor(lane: Lane) {
    this.lane = lane;
    this.askers = new Askers<Flight>(this, lane.service);
  }
}

/** Checks that were started together. */
interface Batch {
  readonly checks: readonly Check[];
  /** The flights that each of them is for. */
  readonly flights: readonly (readonly Flight[])[];
  readonly round: Round;
  /** It was ended before its checks were, and their results do not count. */
  isCut: boolean;
}

/** The run of a check that decides nothing. */
interface Report {
  readonly cut: AbortController;
  readonly ended: Promise<void>;
}

export function createRounds(options: RoundsOptions): Rounds {
  const { clock, onResult, onProgress, isWatched } = options;
  let { maxRounds } = options;
  const running = new Set<Batch>();
  /** The flights that wait for a place, for one of their checks at least. */
  const queue = new Set<Flight>();
  const reports = new Map<Check, Report>();
  const places = new WeakMap<Check, Places>();
  /** When the newest result of each check came, and whether it was a pass. */
  const newest = new WeakMap<Check, { readonly at: number; readonly passed: boolean }>();

  function placesOf(check: Check): Places {
    const known = places.get(check);
    if (known) return known;
    const free = { taken: 0, wanted: 0 };
    places.set(check, free);
    return free;
  }

  /** The places that are taken of the check that has most. */
  function takenOf({ places }: Lane): number {
    let most = 0;
    for (const { taken } of places) most = Math.max(most, taken);
    return most;
  }

  function ask(lane: Lane, asker: Asker): Promise<Verdict> {
    const { shared, queued } = lane;
    const flight = shared ?? queued ?? new Flight(lane);
    if (asker.onLanded) flight.observers.push(asker.onLanded);
    if (shared?.verdict) return Promise.resolve(shared.verdict);
    const answer = inPatience(asker, flight.askers.join(asker), (cameAt) => judgeSoFar(flight, cameAt), clock);
    const isNew = !shared && !queued;
    if (lane.deciding.length === 0) pass(flight);
    else if (isNew && takenOf(lane) < Math.max(1, maxRounds - SHARED_PLACES)) {
      start(lane.deciding, lane.places, Array(lane.deciding.length).fill([flight]));
    } else if (!shared) gather(flight);
    return answer;
  }

  /** Nothing decides: it is answered at once. */
  function pass(flight: Flight): void {
    startReports(flight);
    flight.askers.answer(judgeSoFar(flight, clock.now()));
    void land(flight);
  }

  /** Queues the flight until the requests that come together have come; a new one has just joined it. */
  function gather(flight: Flight): void {
    const { lane } = flight;
    const isFirst = !queue.has(flight);
    if (isFirst) {
      queue.add(flight);
      lane.queued = flight;
      flight.isQueued = true;
      flight.missing = new Set(lane.deciding);
      for (const place of lane.places) place.wanted++;
    } else if (!flight.stopGathering) return;
    const end = () => {
      flight.stopGathering = undefined;
      startQueued();
    };
    if (takenOf(lane) < maxRounds - 1) {
      if (!isFirst) return;
      const turn = setImmediate(end);
      flight.stopGathering = () => clearImmediate(turn);
    } else {
      const now = clock.now();
      flight.queuedAt ??= now;
      flight.stopGathering?.();
      const patience = Math.min(BURST_QUIET_MS, flight.queuedAt + BURST_LONGEST_MS - now);
      flight.stopGathering = clock.after(Math.max(0, patience), end);
    }
  }

  /**
   * Starts what waits and has a place: all that is missing, whether more requests are expected or not; part
   * of it only where none are, so that requests that come together share a flight.
   */
  function startQueued(): void {
    // By places, which a check shares with those that it replaces.
    const ready = new Map<Places, Map<Check, Flight[]>>();
    const hasPlace = (check: Check): boolean => {
      const place = placesOf(check);
      const starting = ready.get(place);
      return starting?.has(check) || place.taken + (starting?.size ?? 0) < maxRounds;
    };
    for (const flight of queue) {
      const startable = [...flight.missing].filter(hasPlace);
      if (flight.stopGathering && startable.length < flight.missing.size) continue;
      for (const check of startable) {
        const place = placesOf(check);
        const starting = ready.get(place) ?? new Map<Check, Flight[]>();
        ready.set(place, starting);
        const together = starting.get(check);
        if (together) together.push(flight);
        else starting.set(check, [flight]);
      }
    }
    const runs = [...ready.values()].flatMap((starting) => [...starting]);
    const checks = runs.map(([check]) => check);
    if (checks.length > 0)
      start(
        checks,
        checks.map(placesOf),
        runs.map(([, flights]) => flights),
      );
  }

  /** Starts each check for its flights. */
  function start(checks: readonly Check[], places: readonly Places[], flights: readonly (readonly Flight[])[]): void {
    for (const [index, place] of places.entries()) {
      place.taken++;
      for (const flight of flights[index] ?? []) {
        if (flight.running === 0 && flight.outcomes.size === 0) board(flight);
        flight.running++;
        if (flight.isQueued) leaveQueue(flight, checks[index], place);
      }
    }
    const batch: Batch = {
      checks,
      flights,
      isCut: false,
      round: startRound(checks, (result, index) => take(batch, result, index, places[index] ?? placesOf(result.check))),
    };
    running.add(batch);
    void batch.round.ended.then(() => {
      running.delete(batch);
      if (!batch.isCut) onProgress();
    });
  }

  function leaveQueue(flight: Flight, check: Check | undefined, place: Places): void {
    if (check && flight.missing.delete(check)) place.wanted--;
    if (flight.missing.size === 0) queue.delete(flight);
  }

  /** The first check of the flight starts. */
  function board(flight: Flight): void {
    const { lane } = flight;
    if (lane.queued === flight) lane.queued = undefined;
    flight.stopGathering?.();
    flight.stopGathering = undefined;
    if (lane.singleflight) lane.shared = flight;
    startReports(flight);
  }

  function startReports(flight: Flight): void {
    flight.reports = flight.lane.reported.map((check) => reports.get(check) ?? report(check));
  }

  function take({ flights, isCut }: Batch, result: CheckResult, index: number, place: Places): void {
    const { check, outcome } = result;
    place.taken--;
    if (!isCut) {
      newest.set(check, { at: clock.now(), passed: outcome.ok });
      onResult(result);
    }
    for (const flight of flights[index] ?? []) {
      flight.running--;
      flight.outcomes.set(check, outcome.ok);
      if (!flight.verdict && (!outcome.ok || flight.outcomes.size === flight.lane.deciding.length)) decide(flight);
      if (flight.running === 0 && flight.missing.size === 0) void land(flight);
    }
    if (place.wanted > 0) startQueued();
  }

  function decide(flight: Flight): void {
    flight.verdict = judgeKnown(flight);
    if (flight.isQueued) dequeue(flight);
    onProgress();
    flight.askers.answer(flight.verdict);
    for (const batch of running) endIfUseless(batch);
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

  /** All that was started for it has ended, but for what decides nothing. */
  async function land(flight: Flight): Promise<void> {
    const { lane, observers, reports } = flight;
    if (lane.shared === flight) lane.shared = undefined;
    if (observers.length === 0) return;
    await Promise.all(reports.map(({ ended }) => ended));
    for (const observe of observers) observe();
  }

  /** What has not started for it will not. */
  function dequeue(flight: Flight): void {
    if (!queue.delete(flight)) return;
    if (flight.lane.queued === flight) flight.lane.queued = undefined;
    flight.stopGathering?.();
    flight.stopGathering = undefined;
    for (const check of flight.missing) placesOf(check).wanted--;
    flight.missing = NONE;
  }

  function onDeserted(flight: Flight): void {
    const { lane, missing } = flight;
    // It will never be complete, so nothing may join it.
    if (missing.size > 0 && lane.shared === flight) lane.shared = undefined;
    dequeue(flight);
    if (flight.running === 0) void land(flight);
    else for (const batch of running) endIfUseless(batch);
  }

  /** Ends checks of a configuration before that no request waits for. */
  function endIfUseless(batch: Batch): void {
    const { checks, flights } = batch;
    if (checks.every(isWatched) || flights.flat().some(({ askers }) => !askers.isEmpty)) return;
    cut(batch);
  }

  /** What has not ended has failed; where it had to wait for a place, the newest result since the request came counts. */
  function judgeSoFar({ lane: { checks, decides }, outcomes, isQueued }: Flight, cameAt: number): Verdict {
    const hasPassed = (check: Check): boolean => {
      const known = isQueued ? newest.get(check) : undefined;
      return outcomes.get(check) ?? (known !== undefined && known.at >= cameAt && known.passed);
    };
    return judge(checks, decides, hasPassed);
  }

  return {
    open(checks, options) {
      const { deadlineMs, decides, onGone, onMissed } = options;
      const deciding = checks.filter(decides);
      const lane: Lane = {
        ...options,
        checks,
        deciding,
        places: deciding.map(placesOf),
        reported: checks.filter((check) => !decides(check)),
        service: {
          clock,
          deadlineMs,
          soFar(flight, cameAt) {
            const verdict = judgeSoFar(flight, cameAt);
            onMissed(deciding.filter(({ name }) => verdict.failing.includes(name)));
            return verdict;
          },
          onGone({ outcomes }, asker, waitedMs) {
            const unknown = deciding.filter((check) => !outcomes.has(check));
            onGone(asker, waitedMs, unknown);
          },
          onDeserted,
        },
      };
      return {
        ask: (asker) => ask(lane, asker),
        forget(asker) {
          const flights = new Set([...queue, ...[...running].flatMap((batch) => batch.flights.flat())]);
          for (const flight of flights) if (flight.lane === lane) flight.askers.forget(asker);
        },
      };
    },
    reconfigure(to, changed) {
      maxRounds = to;
      for (const [check, replaced] of changed) places.set(check, placesOf(replaced));
      for (const batch of running) endIfUseless(batch);
      for (const [check, { cut }] of reports) if (!isWatched(check)) cut.abort();
      startQueued();
    },
    abort() {
      for (const flight of queue) {
        dequeue(flight);
        flight.askers.answer(judgeSoFar(flight, Number.POSITIVE_INFINITY));
        if (flight.running === 0) void land(flight);
      }
      for (const batch of running) cut(batch);
      for (const { cut } of reports.values()) cut.abort();
    },
  };
}

/** Only what has ended can have failed. */
function judgeKnown({ outcomes }: Flight): Verdict {
  const failed = [...outcomes].filter(([, passed]) => !passed);
  return failed.length > 0
    ? unhealthy(failed.map(([{ name }]) => name))
    : { healthy: true, failing: [], at: Date.now() };
}

function cut(batch: Batch): void {
  batch.isCut = true;
  batch.round.end();
}
