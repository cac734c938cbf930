// A monitor whose runs are held until the test ends them, on request and in the background.

import { expect } from "bun:test";
import type { Check, CheckResult, Verdict } from "../../src/checks/check.ts";
import { type Limit, runWithin } from "../../src/checks/run.ts";
import { Monitor, type MonitorOptions } from "../../src/monitor/monitor.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import type { Clock } from "../../src/system/clock.ts";
import { fakeCheck, fakeClock, settle } from "./fakes.ts";

export const UP: Outcome = { ok: true };
export const DOWN = failed("refused", "nobody there");

type Client = Pick<Request, "signal">;

export const newClient = (): Client => ({ signal: new AbortController().signal });

/** Its verdicts are promises, also where they are known at once. */
export class AskedMonitor extends Monitor {
  readonly ask = (client: Client, group?: number): Promise<Verdict> => Promise.resolve(this.verdict(client, group));
}

/** One run of a check, held until the test ends it. */
export interface Run {
  readonly name: string;
  readonly startedAt: number;
  /** The same from the start of the test. */
  readonly at: number;
  readonly end: (outcome?: Outcome) => Promise<void>;
  ended: boolean;
  /** When it passed. */
  passedAt?: number;
  aborted: boolean;
}

/** The probe of a check whose runs are held. */
const held: Check["probe"] = () => {
  throw new Error("only a monitor that holds its runs can run this");
};

export const heldCheck = (given: Partial<Check> = {}): Check => fakeCheck({ probe: held, ...given });

export const backgroundCheck = (given: Partial<Check> = {}): Check =>
  heldCheck({ intervalMs: 10_000, staleAfterMs: 35_000, ...given });

type Setup<C> = Partial<Omit<MonitorOptions, "clock" | "run">> & {
  /** Of every group. */
  readonly deadlineMs?: number | undefined;
  readonly clock?: C;
  /** In place of holding. */
  readonly run?: (check: Check, signal: AbortSignal) => Promise<CheckResult>;
};

/** A monitor of held checks, and of others that run. */
export function setUp<C extends Clock = ReturnType<typeof fakeClock>>({
  groups = [[backgroundCheck()]],
  deadlineMs,
  clock = fakeClock() as Clock as C,
  run: given,
  ...others
}: Setup<C> = {}) {
  const start = clock.now();
  const runs: Run[] = [];
  const results: (readonly [name: string, before: string, after: string])[] = [];
  const verdicts: (string | readonly string[])[] = [];
  const stale: string[] = [];
  const ages: (number | undefined)[] = [];
  const faults: unknown[] = [];
  const hold = (check: Check, signal: AbortSignal): Promise<CheckResult> =>
    new Promise((resolve) => {
      const startedAt = clock.now();
      const one: Run = {
        name: check.name,
        startedAt,
        at: startedAt - start,
        ended: false,
        aborted: false,
        async end(outcome = UP) {
          one.ended = true;
          if (outcome.ok) one.passedAt = clock.now();
          resolve({ check, startedAt, start: startedAt, durationMs: clock.now() - startedAt, outcome });
          await settle();
        },
      };
      signal.addEventListener("abort", () => {
        if (one.ended) return;
        one.aborted = true;
        void one.end(failed("deadline", "cut"));
      });
      runs.push(one);
    });
  const run = (check: Check, limit: Limit): CheckResult | Promise<CheckResult> => {
    if (given) return given(check, limit.signal);
    return check.probe === held ? hold(check, limit.signal) : runWithin(check, limit);
  };
  const monitor = new AskedMonitor({
    groups,
    deadlinesMs: groups.map(() => deadlineMs),
    singleflight: false,
    maxRounds: 16,
    onResult: ({ check }, before, after) => results.push([check.name, before.status, after.status]),
    onVerdict: ({ healthy, failing }) => verdicts.push(healthy ? "healthy" : failing.map(({ name }) => name)),
    onGone() {},
    onStale({ name }, ageMs) {
      stale.push(name);
      ages.push(ageMs);
    },
    onFault: (error) => faults.push(error),
    random: () => 0,
    ...others,
    clock,
    run,
  });
  const last = (name = "it"): Run => {
    const found = runs.findLast((one) => one.name === name);
    if (!found) throw new Error(`${name} has not run`);
    return found;
  };
  const live = () => runs.filter(({ ended }) => !ended);
  return { monitor, clock, runs, live, last, results, verdicts, stale, ages, faults };
}

/** What has come of the promise by now. */
export function outcomeOf(answer: Promise<Verdict>): { verdict?: Verdict } {
  const seen: { verdict?: Verdict } = {};
  void answer.then((verdict) => {
    seen.verdict = verdict;
  });
  return seen;
}

/** For whatever reason. */
export const unhealthy = (...names: readonly string[]): Verdict => ({
  healthy: false,
  failing: names.map((name) => ({ name, reason: expect.any(String) })),
  at: expect.any(Number),
});
export const HEALTHY: Verdict = { healthy: true, failing: [], at: expect.any(Number) };
