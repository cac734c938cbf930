// A request shares a round or gets one of its own, as the rules say; no answer is
// older than its request unless that was asked for, and a round runs on when its clients disconnect.

import { describe, expect, test } from "bun:test";
import type { Check, Verdict } from "../../src/checks/check.ts";
import type { MonitorOptions } from "../../src/monitor/monitor.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import { type Clock, clock as hostClock } from "../../src/system/clock.ts";
import * as fc from "../support/properties.ts";
import { until } from "../support/until.ts";
import { fakeClock, settle } from "./fakes.ts";
import { HEALTHY, heldCheck, newClient, setUp as setUpChecks, UP, unhealthy } from "./held-runs.ts";

interface Setup {
  readonly maxRounds?: number;
  readonly singleflight?: boolean;
  readonly checks?: readonly Check[];
  readonly clock?: Clock;
}

function setUp({ maxRounds = 16, singleflight = false, checks, clock = hostClock }: Setup = {}) {
  const results: Parameters<MonitorOptions["onResult"]>[] = [];
  const verdicts: Parameters<MonitorOptions["onVerdict"]>[] = [];
  const gone: (readonly string[])[] = [];
  const { monitor, runs } = setUpChecks({
    groups: [checks ?? [heldCheck({ name: "held", timeoutMs: 60_000 })]],
    maxRounds,
    singleflight,
    clock,
    onResult: (...told) => results.push(told),
    onVerdict: (...told) => verdicts.push(told),
    onGone: (_, running) => gone.push(running.map(({ name }) => name)),
    onStale: never,
    onFault: never,
  });
  const end = (index: number, outcome: Outcome = UP) => {
    const run = runs[index];
    if (!run) throw new Error(`no run ${index}`);
    void run.end(outcome);
  };
  return { monitor, runs, results, verdicts, gone, end };
}

const healthy = ({ healthy }: Verdict) => healthy;

const never = (told: unknown): void => {
  throw new Error("told what does not happen on request", { cause: told });
};

describe("a request", () => {
  test("has nothing run before it comes", () => {
    expect(setUp().runs).toHaveLength(0);
  });

  test("is answered with the verdict of its round", async () => {
    const { monitor, end } = setUp();
    const good = monitor.ask(newClient());
    end(0);
    expect(await good).toEqual(HEALTHY);
    const bad = monitor.ask(newClient());
    end(1, failed("refused", "nobody there"));
    expect(await bad).toEqual(unhealthy("held"));
  });

  test("is answered unhealthy where there is no check", async () => {
    const { monitor } = setUp({ checks: [] });
    expect(healthy(await monitor.ask(newClient()))).toBe(false);
  });

  test("gets a round of its own: ten at once are ten rounds", async () => {
    const { monitor, runs, end } = setUp();
    const answers = Array.from({ length: 10 }, () => monitor.ask(newClient()));
    expect(runs).toHaveLength(10);
    for (let index = 0; index < 10; index++) end(index, index === 3 ? failed("exit", "3") : UP);
    expect((await Promise.all(answers)).map(healthy)).toEqual(answers.map((_, index) => index !== 3));
  });
});

