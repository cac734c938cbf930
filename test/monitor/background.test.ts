// What runs in the background runs in time, once at a time; the answer is read from
// memory, and nobody is told of health that is not known any more.

import { describe, expect, test } from "bun:test";
import type { Check } from "../../src/checks/check.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import { until } from "../support/until.ts";
import { fakeCheck, fakeClock, settle } from "./fakes.ts";
import {
  AskedMonitor,
  backgroundCheck,
  DOWN,
  HEALTHY,
  newClient,
  outcomeOf,
  setUp,
  UP,
  unhealthy,
} from "./held-runs.ts";

describe("a run", () => {
  test("is made at once at start, then at every interval, whatever the runs take", async () => {
    const { monitor, clock, runs, last } = setUp();
    expect(runs).toHaveLength(0);
    monitor.start();
    for (const durationMs of [5, 9_000, 1, 3_000]) {
      await clock.pass(durationMs);
      await last().end();
      await clock.pass(10_000 - durationMs);
    }
    expect(runs.map(({ at }) => at)).toEqual([0, 10_000, 20_000, 30_000, 40_000]);
  });

  test("of checks of one interval is spread over it, and shifted by the process", async () => {
    const checks = ["a", "b", "c", "d"].map((name) => backgroundCheck({ name }));
    const { monitor, clock, runs } = setUp({ groups: [checks], random: () => 0.1 });
    monitor.start();
    for (let time = 0; time < 21_000; time += 100) {
      await clock.pass(100);
      for (const run of runs) if (!run.ended) await run.end();
    }
    const times = checks.map(({ name }) => runs.filter((run) => run.name === name).map(({ at }) => Math.round(at)));
    expect(times).toEqual([
      [0, 1000, 11_000, 21_000],
      [0, 3500, 13_500],
      [0, 6000, 16_000],
      [0, 8500, 18_500],
    ]);
  });

  test("is left out while the one before still goes", async () => {
    const { monitor, clock, runs, last } = setUp();
    monitor.start();
    await clock.pass(25_000);
    expect(runs).toHaveLength(1);
    await last().end();
    await clock.pass(4_000);
    expect(runs).toHaveLength(1);
    await clock.pass(1_000);
    expect(runs.map(({ at }) => at)).toEqual([0, 30_000]);
  });

  test("is not made up for when the loop stood still, and the next one is on time", async () => {
    const { monitor, clock, runs, last } = setUp();
    monitor.start();
    await last().end();
    await clock.stall(37_000);
    await last().end();
    await clock.pass(30_000);
    expect(runs.map(({ at }) => at)).toEqual([0, 37_000, 40_000]);
  });

  test("is made within half a minute after the host was suspended, however long the interval", async () => {
    const hour = 3_600_000;
    const { monitor, clock, runs, last } = setUp({ groups: [[backgroundCheck({ intervalMs: hour })]] });
    monitor.start();
    await last().end();
    await clock.suspend(5.5 * hour);
    await clock.pass(30_000);
    expect(runs).toHaveLength(2);
    await last().end();
    await clock.pass(hour);
    expect(runs.at(-1)?.at).toBe(6 * hour);
  });

  test("that hangs delays no other", async () => {
    const { monitor, clock, runs } = setUp({
      groups: [[backgroundCheck({ name: "hangs" }), backgroundCheck({ name: "goes" })]],
    });
    monitor.start();
    for (let count = 0; count < 10; count++) {
      for (const run of runs) if (run.name === "goes" && !run.ended) await run.end();
      await clock.pass(10_000);
    }
    expect(runs.filter(({ name }) => name === "hangs")).toHaveLength(1);
    expect(runs.filter(({ name }) => name === "goes")).toHaveLength(11);
  });
});

