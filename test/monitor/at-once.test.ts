// Where every run that a request takes ends at once, the request has its verdict at once: it takes no promise and no
// timer, and nothing happens within anything else.

import { describe, expect, test } from "bun:test";
import type { Check } from "../../src/checks/check.ts";
import type { MonitorOptions } from "../../src/monitor/monitor.ts";
import type { Outcome } from "../../src/outcome.ts";
import { untilTurn } from "../../src/system/turn.ts";
import { fakeCheck, fakeClock } from "./fakes.ts";
import { DOWN, HEALTHY, heldCheck, newClient, setUp as setUpChecks, UP, unhealthy } from "./held-runs.ts";

/** What the runs of a check come to, by its name; others pass. */
type Outcomes = Record<string, Outcome>;

type More = Partial<Pick<MonitorOptions, "singleflight" | "maxRounds" | "onVerdict">>;

/** A monitor, and what has happened to it. */
function setUp(outcomes: Outcomes, groups: (check: typeof fakeCheck) => Check[][], more: More = {}) {
  const events: string[] = [];
  const check = (given: Partial<Check> = {}): Check =>
    fakeCheck({
      ...given,
      probe: () => {
        events.push(`${given.name} runs`);
        return outcomes[given.name ?? ""] ?? UP;
      },
    });
  let timers = 0;
  const fake = fakeClock();
  const clock = {
    ...fake,
    after(ms: number, then: () => void) {
      timers++;
      return fake.after(ms, then);
    },
  };
  const set = setUpChecks({
    groups: groups(check),
    deadlineMs: 4500,
    clock,
    onResult: ({ check, outcome }) => events.push(`${check.name} ${outcome.ok ? "up" : "down"}`),
    onVerdict: ({ healthy }) => events.push(healthy ? "healthy" : "unhealthy"),
    ...more,
  });
  return { ...set, clock: fake, events, timers: () => timers };
}

describe("a request", () => {
  test("whose checks all end at once has its verdict at once, after all have started and all is reported", () => {
    const outcomes: Outcomes = {};
    const { monitor, events, timers } = setUp(outcomes, (check) => [[check({ name: "a" }), check({ name: "b" })]]);
    expect(monitor.verdict(newClient())).toEqual(HEALTHY);
    expect(events.splice(0)).toEqual(["a runs", "b runs", "a up", "b up", "healthy"]);
    outcomes["a"] = DOWN;
    expect(monitor.verdict(newClient())).toEqual(unhealthy("a"));
    expect(events).toEqual(["a runs", "b runs", "a down", "b up", "unhealthy"]);
    expect(timers()).toBe(0);
  });

  test("makes no signal of its client", () => {
    const { monitor } = setUp({}, (check) => [[check({ name: "a" })]]);
    const client = {
      get signal(): AbortSignal {
        throw new Error("made");
      },
    };
    expect(monitor.verdict(client)).toEqual(HEALTHY);
  });

  test("starts what decides nothing before the first result is taken", () => {
    const { monitor, events } = setUp({ noted: DOWN }, (check) => [
      [check({ name: "a" }), check({ name: "noted", severity: "warning" })],
    ]);
    expect(monitor.verdict(newClient())).toEqual(HEALTHY);
    expect(events.toSorted()).toEqual(["a runs", "a up", "healthy", "noted down", "noted runs"].toSorted());
    expect(Math.max(events.indexOf("a runs"), events.indexOf("noted runs"))).toBe(1);
  });

  test("has a failure that is known at once though another check still runs, which runs on", async () => {
    const { monitor, live, last, events } = setUp({ a: DOWN }, (check) => [
      [check({ name: "a" }), heldCheck({ name: "slow" })],
    ]);
    expect(monitor.verdict(newClient())).toEqual(unhealthy("a"));
    expect(live().map(({ name }) => name)).toEqual(["slow"]);
    await last("slow").end();
    expect(events).toEqual(["a runs", "a down", "unhealthy", "slow up", "unhealthy"]);
  });

  test("waits for a check that takes longer", async () => {
    const { monitor, last } = setUp({}, (check) => [[check({ name: "a" }), heldCheck({ name: "slow" })]]);
    const answer = monitor.verdict(newClient());
    expect(answer).toBeInstanceOf(Promise);
    await last("slow").end();
    expect(await answer).toEqual(HEALTHY);
  });

  test("that meets no fresh result of the background has the one of a run that ends at once", async () => {
    const { monitor, clock, events } = setUp({}, (check) => [
      [check({ name: "back", intervalMs: 10_000, staleAfterMs: 35_000 }), check({ name: "front" })],
    ]);
    monitor.start();
    expect(monitor.verdict(newClient())).toEqual(HEALTHY);
    await clock.suspend(3_600_000);
    events.length = 0;
    expect(monitor.verdict(newClient())).toEqual(HEALTHY);
    expect(events).toEqual(["front runs", "back runs", "front up", "back up"]);
  });
});

test("those of one turn of the event loop have the places each, and the rest share one run in the next turn", async () => {
  for (const singleflight of [true, false]) {
    const more = { singleflight, maxRounds: 16 };
    const { monitor, events } = setUp({}, (check) => [[check({ name: "a" })]], more);
    const runs = () => events.filter((event) => event === "a runs").length;
    for (let turn = 1; turn <= 3; turn++) {
      const verdicts = Array.from({ length: 1000 }, () => monitor.verdict(newClient()));
      expect(verdicts.filter((verdict) => verdict instanceof Promise)).toHaveLength(1000 - 15);
      expect(await Promise.all(verdicts)).toEqual(Array(1000).fill(HEALTHY));
      expect(runs()).toBe(turn * 16);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

test("in a turn that has had its probes they share a run in the next turn", async () => {
  await new Promise((resolve) => setImmediate(resolve)); // what has begun before is over
  const { monitor, events } = setUp({}, (check) => [[check({ name: "a" })]]);
  for (let probe = 0; probe < 64; probe++) void untilTurn();
  const verdicts = [monitor.verdict(newClient()), monitor.verdict(newClient())];
  expect(events).toEqual([]);
  expect(await Promise.all(verdicts)).toEqual([HEALTHY, HEALTHY]);
  expect(events).toEqual(["a runs", "a up", "healthy"]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(monitor.verdict(newClient())).toEqual(HEALTHY);
});

test("a listener that asks again is answered once all results there are were taken", async () => {
  const later: unknown[] = [];
  const { monitor, events } = setUp({}, (check) => [[check({ name: "a" }), check({ name: "b" })]], {
    onVerdict() {
      events.push("judged");
      if (later.length === 0) later.push(monitor.verdict(newClient()));
    },
  });
  expect(monitor.verdict(newClient())).toEqual(HEALTHY);
  expect(events).toEqual(["a runs", "b runs", "a up", "b up", "judged", "a runs", "b runs", "a up", "b up"]);
  expect(await later[0]).toEqual(HEALTHY);
});

test("a queued round starts, and is answered, by the run that ends before it", async () => {
  const { monitor, clock, last } = setUp({}, (check) => [[heldCheck({ name: "slow" }), check({ name: "a" })]], {
    maxRounds: 1,
  });
  const [first, second] = [monitor.verdict(newClient()), monitor.verdict(newClient())];
  await clock.pass(1000);
  await last("slow").end();
  await last("slow").end();
  expect([await first, await second]).toEqual([HEALTHY, HEALTHY]);
});