describe("with single flight", () => {
  test("requests share the round that runs, and the next one starts a new one", async () => {
    const { monitor, runs, end } = setUp({ singleflight: true });
    const answers = Array.from({ length: 10 }, () => monitor.ask(newClient()));
    expect(runs).toHaveLength(1);
    end(0);
    const verdicts = await Promise.all(answers);
    expect(new Set(verdicts).size).toBe(1);
    const next = monitor.ask(newClient());
    expect(runs).toHaveLength(2);
    end(1, failed("exit", "3"));
    expect(healthy(await next)).toBe(false);
  });

  test("a round that all clients have left runs on and is joined", async () => {
    const { monitor, runs, end, gone } = setUp({ singleflight: true });
    const leaver = new AbortController();
    void monitor.ask({ signal: leaver.signal });
    leaver.abort();
    await until(() => gone.length === 1);
    const next = monitor.ask(newClient());
    end(0);
    expect(healthy(await next)).toBe(true);
    expect(runs).toHaveLength(1);
  });

  test("a request that comes with one whose client has gone already is answered by the round", async () => {
    const { monitor, end, gone } = setUp({ singleflight: true });
    const first = monitor.ask(newClient());
    void monitor.ask({ signal: AbortSignal.abort() });
    await until(() => gone.length === 1);
    void monitor.ask({ signal: AbortSignal.abort() });
    const last = monitor.ask(newClient());
    end(0);
    expect([await first, await last].map(healthy)).toEqual([true, true]);
  });

  test("a request that joins while the only other client disconnects keeps the round", async () => {
    const { monitor, runs, end, gone } = setUp({ singleflight: true });
    const leaver = new AbortController();
    void monitor.ask({ signal: leaver.signal });
    leaver.abort();
    const joined = monitor.ask(newClient());
    await until(() => gone.length === 1);
    end(0);
    expect(healthy(await joined)).toBe(true);
    expect(runs).toHaveLength(1);
  });
});

describe("beyond the most rounds", () => {
  test("the rest of a burst shares the last place", async () => {
    const clock = fakeClock();
    const { monitor, runs, end } = setUp({ maxRounds: 5, clock });
    const alone = Array.from({ length: 4 }, () => monitor.ask(newClient()));
    expect(runs).toHaveLength(4);
    const rest: Promise<Verdict>[] = [];
    for (let turn = 0; turn < 5; turn++) {
      rest.push(...Array.from({ length: 10 }, () => monitor.ask(newClient())));
      await clock.pass(7);
    }
    expect(runs).toHaveLength(4);
    await clock.pass(5);
    expect(runs).toHaveLength(5);
    end(4, failed("exit", "3"));
    expect((await Promise.all(rest)).every((verdict) => !verdict.healthy)).toBe(true);
    for (const index of [0, 1, 2, 3]) end(index);
    expect((await Promise.all(alone)).every(healthy)).toBe(true);
    expect(runs).toHaveLength(5);
  });

  test("requests share one round, which starts when a place is free, after they came", async () => {
    const clock = fakeClock();
    const { monitor, runs, end } = setUp({ maxRounds: 3, clock });
    const first: Promise<Verdict>[] = [];
    for (const places of [1, 2, 3]) {
      first.push(monitor.ask(newClient()));
      await clock.pass(40);
      expect(runs).toHaveLength(places);
    }
    const rest = Array.from({ length: 50 }, () => monitor.ask(newClient()));
    await clock.pass(1000); // longer than a burst is waited for
    expect(runs).toHaveLength(3);
    end(1);
    await until(() => runs.length === 4);
    const late = monitor.ask(newClient());
    end(3, failed("exit", "3"));
    expect((await Promise.all(rest)).every((verdict) => !verdict.healthy)).toBe(true);
    await until(() => runs.length === 5);
    for (const index of [0, 2, 4]) end(index);
    expect((await Promise.all([...first, late])).every(healthy)).toBe(true);
  });

  test("a burst that does not end is not waited for", async () => {
    const clock = fakeClock();
    const { monitor, runs, end } = setUp({ maxRounds: 2, clock });
    const first = monitor.ask(newClient());
    const burst: Promise<Verdict>[] = [];
    for (let ms = 0; ms < 40; ms++) {
      expect(runs).toHaveLength(1);
      burst.push(monitor.ask(newClient()));
      await clock.pass(1);
    }
    expect(runs).toHaveLength(2);
    end(0);
    end(1);
    expect(healthy(await first)).toBe(true);
    expect((await Promise.all(burst)).every(healthy)).toBe(true);
  });

  test("a queued round that all have left is never started, and answers unhealthy", async () => {
    const { monitor, runs, end } = setUp({ maxRounds: 1 });
    const running = monitor.ask(newClient());
    const leaver = new AbortController();
    const left = monitor.ask({ signal: leaver.signal });
    leaver.abort();
    expect(healthy(await left)).toBe(false);
    end(0);
    expect(healthy(await running)).toBe(true);
    await settle();
    expect(runs).toHaveLength(1);
  });

  test("after a queued round was left, the next one to come is queued again", async () => {
    const { monitor, runs, end } = setUp({ maxRounds: 1 });
    void monitor.ask(newClient());
    const leaver = new AbortController();
    const left = monitor.ask({ signal: leaver.signal });
    leaver.abort();
    await left;
    const next = monitor.ask(newClient());
    end(0);
    await until(() => runs.length === 2);
    end(1);
    expect(healthy(await next)).toBe(true);
  });
});

