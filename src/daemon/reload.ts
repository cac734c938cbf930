// Reads the configuration again, tries it out and takes it: whole or not at all. One at a time; reloads
// that are asked for while one is under way share the next. A reading that hangs is refused,
// and none is begun beside it.

import type { Check } from "../checks/check.ts";
import type { Options } from "../config/load.ts";
import type { ReloadRequest } from "../listeners/control/messages.ts";
import type { Trial } from "../monitor/monitor.ts";
import type { ReloadChange, ReloadReport, ReloadUnderWay } from "../status/schema.ts";
import { NO_CHANGE } from "../status/status.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { within } from "../system/event-loop.ts";
import { formatDuration, roundDuration } from "../text/duration.ts";
import type { Plan, PlanChange } from "./plan.ts";
import { describeHarm, type TrialReport } from "./trial.ts";

/** Reads the options again, or says why there are none, whole lines. */
export type Reread = () => Promise<Options | readonly string[]>;

export interface ReloaderOptions {
  readonly reread: Reread;
  /** Nothing runs by it yet. */
  readonly createPlan: (options: Options) => Plan;
  /** Runs the new and the changed checks once; ends at once when the signal aborts. */
  readonly tryOut: (plan: Plan, signal: AbortSignal) => Promise<TrialReport>;
  /** Puts the plan in force, at once and whole. */
  readonly apply: (plan: Plan, trial: Trial) => void;
  /** What takes a restart to change; whole lines. */
  readonly fixed: (plan: Plan) => readonly string[];
  /** Neither is called for a dry run. */
  readonly onStart: () => void;
  readonly onEnd: (report: ReloadReport, change: PlanChange | undefined) => void;
  /** Something was thrown, which is a fault of ours. */
  readonly onFault: (error: unknown) => void;
  /** For tests. */
  readonly clock?: Clock;
}

/** Less than `health-checker reload` waits for a sign of life, so that it hears why. */
const LONGEST_READING_MS = 20_000;

const PLAIN_RELOAD: ReloadRequest = { force: false, dryRun: false };

const STOPPING = "health-checker: the daemon is stopping";

export interface Reloader {
  /** Resolves with what came of it; never rejects. */
  reload(order?: ReloadRequest): Promise<ReloadReport>;
  /** Undefined where none is. */
  readonly underWay: ReloadUnderWay | undefined;
  /** Of the last one that was no dry run. */
  readonly last: ReloadReport | undefined;
  /** Refuses the one under way and all that wait. */
  stop(): void;
}

type Attempt = Omit<ReloadReport, "at" | "dryRun"> & { readonly change?: PlanChange };

export function createReloader(options: ReloaderOptions): Reloader {
  const { reread, createPlan, tryOut, apply, fixed, onStart, onEnd, onFault, clock = hostClock } = options;
  let running: Promise<unknown> = Promise.resolve();
  const waiting = new Map<string, Promise<ReloadReport>>();
  const stopping = new AbortController();
  let underWay: ReloadUnderWay | undefined;
  let last: ReloadReport | undefined;
  /** When the reading began that was refused since it hangs, and still does. */
  let hangsSince: number | undefined;

  async function reloadNow(order: ReloadRequest): Promise<ReloadReport> {
    const { dryRun } = order;
    underWay = { since: new Date().toISOString(), dryRun };
    if (!dryRun) onStart();
    const { change, ...outcome } = await attempt(order);
    underWay = undefined;
    const report = { at: new Date().toISOString(), dryRun, ...outcome };
    if (dryRun) return report;
    last = report;
    onEnd(report, change);
    return report;
  }

  async function attempt(order: ReloadRequest): Promise<Attempt> {
    if (stopping.signal.aborted) return refused([STOPPING]);
    if (hangsSince !== undefined) {
      const age = roundDuration(clock.now() - hangsSince);
      return refused([
        `health-checker: cannot read the configuration: an earlier reload has been reading it for ${age}`,
      ]);
    }
    try {
      const options = await readInTime();
      if (!options) {
        const limit = formatDuration(LONGEST_READING_MS);
        return refused([`health-checker: cannot read the configuration within ${limit}; does a file system hang?`]);
      }
      return "listener" in options ? await takeIfHarmless(options, order) : refused(options);
    } catch (error) {
      onFault(error);
      return refused(["health-checker: a fault in health-checker; its log says more"]);
    }
  }

  async function takeIfHarmless(options: Options, { force, dryRun }: ReloadRequest): Promise<Attempt> {
    const plan = createPlan(options);
    const { signal } = stopping;
    const tried = signal.aborted ? undefined : await tryOut(plan, signal);
    if (!tried || signal.aborted) return refused([STOPPING]);
    const { trial } = tried;
    const isRefused = tried.harm.length > 0 && !force;
    const taken = !isRefused && !dryRun;
    const harm = tried.harm.map((one) => describeHarm(one, taken));
    const report = {
      taken,
      problems: isRefused ? harm.map((line) => `health-checker: ${line}`) : [],
      forcible: isRefused,
      cautions: [...fixed(plan), ...options.warnings],
      warnings: [...(isRefused ? [] : harm), ...tried.warnings],
      ...namesOf(plan.change),
      change: plan.change,
    };
    if (taken) apply(plan, trial);
    return report;
  }

  /** Undefined where it hangs; what comes of it then comes to nothing. */
  async function readInTime(): Promise<Awaited<ReturnType<Reread>> | undefined> {
    const startedAt = clock.now();
    const reading = reread();
    const options = await within(reading, LONGEST_READING_MS, clock);
    if (!options) {
      hangsSince = startedAt;
      const end = () => {
        hangsSince = undefined;
      };
      void reading.then(end, end);
    }
    return options;
  }

  return {
    reload(order = PLAIN_RELOAD) {
      const key = JSON.stringify([order.force, order.dryRun]);
      const shared = waiting.get(key);
      if (shared) return shared;
      const next = running.then(() => {
        waiting.delete(key);
        return reloadNow(order);
      });
      waiting.set(key, next);
      running = next;
      return next;
    },
    get underWay() {
      return underWay;
    },
    get last() {
      return last;
    },
    stop: () => stopping.abort(),
  };
}

function namesOf({ kept, changed, kindChanged, added, removed, options, endpoints }: PlanChange): ReloadChange {
  const names = (checks: Iterable<Check>) => Array.from(checks, ({ name }) => name);
  return {
    kept,
    changed: names(changed.keys()),
    kindChanged: names(kindChanged),
    added: names(added),
    removed: names(removed),
    options,
    endpointsChanged: endpoints.changed,
    endpointsAdded: endpoints.added,
    endpointsRemoved: endpoints.removed,
  };
}

const refused = (problems: readonly string[]): Attempt => ({
  taken: false,
  problems,
  forcible: false,
  cautions: [],
  warnings: [],
  ...NO_CHANGE,
});
