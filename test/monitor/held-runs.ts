// A monitor whose runs in the background are held until the test ends them.

import { expect } from "bun:test";
import type { Check, CheckResult, Verdict } from "../../src/checks/check.ts";
import { type Asker, createMonitor, type MonitorOptions } from "../../src/monitor/monitor.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import { fakeCheck, fakeClock, settle } from "./fakes.ts";

export const UP: Outcome = { ok: true };
export const DOWN = failed("refused", "nobody there");

export const asker = (): Asker => ({ signal: new AbortController().signal });

/** One run of a check, held until the test ends it. */
interface Run {
  readonly name: string;
  readonly at: number;
  readonly end: (outcome?: Outcome) => Promise<void>;
  ended: boolean;
  aborted: boolean;
}

type Setup = Partial<
  Pick<MonitorOptions, "groups" | "maxRounds" | "deadlinesMs" | "random" | "onResult" | "onVerdict" | "clock" | "run">
> & {
  /** Of every group. */
  readonly deadlineMs?: number | undefined;
};

/** A monitor of held checks. */
export function setUp({ groups = [[backgroundCheck()]], deadlineMs, ...given }: Setup = {}) {
  const clock = fakeClock();
  const start = clock.now();
  const runs: Run[] = [];
  const results: (readonly [name: string, before: string, after: string])[] = [];
  const verdicts: (string | readonly string[])[] = [];
  const stale: string[] = [];
  const ages: (number | undefined)[] = [];
  const faults: unknown[] = [];
  const run = (check: Check, signal: AbortSignal): Promise<CheckResult> =>
    new Promise((resolve) => {
      const at = clock.now();
      const one: Run = {
        name: check.name,
        at: at - start,
        ended: false,
        aborted: false,
        async end(outcome = UP) {
          one.ended = true;
          resolve({ check, startedAt: at, start: at, durationMs: clock.now() - at, outcome });
          await settle();
        },
      };
      signal.addEventListener("abort", () => {
        one.aborted = true;
        void one.end(failed("deadline", "cut"));
      });
      runs.push(one);
    });
  const monitor = createMonitor({
    groups,
    deadlinesMs: groups.map(() => deadlineMs),
    singleflight: false,
    maxRounds: 16,
    onResult: ({ check }, before, after) => results.push([check.name, before.status, after.status]),
    onVerdict: ({ healthy, failing }) => verdicts.push(healthy ? "healthy" : failing),
    onGone() {},
    onStale({ name }, ageMs) {
      stale.push(name);
      ages.push(ageMs);
    },
    onFault: (error) => faults.push(error),
    clock,
    run,
    random: () => 0,
    ...given,
  });
  const last = (name = "it"): Run => {
    const found = runs.findLast((one) => one.name === name);
    if (!found) throw new Error(`${name} has not run`);
    return found;
  };
  return { monitor, clock, runs, last, results, verdicts, stale, ages, faults };
}

export const backgroundCheck = (given: Partial<Check> = {}): Check =>
  fakeCheck({ intervalMs: 10_000, staleAfterMs: 35_000, ...given });

/** What has come of the promise by now. */
export function outcomeOf(answer: Promise<Verdict>): { verdict?: Verdict } {
  const seen: { verdict?: Verdict } = {};
  void answer.then((verdict) => {
    seen.verdict = verdict;
  });
  return seen;
}

export const unhealthy = (...failing: readonly string[]) => ({ healthy: false, failing, at: expect.any(Number) });
export const HEALTHY = { healthy: true, failing: [], at: expect.any(Number) };