describe("the answer", () => {
  test("is read from memory", async () => {
    const { monitor, clock, last } = setUp();
    monitor.start();
    expect(monitor.read()).toBeUndefined();
    await last().end();
    expect(monitor.read()).toEqual(HEALTHY);
    await clock.pass(10_000);
    await last().end();
    expect(monitor.read()).toEqual(HEALTHY);
    expect(await monitor.ask(newClient())).toEqual(HEALTHY);
    await clock.pass(10_000);
    await last().end(DOWN);
    expect(monitor.read()).toEqual(unhealthy("it"));
  });

  test("of a part is on its checks alone", async () => {
    const [a, b] = [backgroundCheck({ name: "a" }), backgroundCheck({ name: "b" })];
    const { monitor, last } = setUp({ groups: [[a, b], [a], [b]] });
    monitor.start();
    await last("a").end();
    expect([0, 1, 2].map((group) => monitor.read(group)?.healthy)).toEqual([undefined, true, undefined]);
    await last("b").end(DOWN);
    expect([0, 1, 2].map((group) => monitor.read(group)?.failing.map(({ name }) => name))).toEqual([["b"], [], ["b"]]);
  });

  test("is not spoilt by a result that becomes stale while it is given", async () => {
    for (let waitMs = 0; waitMs < 40; waitMs++) {
      const clock = fakeClock();
      let looks = 0;
      const creeping = { ...clock, now: () => clock.now() + looks++ };
      const told: unknown[] = [];
      const { monitor } = setUp({
        groups: [[backgroundCheck({ staleAfterMs: 30 })]],
        clock: creeping,
        run: async (check) => ({ check, startedAt: 0, start: clock.now(), durationMs: 0, outcome: UP }),
        onVerdict: ({ healthy }) => told.push(healthy),
      });
      monitor.start();
      await settle();
      looks += waitMs;
      for (let turn = 0; turn < 40; turn++) expect(monitor.read()?.healthy).not.toBe(false);
      await clock.pass(10_000);
      expect(monitor.read()).toEqual(HEALTHY);
      expect(told).not.toContain(false);
    }
  });

  test("follows rise and fall, which count runs", async () => {
    const { monitor, clock, last, results } = setUp({ groups: [[backgroundCheck({ rise: 2, fall: 3 })]] });
    monitor.start();
    const healthy: unknown[] = [];
    for (const outcome of [UP, DOWN, DOWN, UP, DOWN, DOWN, DOWN, UP, UP]) {
      await last().end(outcome);
      healthy.push(monitor.read()?.healthy);
      await clock.pass(10_000);
    }
    expect(healthy).toEqual([true, true, true, true, true, true, false, false, true]);
    expect(results.filter(([, before, after]) => before !== after)).toEqual([
      ["it", "unknown", "up"],
      ["it", "up", "down"],
      ["it", "down", "up"],
    ]);
  });

  test("follows fall also where runs are as long as several intervals, and is known all the time", async () => {
    const longest = { intervalMs: 1_000, timeoutMs: 5_000, rise: 3, fall: 4 };
    for (const staleAfterMs of [8_000, 6_001]) {
      const { monitor, clock, last, results } = setUp({ groups: [[backgroundCheck({ ...longest, staleAfterMs })]] });
      monitor.start();
      await last().end();
      const known: unknown[] = [];
      for (const outcome of [DOWN, DOWN, DOWN, DOWN, UP, UP, UP]) {
        await clock.pass(1_000);
        for (let second = 0; second < 5; second++) {
          await clock.pass(1_000);
          known.push(monitor.read() !== undefined);
        }
        await last().end(outcome);
      }
      expect(known).not.toContain(false);
      expect(results.map(([, , after]) => after)).toEqual(["up", "up", "up", "up", "down", "down", "down", "up"]);
    }
  });

  test("does not wait for what is only reported", async () => {
    const checks = [backgroundCheck({ name: "a" }), backgroundCheck({ name: "b", severity: "warning" })];
    const { monitor, last, verdicts } = setUp({ groups: [checks] });
    monitor.start();
    await last("a").end();
    expect(monitor.read()).toEqual(HEALTHY);
    await last("b").end(DOWN);
    expect(monitor.read()).toEqual(HEALTHY);
    expect(verdicts.at(-1)).toBe("healthy");
  });
});

