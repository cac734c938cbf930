// Reads the configuration again, tries it out, and takes all of it or nothing. One reload runs at a time; equal ones
// that are requested meanwhile share the next. A reload whose file cannot be read in time is refused, and so is every
// other one until that read has ended.

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

/** Reads the options again; whole lines if they cannot be used. */
export type LoadAgain = () => Promise<Options | readonly string[]>;

export interface ReloaderOptions {
  readonly loadAgain: LoadAgain;
  /** Starts nothing. */
  readonly createPlan: (options: Options) => Plan;
  /** Runs the new and the changed checks once; ends at once when the signal aborts. */
  readonly tryOut: (plan: Plan, signal: AbortSignal) => Promise<TrialReport>;
  /** Puts the whole plan in force at once. */
  readonly apply: (plan: Plan, trial: Trial) => void;
  /** What needs a restart to change; whole lines. */
  readonly needRestart: (plan: Plan) => readonly string[];
  /** Neither is called for a dry run. */
  readonly onStart: () => void;
  readonly onEnd: (report: ReloadReport, change: PlanChange | undefined) => void;
  /** Something was thrown, which is a fault of ours. */
  readonly onFault: (error: unknown) => void;
  /** For tests. */
  readonly clock?: Clock;
}

/** Less than `health-checker reload` waits for a sign of life, so that its answer gives the reason. */
const LONGEST_LOADING_MS = 20_000;

const PLAIN_RELOAD: ReloadRequest = { force: false, dryRun: false };

const STOPPING = "health-checker: the daemon is stopping";

type Attempt = Omit<ReloadReport, "at" | "dryRun"> & { readonly change?: PlanChange };

export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #clock: Clock;
  /** Resolves when the last reload that was requested has ended. */
  #end: Promise<unknown> = Promise.resolve();
  /** The reloads that have not begun, by what was requested. */
  readonly #waiting = new Map<string, Promise<ReloadReport>>();
  readonly #stopping = new AbortController();
  #underWay: ReloadUnderWay | undefined;
  #last: ReloadReport | undefined;
  /** When the loading began that has hung past the limit and has not ended yet. */
  #hangsSince: number | undefined;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? hostClock;
  }

  /** Undefined if no reload is under way. */
  get underWay(): ReloadUnderWay | undefined {
    return this.#underWay;
  }

  /** The report of the last reload that was no dry run. */
  get last(): ReloadReport | undefined {
    return this.#last;
  }

  /** Never rejects. */
  reload(request = PLAIN_RELOAD): Promise<ReloadReport> {
    const key = JSON.stringify([request.force, request.dryRun]);
    const shared = this.#waiting.get(key);
    if (shared) return shared;
    const next = this.#end.then(() => {
      this.#waiting.delete(key);
      return this.#reloadNow(request);
    });
    this.#waiting.set(key, next);
    this.#end = next;
    return next;
  }

  /** Refuses the reload under way and all that wait. */
  stop(): void {
    this.#stopping.abort();
  }

  async #reloadNow(request: ReloadRequest): Promise<ReloadReport> {
    const { dryRun } = request;
    this.#underWay = { since: new Date().toISOString(), dryRun };
    if (!dryRun) this.#options.onStart();
    const { change, ...outcome } = await this.#attempt(request);
    this.#underWay = undefined;
    const report = { at: new Date().toISOString(), dryRun, ...outcome };
    if (dryRun) return report;
    this.#last = report;
    this.#options.onEnd(report, change);
    return report;
  }

  async #attempt(request: ReloadRequest): Promise<Attempt> {
    if (this.#stopping.signal.aborted) return refused([STOPPING]);
    if (this.#hangsSince !== undefined) {
      const age = roundDuration(this.#clock.now() - this.#hangsSince);
      return refused([
        `health-checker: cannot read the configuration: an earlier reload has been reading it for ${age}`,
      ]);
    }
    try {
      const options = await this.#loadInTime();
      if (!options) {
        const limit = formatDuration(LONGEST_LOADING_MS);
        return refused([`health-checker: cannot read the configuration within ${limit}; a file system may hang`]);
      }
      return "listener" in options ? await this.#applyIfHarmless(options, request) : refused(options);
    } catch (error) {
      this.#options.onFault(error);
      return refused(["health-checker: internal error; see the log of the daemon"]);
    }
  }

  async #applyIfHarmless(options: Options, { force, dryRun }: ReloadRequest): Promise<Attempt> {
    const { createPlan, tryOut, apply, needRestart } = this.#options;
    const plan = createPlan(options);
    const { signal } = this.#stopping;
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
      warnings: [...needRestart(plan), ...options.warnings],
      trialWarnings: [...(isRefused ? [] : harm), ...tried.warnings],
      ...namesOf(plan.change),
      change: plan.change,
    };
    if (taken) apply(plan, trial);
    return report;
  }

  /** Undefined if the loading takes too long; its result is dropped then. */
  async #loadInTime(): Promise<Awaited<ReturnType<LoadAgain>> | undefined> {
    const startedAt = this.#clock.now();
    const loading = this.#options.loadAgain();
    const options = await within(loading, LONGEST_LOADING_MS, this.#clock);
    if (!options) {
      this.#hangsSince = startedAt;
      const end = () => {
        this.#hangsSince = undefined;
      };
      void loading.then(end, end);
    }
    return options;
  }
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
  warnings: [],
  trialWarnings: [],
  ...NO_CHANGE,
});