describe("a client that disconnects", () => {
  test("leaves its round running, whose results count, and is reported", async () => {
    const { monitor, runs, verdicts, results, gone, end } = setUp();
    const leaver = new AbortController();
    void monitor.ask({ signal: leaver.signal });
    leaver.abort();
    await until(() => gone.length === 1);
    expect(gone).toEqual([["held"]]);
    expect([runs[0]?.aborted, results, verdicts]).toEqual([false, [], []]);
    end(0, failed("timeout", "no answer"));
    await until(() => verdicts.length === 1);
    expect(results.map(([{ outcome }]) => !outcome.ok && outcome.reason)).toEqual(["timeout"]);
  });

  test("had gone before it asked: the same", async () => {
    const { monitor, runs, gone, end, results } = setUp();
    void monitor.ask({ signal: AbortSignal.abort() });
    await until(() => gone.length === 1);
    expect(runs[0]?.aborted).toBe(false);
    end(0);
    await until(() => results.length === 1);
  });

  test("before its round has a place leaves no round", async () => {
    const { monitor, runs, gone, end, results } = setUp({ maxRounds: 1 });
    void monitor.ask(newClient());
    const leaver = new AbortController();
    void monitor.ask({ signal: leaver.signal });
    leaver.abort();
    await until(() => gone.length === 1);
    end(0);
    await until(() => results.length === 1);
    await settle();
    expect(runs).toHaveLength(1);
  });

  test("after its answer is no news", async () => {
    const { monitor, gone, end, runs } = setUp({ singleflight: true });
    const leaver = new AbortController();
    const answer = monitor.ask({ signal: leaver.signal });
    const other = new AbortController();
    void monitor.ask({ signal: other.signal });
    other.abort();
    await until(() => gone.length === 1); // its signal is listened to by now
    end(0);
    expect(healthy(await answer)).toBe(true);
    leaver.abort();
    await settle();
    expect(gone).toHaveLength(1);
    expect(runs).toHaveLength(1);
  });
});