describe("who asks", () => {
  test("before the first result waits for it", async () => {
    const { monitor, last, stale } = setUp({ deadlineMs: 4_500 });
    monitor.start();
    const answer = outcomeOf(monitor.ask(newClient()));
    await settle();
    expect(answer).toEqual({});
    await last().end();
    expect(answer.verdict).toEqual(HEALTHY);
    expect(stale).toEqual([]);
  });

  test("is told at his deadline that what is still unknown has failed, and the daemon once", async () => {
    const { monitor, clock, last, stale, verdicts } = setUp({
      groups: [[backgroundCheck({ name: "a" }), backgroundCheck({ name: "b" })]],
      deadlineMs: 4_500,
    });
    monitor.start();
    await last("a").end();
    const early = outcomeOf(monitor.ask(newClient()));
    await clock.pass(1_000);
    const late = outcomeOf(monitor.ask(newClient()));
    await clock.pass(3_499);
    expect(early).toEqual({});
    await clock.pass(1);
    expect(early.verdict).toEqual(unhealthy("b"));
    expect(late).toEqual({});
    await clock.pass(1_000);
    expect(late.verdict).toEqual(unhealthy("b"));
    expect([stale, verdicts]).toEqual([["b"], [["b"]]]);
    await last("b").end();
    expect(monitor.read()).toEqual(HEALTHY);
    expect(verdicts).toEqual([["b"], "healthy"]);
  });

  test("without a deadline waits as long as the run takes", async () => {
    const { monitor, clock, last } = setUp();
    monitor.start();
    const answer = outcomeOf(monitor.ask(newClient()));
    await clock.pass(30_000);
    expect(answer).toEqual({});
    await last().end(DOWN);
    expect(answer.verdict).toEqual(unhealthy("it"));
  });

  test("after a suspension gets a new run, out of turn, not the old result", async () => {
    const { monitor, clock, runs, last, stale } = setUp({ deadlineMs: 4_500 });
    monitor.start();
    await last().end();
    expect(monitor.read()).toEqual(HEALTHY);
    await clock.suspend(3_600_000);
    expect(monitor.read()).toBeUndefined();
    expect(monitor.states()).toEqual([expect.objectContaining({ stale: true })]);
    const answer = outcomeOf(monitor.ask(newClient()));
    expect(runs).toHaveLength(2);
    await last().end(DOWN);
    expect(answer.verdict).toEqual(unhealthy("it"));
    expect(stale).toEqual([]);
  });

  test("does not wait for a run that began before the suspension: it is ended, and says nothing", async () => {
    const { monitor, clock, runs, last, results } = setUp({ deadlineMs: 4_500 });
    monitor.start();
    await clock.suspend(3_600_000);
    const answer = outcomeOf(monitor.ask(newClient()));
    await settle();
    expect(runs.map(({ aborted }) => aborted)).toEqual([true, false]);
    await last().end();
    expect(answer.verdict).toEqual(HEALTHY);
    expect(results).toHaveLength(1);
  });

  test("after a suspension, one result is enough, whatever rise and fall", async () => {
    const { monitor, clock, last, results } = setUp({ groups: [[backgroundCheck({ rise: 3, fall: 3 })]] });
    monitor.start();
    await last().end();
    for (const outcome of [DOWN, UP]) {
      await clock.suspend(3_600_000);
      await clock.pass(10_000);
      await last().end(outcome);
    }
    expect(results.map(([, , after]) => after)).toEqual(["up", "down", "up"]);
  });

  test("makes the daemon tell each spell of staleness, once", async () => {
    const { monitor, clock, last, stale, ages } = setUp({ deadlineMs: 100 });
    monitor.start();
    for (const spells of [1, 2, 3]) {
      for (const _ of ["one", "other"]) {
        const answer = outcomeOf(monitor.ask(newClient()));
        await clock.pass(100);
        expect(answer.verdict).toEqual(unhealthy("it"));
      }
      expect(stale).toHaveLength(spells);
      await last().end();
      expect(monitor.read()).toEqual(HEALTHY);
      await clock.suspend(3_600_000);
    }
    // Told at the deadline, and of a result that is as old as the suspension was long.
    expect(ages).toEqual([undefined, 3_600_100, 3_600_100]);
  });

  test("has nothing to do with who asked before: a deadline that comes with the answer ends no later wait", async () => {
    const { monitor, clock, runs, last } = setUp({
      groups: [[backgroundCheck({ timeoutMs: 10, staleAfterMs: 10 })]],
      deadlineMs: 500,
    });
    const early = outcomeOf(monitor.ask(newClient()));
    await clock.pass(100);
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof outcomeOf>>();
    // The run lands in the very turn in which the deadline is seen to have passed, and the next client is there already.
    setImmediate(() => {
      void last().end();
      queueMicrotask(() => queueMicrotask(() => resolve(outcomeOf(monitor.ask(newClient())))));
    });
    await clock.stall(400);
    const late = await promise;
    expect([early.verdict, late, runs.length]).toEqual([unhealthy("it"), {}, 2]);
  });

  test("and left after his answer ends nobody else's wait", async () => {
    const { monitor, clock, last } = setUp();
    const leaver = new AbortController();
    void monitor.ask({ signal: leaver.signal });
    await clock.pass(10);
    await last().end();
    await clock.suspend(3_600_000);
    const next = outcomeOf(monitor.ask(newClient()));
    leaver.abort();
    await settle();
    expect(next).toEqual({});
    await last().end();
    expect(next.verdict).toEqual(HEALTHY);
  });

  test("waits for one run at most, also where no result is ever fresh", async () => {
    const { monitor, clock, runs, last, stale } = setUp({
      groups: [[backgroundCheck({ timeoutMs: 10, staleAfterMs: 10 })]],
    });
    monitor.start();
    await clock.pass(100);
    await last().end();
    const answer = outcomeOf(monitor.ask(newClient()));
    await clock.pass(100);
    await last().end();
    expect(answer.verdict).toEqual(unhealthy("it"));
    expect([runs.length, stale]).toEqual([2, ["it"]]);
  });

  test("shares the run with all who ask meanwhile", async () => {
    const { monitor, runs, last } = setUp({ deadlineMs: 4_500 });
    const answers = Array.from({ length: 50 }, () => outcomeOf(monitor.ask(newClient())));
    expect(runs).toHaveLength(1);
    await last().end();
    expect(answers.every(({ verdict }) => verdict?.healthy)).toBe(true);
  });

  test("and goes stops waiting, which stops no run", async () => {
    const { monitor, clock, last } = setUp();
    monitor.start();
    const leaver = new AbortController();
    const answer = outcomeOf(monitor.ask({ signal: leaver.signal }));
    await clock.pass(10);
    leaver.abort();
    await settle();
    expect(answer.verdict?.healthy).toBe(false);
    expect(last().aborted).toBe(false);
    const next = outcomeOf(monitor.ask(newClient()));
    await last().end();
    expect(next.verdict).toEqual(HEALTHY);
  });

  test("for what is not there is answered unhealthy", async () => {
    expect(await setUp().monitor.ask(newClient(), 7)).toEqual(unhealthy());
    expect(setUp().monitor.read(7)).toBeUndefined();
  });
});

