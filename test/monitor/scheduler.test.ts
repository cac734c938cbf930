// Whatever checks take, and however the host stands still: none is forgotten, none
// runs twice at a time, and none is called up by what is not known any more.

import { describe, expect, test } from "bun:test";
import type { Check, CheckResult } from "../../src/checks/check.ts";
import { createSchedule } from "../../src/monitor/scheduler.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import * as fc from "../support/properties.ts";
import { type FakeClock, fakeCheck, fakeClock, settle } from "./fakes.ts";
import { AskedMonitor } from "./held-runs.ts";

const callAll = (jobs: readonly (() => void)[]) => {
  for (const job of jobs) job();
};

describe("the grid", () => {
  test("has each duty once an interval, evenly spread, at any shift, without drift", async () => {
    const durationMs = 16_033.2171; // at no tick
    const plan = fc.record({
      intervals: fc.array(fc.constantFrom(100, 300, 1000, 7777), { minLength: 1, maxLength: 10 }),
      shift: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ intervals, shift }) => {
        const clock = fakeClock();
        const start = clock.now();
        const ticks = intervals.map((): number[] => []);
        const duties = intervals.map((intervalMs, index) => ({
          intervalMs,
          dueAtOnce: true,
          job: () => ticks[index]?.push(clock.now() - start),
        }));
        const schedule = createSchedule(clock, shift, callAll);
        schedule.set(duties);
        await clock.pass(durationMs);
        schedule.set([]);
        await clock.pass(durationMs);
        for (const [index, intervalMs] of intervals.entries()) {
          const [atStart, first = Number.NaN, ...more] = ticks[index] ?? [];
          expect(atStart).toBe(0);
          expect(first).toBeGreaterThan(0);
          expect(first).toBeLessThanOrEqual(intervalMs + 1e-6);
          for (const [count, tick] of more.entries()) expect(tick).toBeCloseTo(first + (count + 1) * intervalMs, 6);
          expect(more.length).toBe(Math.floor((durationMs - first) / intervalMs));
        }
        for (const intervalMs of new Set(intervals)) {
          const firsts = intervals.flatMap((own, index) => (own === intervalMs ? [ticks[index]?.[1] ?? 0] : []));
          firsts.sort((one, other) => one - other);
          for (const [index, first] of firsts.entries()) {
            const next = firsts[index + 1] ?? (firsts[0] ?? 0) + intervalMs;
            expect(next - first).toBeCloseTo(intervalMs / firsts.length, 6);
          }
        }
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test("has no more than ten ticks an interval, with as many duties each", async () => {
    const clock = fakeClock();
    const start = clock.now();
    const ticks: number[] = [];
    const job = () => ticks.push(Math.round(clock.now() - start));
    const schedule = createSchedule(clock, 0, callAll);
    schedule.set(Array.from({ length: 25 }, () => ({ intervalMs: 1000, dueAtOnce: false, job })));
    await clock.pass(1050);
    schedule.set([]);
    const counts = [...Map.groupBy(ticks, (at) => at).values()].map(({ length }) => length);
    expect(new Set(ticks).size).toBe(10);
    expect(counts.sort()).toEqual([2, 2, 2, 2, 2, 3, 3, 3, 3, 3]);
  });

  test("has one timer for all the duties of a tick", () => {
    const { now, after } = fakeClock();
    let timers = 0;
    const counting = {
      now,
      after(ms: number, then: () => void) {
        timers++;
        return after(ms, then);
      },
    };
    const duty = { intervalMs: 10_000, dueAtOnce: false, job: () => {} };
    createSchedule(counting, 0.3, callAll).set(Array.from({ length: 100 }, () => duty));
    expect(timers).toBe(10);
  });

  test("has each duty once for all the ticks that were missed", async () => {
    const clock = fakeClock();
    const ticks = [0, 0, 0, 0];
    const count = (index: number) => () => {
      ticks[index] = (ticks[index] ?? 0) + 1;
    };
    const duties = [100, 100, 100, 7_000].map((intervalMs, index) => ({
      intervalMs,
      dueAtOnce: true,
      job: count(index),
    }));
    createSchedule(clock, 0.5, callAll).set(duties);
    expect(ticks).toEqual([1, 1, 1, 1]);
    await clock.stall(1e12);
    expect(ticks).toEqual([2, 2, 2, 2]);
  });
});

interface Plan {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly staleAfterMs: number | undefined;
  readonly rise: number;
  readonly fall: number;
  readonly critical: boolean;
  /** One run after the other, again and again. */
  readonly runs: readonly { readonly durationMs: number; readonly hangs: boolean; readonly ok: boolean }[];
}

const plans = fc.array(
  fc.record({
    intervalMs: fc.integer({ min: 100, max: 10_000 }),
    timeoutMs: fc.integer({ min: 50, max: 12_000 }),
    staleAfterMs: fc.option(fc.integer({ min: 50, max: 30_000 }), { nil: undefined }),
    rise: fc.integer({ min: 1, max: 3 }),
    fall: fc.integer({ min: 1, max: 3 }),
    critical: fc.boolean(),
    runs: fc.array(
      fc.record({
        durationMs: fc.nat(3_000),
        hangs: fc.nat(9).map((dice) => dice === 0),
        ok: fc.nat(3).map((dice) => dice > 0),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  }),
  { minLength: 1, maxLength: 5 },
);

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(6_000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("stall" as const), ms: fc.nat(20_000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("suspend" as const), ms: fc.nat(200_000) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("ask" as const), leavesAfterMs: fc.option(fc.nat(5_000)) }) },
  ),
  { maxLength: 15 },
);

/** What is known of a check, seen from outside. */
interface Seen {
  readonly check: Check;
  running: boolean;
  /** When it last ended, by the time that timers count. */
  endedAt: number;
  /** When the run of the last result that was told ended, or should have. */
  knownFrom: number;
  status: "unknown" | "up" | "down";
  /** When that was last something else. */
  turnedAt: number;
}

interface Asked {
  readonly at: number;
  left: boolean;
  answered: boolean;
}

class World {
  readonly clock: FakeClock;
  readonly seen: readonly Seen[];
  readonly asked: Asked[] = [];
  readonly #deadlineMs: number | undefined;
  readonly #monitor;
  told = 0;

  constructor(plans: readonly Plan[], deadlineMs: number | undefined, shift: number) {
    this.#deadlineMs = deadlineMs;
    this.clock = fakeClock(() => this.look());
    this.seen = plans.map((plan, index) => ({
      check: fakeCheck({
        name: `${index}`,
        timeoutMs: plan.timeoutMs,
        intervalMs: plan.intervalMs,
        staleAfterMs: plan.staleAfterMs ?? 3 * plan.intervalMs + plan.timeoutMs,
        rise: plan.rise,
        fall: plan.fall,
        severity: plan.critical ? "critical" : "warning",
      }),
      running: false,
      endedAt: 0,
      knownFrom: Number.NEGATIVE_INFINITY,
      status: "unknown",
      turnedAt: 0,
    }));
    const count = new Map<Check, number>();
    this.#monitor = new AskedMonitor({
      groups: [this.seen.map(({ check }) => check)],
      singleflight: false,
      maxRounds: 16,
      deadlinesMs: [deadlineMs],
      clock: this.clock,
      random: () => shift,
      run: (check, { signal }) => {
        const index = count.get(check) ?? 0;
        count.set(check, index + 1);
        const { runs = [] } = plans[Number(check.name)] ?? {};
        return this.#run(check, signal, runs[index % runs.length]);
      },
      onResult: ({ check, start }, _, after) => {
        const seen = this.#of(check);
        seen.knownFrom = Math.min(this.clock.now(), start + check.timeoutMs);
        if (seen.status !== after.status) seen.turnedAt = this.clock.now();
        seen.status = after.status;
      },
      onVerdict: ({ healthy }) => healthy && this.#expectHealth(),
      onStale: (check) => expect(this.#isKnown(this.#of(check))).toBe(false),
      onGone() {},
      onFault(error) {
        throw error;
      },
    });
  }

  start(): void {
    this.#monitor.start();
    expect(this.seen.every(({ running }) => running)).toBe(true);
  }

  stop(): void {
    this.#monitor.abort();
  }

  ask(leavesAfterMs: number | null): void {
    const leaver = new AbortController();
    const one: Asked = { at: this.clock.awake(), left: false, answered: false };
    this.asked.push(one);
    void this.#monitor.ask({ signal: leaver.signal }).then(({ healthy, failing }) => {
      one.answered = true;
      this.told++;
      // One that turned down in this very moment may have done so after the answer was given, before it is heard.
      if (healthy) this.#expectHealth(({ turnedAt }) => turnedAt === this.clock.now());
      else if (!one.left) expect(failing).not.toEqual([]);
    });
    if (leavesAfterMs === null) return;
    this.clock.after(leavesAfterMs, () => {
      one.left = true;
      leaver.abort();
    });
  }

  look(): void {
    const awake = this.clock.awake();
    for (const { check, running, endedAt } of this.seen) {
      if (!running) expect(awake - endedAt).toBeLessThanOrEqual((check.intervalMs ?? 0) + 1e-3);
    }
    const verdict = this.#monitor.read();
    if (verdict?.healthy) this.#expectHealth();
    const deciding = this.seen.filter(({ check }) => check.severity === "critical");
    const known = deciding.filter((seen) => this.#isKnown(seen));
    const isDecided = known.length === deciding.length || known.some(({ status }) => status === "down");
    expect(verdict !== undefined).toBe(isDecided);
    for (const { stale, check } of this.#monitor.states()) {
      const seen = this.#of(check);
      expect(stale).toBe(seen.status !== "unknown" && !this.#isKnown(seen));
    }
    const waitMs = this.#deadlineMs ?? Number.POSITIVE_INFINITY;
    for (const { at, answered } of this.asked) if (!answered) expect(awake - at).toBeLessThan(waitMs + 1e-3);
  }

  async #run(check: Check, signal: AbortSignal, plan: Plan["runs"][number] | undefined): Promise<CheckResult> {
    const seen = this.#of(check);
    expect(seen.running).toBe(false);
    seen.running = true;
    const start = this.clock.now();
    const outcome = await new Promise<Outcome>((resolve) => {
      const { durationMs = 0, hangs = false, ok = true } = plan ?? {};
      if (!hangs) this.clock.after(durationMs, () => resolve(ok ? { ok } : failed("refused", "nobody there")));
      this.clock.after(check.timeoutMs, () => resolve(failed("timeout", "no answer")));
      signal.addEventListener("abort", () => resolve(failed("deadline", "cut")));
    });
    seen.running = false;
    seen.endedAt = this.clock.awake();
    return { check, startedAt: 0, start, durationMs: this.clock.now() - start, outcome };
  }

  #of(check: Check): Seen {
    const seen = this.seen[Number(check.name)];
    if (!seen) throw new Error("no such check");
    return seen;
  }

  #isKnown({ check, knownFrom }: Seen): boolean {
    return this.clock.now() <= knownFrom + check.staleAfterMs;
  }

  #expectHealth(excused: (seen: Seen) => boolean = () => false): void {
    for (const seen of this.seen) {
      if (seen.check.severity === "warning" || excused(seen)) continue;
      expect(seen.status).toBe("up");
      expect(this.#isKnown(seen)).toBe(true);
    }
  }
}

test("1,000 random schedules: no check is forgotten, run twice at a time, or called up while stale", async () => {
  let told = 0;
  await fc.assert(
    fc.asyncProperty(
      plans,
      steps,
      fc.option(fc.integer({ min: 10, max: 8_000 }), { nil: undefined }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (plans, steps, deadlineMs, shift) => {
        const world = new World(plans, deadlineMs, shift);
        world.start();
        for (const step of steps) {
          if (step.do === "ask") world.ask(step.leavesAfterMs);
          else await world.clock[step.do](step.ms);
          await settle();
          world.look();
        }
        // Every client is answered in the end, also where there is no deadline.
        await world.clock.pass(60_000);
        expect(world.asked.filter(({ answered }) => !answered)).toEqual([]);
        world.stop();
        await settle();
        expect(world.seen.filter(({ running }) => running)).toEqual([]);
        told += world.told;
      },
    ),
    { numRuns: 1000 },
  );
  expect(told).toBeGreaterThan(1000); // or it would have shown nothing
}, 300_000);