describe("abort", () => {
  test("ends every round at once, and all who wait are answered unhealthy", async () => {
    const clock = fakeClock();
    const { monitor, runs, verdicts, gone } = setUp({ maxRounds: 4, clock });
    const answers = Array.from({ length: 7 }, () => monitor.ask(newClient()));
    monitor.abort();
    expect((await Promise.all(answers)).map(healthy)).toEqual(Array(7).fill(false));
    await settle();
    await clock.pass(60); // longer than a burst is waited for
    expect(runs.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    expect([verdicts, gone]).toEqual([[], []]);
  });

  test("with nothing running does nothing", () => {
    expect(() => setUp().monitor.abort()).not.toThrow();
  });
});

describe("what is told", () => {
  test("is each result with the states around it, then the verdict with the one before", async () => {
    const { monitor, results, verdicts, end } = setUp();
    for (const [index, outcome] of [UP, failed("exit", "3"), UP].entries()) {
      const answer = monitor.ask(newClient());
      end(index, outcome);
      await answer;
      await settle();
    }
    expect(results.map(([{ outcome }, before, after]) => [outcome.ok, before.status, after.status])).toEqual([
      [true, "unknown", "up"],
      [false, "up", "down"],
      [true, "down", "up"],
    ]);
    expect(verdicts.map(([verdict, before]) => [verdict.healthy, before?.healthy])).toEqual([
      [true, undefined],
      [false, true],
      [true, false],
    ]);
  });

  test("of two rounds is the verdict of the one that started last, whichever ends last", async () => {
    const { monitor, verdicts, results, end } = setUp();
    const early = monitor.ask(newClient());
    const second = Date.now() + 2;
    await until(() => Date.now() > second);
    const late = monitor.ask(newClient());
    end(1, UP);
    await late;
    end(0, failed("exit", "the host was down when this began"));
    expect(healthy(await early)).toBe(false);
    await settle();
    expect(results.at(-1)?.[2].status).toBe("up");
    expect(verdicts.at(-1)?.[0].healthy).toBe(true);
  });
});

type Step =
  | { readonly do: "ask" }
  | { readonly do: "end"; readonly pick: number }
  | { readonly do: "leave"; readonly pick: number };

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<Step>({ do: "ask" }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("end" as const), pick: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), pick: fc.nat() }) },
  ),
  { maxLength: 40 },
);

test("in any order of coming, ending and leaving, no answer is older than its request and rounds stay bounded", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), fc.boolean(), async (schedule, maxRounds, singleflight) => {
      const clock = { now: 0 };
      const { monitor, runs } = setUpChecks({
        groups: [[heldCheck({ timeoutMs: 60_000 })]],
        maxRounds,
        singleflight,
        clock: { ...hostClock, now: () => clock.now },
        onStale: never,
        onFault: never,
      });
      // The world changes with each step; a round sees the world of its start, and a healthy answer is one of that world.
      const asked: { at: number; leave: AbortController; left: boolean; sawStart?: number; healthy?: boolean }[] = [];
      const landed = new Map<Verdict, number>();
      const live = () => runs.filter(({ ended }) => !ended);
      for (const step of schedule) {
        clock.now++;
        if (step.do === "ask") {
          const leave = new AbortController();
          const one: (typeof asked)[number] = { at: clock.now, leave, left: false };
          asked.push(one);
          void monitor.ask({ signal: leave.signal }).then((verdict) => {
            one.healthy = verdict.healthy;
            const start = landed.get(verdict);
            one.sawStart = start ?? lastEnded;
            landed.set(verdict, one.sawStart);
          });
        } else if (step.do === "end") {
          const run = live()[step.pick % Math.max(1, live().length)];
          if (run) {
            lastEnded = run.startedAt;
            void run.end(UP);
          }
        } else {
          const waiting = asked.filter(({ healthy, left }) => healthy === undefined && !left);
          const one = waiting[step.pick % Math.max(1, waiting.length)];
          if (one) {
            one.left = true;
            one.leave.abort();
          }
        }
        await settle();
        expect(live().length).toBeLessThanOrEqual(singleflight ? 1 : maxRounds);
        // Nobody who waits is forgotten: someone's round runs.
        if (asked.some(({ healthy, left }) => healthy === undefined && !left)) await until(() => live().length > 0);
      }
      await until(async () => {
        const run = live()[0];
        if (run) {
          lastEnded = run.startedAt;
          void run.end(UP);
        }
        await settle();
        return asked.every(({ healthy }) => healthy !== undefined);
      });
      for (const { at, left, healthy, sawStart = -1 } of asked) {
        expect(healthy).toBeDefined();
        if (left) continue;
        expect(healthy).toBe(true);
        if (!singleflight) expect(sawStart).toBeGreaterThanOrEqual(at);
      }
    }),
    { numRuns: 100 },
  );
}, 60_000);

/** The start of the run that ended last: the one whose verdict is told next. */
let lastEnded = 0;
