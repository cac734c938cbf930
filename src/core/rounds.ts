// Who asks on request shares a round or gets one of his own.
//
// With single flight, requests share the round that runs. Without it, at most
// `maxRounds` run at once, and the last two of these places are shared: one by
// all who came in the same turn of the loop, the last by the rest of the burst
// (docs/adr/0004-places.md). Who comes then waits for a round to end. So without
// single flight an answer is never older than its request, and no flood forks
// without bound.

import type { Check, CheckResult, Verdict } from "../checks/check.ts";
import type { Clock } from "../clock.ts";
import { type Asker, Askers, type Desertion, inPatience, type Service } from "./askers.ts";
import { type Round, startRound } from "./round.ts";
import { judge } from "./verdict.ts";

export interface RoundsOptions {
  readonly clock: Clock;
  readonly maxRounds: number;
  /** After a round that was ended because its last asker had gone. */
  readonly onAbandoned: (results: readonly CheckResult[]) => void;
}

export interface LaneOptions {
  readonly singleflight: boolean;
  /** From a request's arrival, also while it is queued. */
  readonly deadlineMs: number | undefined;
  /** Is told each round that was waited for. */
  readonly onResults: (results: readonly CheckResult[]) => void;
}

export interface Rounds {
  /** What asks for a round of these checks. They share the places with all others, and no round with them. */
  open(checks: readonly Check[], options: LaneOptions): (asker: Asker) => Promise<Verdict>;
  /** From now on so many places; rounds beyond them go on to their end. */
  resize(maxRounds: number): void;
  /** Ends every round at once: their askers are answered unhealthy. */
  abort(): void;
}

/** How many of the places are not for a request alone. */
const SHARED_PLACES = 2;

/**
 * A burst has arrived when nobody came for this long, and is not waited for
 * longer than that: a shared round then still ends within 50 ms of those that
 * started at once. It starts sooner where another round ends sooner.
 */
const BURST_QUIET_MS = 8;
const BURST_LONGEST_MS = 40;

/** The flights of one list of checks. */
interface Lane {
  readonly checks: readonly Check[];
  readonly service: Service<Flight>;
  readonly singleflight: boolean;
  /** Of none but checks that are only reported, the verdict is known before they have run. */
  readonly decidedAtOnce: boolean;
  readonly onResults: (results: readonly CheckResult[]) => void;
  /** The one round that waits for a place, for all who came when there was none. */
  queued?: Flight | undefined;
  /** With single flight, the running round that may still be joined. */
  shared?: Flight | undefined;
}

/** A round and who waits for it. */
class Flight {
  readonly lane: Lane;
  readonly askers: Askers<Flight>;
  /** Who wants to know when it has ended whole. */
  readonly observers: (() => void)[] = [];
  /** Set once it runs. */
  round?: Round;
  /** Set once what still runs cannot change it any more. */
  verdict?: Verdict;
  /** Why it was ended before its checks were: by its askers, or with all rounds. */
  cut?: Desertion | "aborted";
  /** While it is queued: when its first asker came, and what ends the wait for more of them. */
  queuedAt?: number;
  stopGathering?: () => void;

  constructor(lane: Lane) {
    this.lane = lane;
    this.askers = new Askers<Flight>(this, lane.service);
  }
}

export function createRounds({ clock, maxRounds: places, onAbandoned }: RoundsOptions): Rounds {
  let maxRounds = places;
  const running = new Set<Flight>();
  /** The queued flights of all lanes; the one that has waited longest is the first. */
  const queue = new Set<Flight>();

  function onDeserted(flight: Flight, why: Desertion): void {
    if (flight.lane.shared === flight) flight.lane.shared = undefined;
    cut(flight, why);
    if (queue.has(flight)) dismiss(flight);
  }

  function ask(lane: Lane, asker: Asker): Promise<Verdict> {
    const { shared, queued } = lane;
    const flight = shared ?? queued ?? new Flight(lane);
    if (asker.onLanded) flight.observers.push(asker.onLanded);
    if (shared?.verdict) return Promise.resolve(shared.verdict);
    const answer = inPatience(asker, flight.askers.join(asker), () => judgeSoFar(flight), clock);
    const isNew = !shared && !queued;
    if (isNew && running.size < Math.max(1, maxRounds - SHARED_PLACES)) start(flight);
    else if (!shared) gather(flight);
    return answer;
  }

  /** Queues the flight until those who come together have come; a new asker has just joined it. */
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
    running.add(flight);
    if (lane.singleflight) lane.shared = flight;
    const decide = () => {
      flight.verdict = judgeSoFar(flight);
      flight.askers.answer(flight.verdict);
    };
    flight.round = startRound(lane.checks, decide);
    if (lane.decidedAtOnce) decide();
    void flight.round.results.then((results) => land(flight, results));
  }

  function land(flight: Flight, results: readonly CheckResult[]): void {
    const { lane } = flight;
    running.delete(flight);
    if (lane.shared === flight) lane.shared = undefined;
    const [longestQueued] = queue;
    if (longestQueued && running.size < maxRounds) start(longestQueued);
    if (flight.cut === "gone") onAbandoned(results);
    else if (flight.cut !== "aborted") lane.onResults(results);
    for (const observe of flight.observers) observe();
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
    open(checks, { singleflight, deadlineMs, onResults }) {
      const decidedAtOnce = checks.every(({ severity }) => severity === "warning");
      const service = { clock, deadlineMs, soFar: judgeSoFar, onDeserted };
      const lane: Lane = { checks, service, singleflight, decidedAtOnce, onResults };
      return (asker) => ask(lane, asker);
    },
    resize(to) {
      maxRounds = to;
      for (const flight of queue) if (running.size < maxRounds - SHARED_PLACES) start(flight);
    },
    abort() {
      for (const flight of running) cut(flight, "aborted");
      for (const flight of queue) dismiss(flight);
    },
  };
}

/** What has not ended has failed. */
const judgeSoFar = ({ lane, round }: Flight): Verdict =>
  judge(lane.checks, (index) => round?.passed(index) ?? false, Date.now());

function cut(flight: Flight, why: Desertion | "aborted"): void {
  flight.cut ??= why;
  flight.round?.end();
}