describe("with checks on request beside those of the background", () => {
  const mixed = (onRequest: Partial<Check> = {}) => [
    backgroundCheck({ name: "back" }),
    fakeCheck({ name: "front", ...onRequest }),
  ];

  test("the verdict is a round of the ones and the state of the others", async () => {
    const outcomes = [UP, DOWN, UP];
    let round = 0;
    const { monitor, last, clock } = setUp({ groups: [mixed({ probe: async () => outcomes[round++] ?? UP })] });
    monitor.start();
    await last("back").end();
    expect(monitor.read()).toBeUndefined();
    expect(await monitor.ask(newClient())).toEqual(HEALTHY);
    expect(await monitor.ask(newClient())).toEqual(unhealthy("front"));
    await clock.pass(10_000);
    await last("back").end(DOWN);
    expect(await monitor.ask(newClient())).toEqual(unhealthy("back"));
    expect(round).toBe(3);
  });

  test("the background is judged as it is when the round has ended", async () => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const { monitor, clock, last } = setUp({ groups: [mixed({ probe: () => promise })] });
    monitor.start();
    await last("back").end();
    const answer = outcomeOf(monitor.ask(newClient()));
    await clock.pass(10_000);
    await last("back").end(DOWN);
    resolve(UP);
    await settle();
    expect(answer.verdict).toEqual(unhealthy("back"));
  });

  test("with single flight a request joins a round that was answered, not its answer", async () => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const { monitor, clock, last, runs } = setUp({ groups: [mixed({ probe: () => promise })], singleflight: true });
    monitor.start();
    await last("back").end(DOWN);
    const early = outcomeOf(monitor.ask(newClient()));
    await settle();
    expect(early.verdict).toEqual(unhealthy("back"));
    await clock.pass(10_000);
    await last("back").end();
    const late = outcomeOf(monitor.ask(newClient()));
    await settle();
    expect(late).toEqual({});
    resolve(UP);
    await settle();
    expect(late.verdict).toEqual(HEALTHY);
    expect(runs).toHaveLength(2);
  });

  test("both are waited for until the deadline", async () => {
    const hangs: Check["probe"] = ({ signal }) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(failed("timeout", "no answer"))));
    const { monitor, clock } = setUp({ groups: [mixed({ probe: hangs })], deadlineMs: 4_500 });
    monitor.start();
    const answer = outcomeOf(monitor.ask(newClient()));
    await clock.pass(4_500);
    await settle();
    expect(answer.verdict?.healthy).toBe(false);
  });
});

describe("what is told", () => {
  test("is the verdict of the host, as soon as all is known and whenever a result changes it", async () => {
    const [a, b] = [backgroundCheck({ name: "a" }), backgroundCheck({ name: "b" })];
    const { monitor, clock, last, verdicts } = setUp({ groups: [[a, b], [a]] });
    monitor.start();
    await last("a").end(DOWN);
    expect(verdicts).toEqual([["a"]]);
    await last("b").end();
    expect(verdicts).toEqual([["a"], ["a"]]);
    await clock.pass(10_000);
    await last("b").end();
    await last("a").end();
    expect(verdicts).toEqual([["a"], ["a"], "healthy"]);
  });

  test("is no health while something decisive is stale, though nobody asks", async () => {
    const [a, b] = [backgroundCheck({ name: "a" }), backgroundCheck({ name: "b" })];
    const { monitor, clock, last, verdicts } = setUp({ groups: [[a, b]] });
    monitor.start();
    await last("a").end(DOWN);
    await last("b").end(UP);
    await clock.suspend(3_600_000);
    await clock.pass(30_000);
    await last("a").end(UP);
    expect(verdicts).toEqual([["a"], ["a"]]);
    await last("b").end(UP);
    expect(verdicts).toEqual([["a"], ["a"], "healthy"]);
  });

  test("may be told to what throws", async () => {
    const { monitor, clock, runs, last, faults } = setUp({
      onResult() {
        throw new Error("no room on the device");
      },
    });
    monitor.start();
    await last().end();
    expect(monitor.read()).toEqual(HEALTHY);
    await clock.pass(10_000);
    await last().end(DOWN);
    expect(monitor.read()).toEqual(unhealthy("it"));
    expect([runs.length, faults.length]).toEqual([2, 2]);
  });
});

test("after an abort nothing runs, and who waits is answered unhealthy", async () => {
  const { monitor, clock, runs, results } = setUp();
  monitor.start();
  const answer = outcomeOf(monitor.ask(newClient()));
  monitor.abort();
  await settle();
  expect(answer.verdict).toEqual(unhealthy("it"));
  expect(await monitor.ask(newClient())).toEqual(unhealthy("it"));
  await clock.pass(100_000);
  expect(runs.map(({ aborted }) => aborted)).toEqual([true]);
  expect(results).toEqual([]);
});

test("by the host's own clock: what hangs is ended at its timeout, again and again, and the rest goes on", async () => {
  const reasons: string[] = [];
  let goes = 0;
  let hanging = 0;
  const hangs = backgroundCheck({
    name: "hangs",
    intervalMs: 40,
    timeoutMs: 20,
    probe: ({ signal }) => {
      hanging++;
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          hanging--;
          resolve(failed("timeout", "no answer"));
        }),
      );
    },
  });
  const good = backgroundCheck({
    name: "goes",
    intervalMs: 20,
    probe: async () => {
      goes++;
      return UP;
    },
  });
  const monitor = new AskedMonitor({
    groups: [[hangs, good], [good]],
    singleflight: false,
    maxRounds: 16,
    onResult({ check, outcome }) {
      if (check === hangs && !outcome.ok) reasons.push(outcome.reason);
    },
    onVerdict() {},
    onGone() {},
    onStale() {},
    onFault() {},
  });
  monitor.start();
  expect(await monitor.ask(newClient(), 1)).toEqual(HEALTHY);
  expect(await monitor.ask(newClient())).toEqual(unhealthy("hangs"));
  await until(() => reasons.length >= 3 && goes >= 5);
  expect(new Set(reasons)).toEqual(new Set(["timeout"]));
  await until(() => hanging === 1);
  monitor.abort();
  expect(hanging).toBe(0);
});
