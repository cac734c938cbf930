// What `status` shows: the verdict by what is known, and the runs that it starts, of which it waits for none that hangs.

import { describe, expect, test } from "bun:test";
import type { Check } from "../../src/checks/check.ts";
import type { MonitorOptions } from "../../src/monitor/monitor.ts";
import { settle } from "./fakes.ts";
import { backgroundCheck, DOWN, heldCheck, newClient, setUp as setUpChecks, UP } from "./held-runs.ts";

const LONGEST_MS = 1000;
const DEADLINE_MS = 4500;

const onRequest = (name: string, given: Partial<Check> = {}) => heldCheck({ name, timeoutMs: 60_000, ...given });

const inBackground = (name: string, given: Partial<Check> = {}) => backgroundCheck({ name, ...given });

function setUp(checks: readonly Check[], given: Partial<Pick<MonitorOptions, "groups" | "deadlinesMs">> = {}) {
  let changes = 0;
  const { monitor, clock, live, stale, faults } = setUpChecks({
    groups: [checks],
    deadlinesMs: [DEADLINE_MS],
    onLate: () => {},
    onStanding: () => changes++,
    ...given,
  });
  const refresh = () => {
    const asked = { isDone: false };
    void monitor.refresh(LONGEST_MS).then(() => {
      asked.isDone = true;
    });
    return asked;
  };
  const end = async (name: string, outcome = UP) => {
    const run = live().find((one) => one.name === name);
    if (!run) throw new Error(`${name} does not run`);
    await run.end(outcome);
  };
  const shown = () =>
    monitor.states().map(({ check, state, runningMs }) => {
      const running = runningMs === undefined ? "" : `, running ${runningMs}`;
      return `${check.name} ${state.status}${running}`;
    });
  const standing = (group?: number) => {
    const verdict = monitor.standing(group);
    if (!verdict) return "unknown";
    return verdict.healthy ? "healthy" : verdict.failing.map(({ name, reason }) => `${name} ${reason}`).join();
  };
  const hasChanged = () => {
    const before = changes;
    changes = 0;
    return before > 0;
  };
  return { monitor, clock, refresh, end, shown, standing, hasChanged, stale, faults, live };
}

describe("a refresh", () => {
  test("runs each check on request, whatever its severity, and is over with the last of them", async () => {
    const noted = onRequest("noted", { severity: "warning" });
    const { refresh, live, end, shown } = setUp([onRequest("a"), noted, onRequest("of /x", { severity: "endpoint" })]);
    for (const status of ["up", "down"]) {
      const asked = refresh();
      expect(live().map(({ name }) => name)).toEqual(["a", "noted", "of /x"]);
      await end("a", status === "up" ? UP : DOWN);
      await end("noted");
      expect(asked.isDone).toBe(false);
      await end("of /x");
      expect(asked.isDone).toBe(true);
      expect(shown()).toEqual([`a ${status}`, "noted up", "of /x up"]);
    }
  });

  test("leaves a check that hangs, which goes on and does not start twice; the others do", async () => {
    const { refresh, clock, live, end, shown, standing } = setUp([onRequest("fine"), onRequest("hung")]);
    const asked = refresh();
    await end("fine");
    await clock.pass(LONGEST_MS - 1);
    expect(asked.isDone).toBe(false);
    await clock.pass(1);
    expect([asked.isDone, standing()]).toEqual([true, "unknown"]);
    expect(shown()).toEqual(["fine up", "hung unknown, running 1000"]);
    refresh();
    expect(live().map(({ name, at }) => [name, at])).toEqual([
      ["hung", 0],
      ["fine", LONGEST_MS],
    ]);
    await end("hung", DOWN);
    await end("fine");
    expect([standing(), shown()]).toEqual(["hung refused", ["fine up", "hung down"]]);
  });

  test("takes no place: a request beside it has a run of its own, and the oldest is shown", async () => {
    const { refresh, monitor, clock, live, end, shown } = setUp([onRequest("it")]);
    refresh();
    await clock.pass(30);
    const answer = monitor.ask(newClient());
    expect(live().map(({ at }) => at)).toEqual([0, 30]);
    expect(shown()).toEqual(["it unknown, running 30"]);
    await live()[1]?.end();
    expect((await answer).healthy).toBe(true);
    expect(shown()).toEqual(["it up, running 30"]);
    await end("it");
    expect(shown()).toEqual(["it up"]);
  });

  test("runs a check in the background only where its result is missing or stale, and reports nothing as stale", async () => {
    const { refresh, monitor, clock, live, end, stale, faults } = setUp([inBackground("a"), inBackground("b")]);
    refresh();
    expect(live()).toEqual([]); // not before the start
    monitor.start();
    const first = refresh();
    expect(live().map(({ name }) => name)).toEqual(["a", "b"]);
    await end("a");
    await clock.pass(LONGEST_MS);
    expect(first.isDone).toBe(true);
    await end("b");
    refresh();
    expect(live()).toEqual([]);
    await clock.suspend(60_000);
    const second = refresh();
    expect(live().map(({ name }) => name)).toEqual(["a", "b"]);
    await end("a");
    await end("b");
    expect([second.isDone, stale, faults]).toEqual([true, [], []]);
    monitor.abort();
  });

  test("starts nothing once the daemon stops", async () => {
    const { refresh, monitor, live } = setUp([onRequest("it")]);
    monitor.abort();
    const asked = refresh();
    await settle();
    expect([asked.isDone, live()]).toEqual([true, []]);
  });

  test("of a check that a reload removes is ended, since nothing waits for it", async () => {
    const { refresh, monitor, live, shown } = setUp([onRequest("gone")]);
    refresh();
    monitor.reconfigure({ groups: [[onRequest("new")]], singleflight: false, maxRounds: 16 });
    await settle();
    expect([live(), shown()]).toEqual([[], ["new unknown"]]);
  });
});

describe("the verdict by what is known", () => {
  test("is unknown while nothing fails and a first result is missing", async () => {
    const { standing, refresh, end, monitor } = setUp([onRequest("a"), inBackground("b"), onRequest("c")]);
    expect(standing()).toBe("unknown");
    monitor.start();
    refresh();
    await end("a");
    await end("b");
    expect(standing()).toBe("unknown");
    await end("c");
    expect(standing()).toBe("healthy");
    monitor.abort();
  });

  test("is unhealthy as soon as a check that decides fails, and names all that do", async () => {
    const { standing, refresh, end } = setUp([onRequest("a"), onRequest("b"), onRequest("C", { severity: "warning" })]);
    refresh();
    await end("C", DOWN);
    expect(standing()).toBe("unknown");
    await end("b", DOWN);
    expect(standing()).toBe("b refused");
    await end("a", DOWN);
    expect(standing()).toBe("a refused,b refused");
  });

  test("is unhealthy without a check, and for a group that does not exist", () => {
    const { standing } = setUp([], { groups: [[]] });
    expect([standing(0), standing(1)]).toEqual(["", ""]);
  });

  test("of an endpoint is decided by every check that it names", async () => {
    const [a, noted] = [onRequest("a"), onRequest("noted", { severity: "warning" })];
    const { standing, refresh, end } = setUp([], { groups: [[a, noted], [noted], [a]], deadlinesMs: [] });
    refresh();
    await end("noted", DOWN);
    expect([standing(0), standing(1), standing(2)]).toEqual(["unknown", "noted refused", "unknown"]);
    await end("a");
    expect([standing(0), standing(1), standing(2)]).toEqual(["healthy", "noted refused", "healthy"]);
  });

  test("counts a stale result as failed, and an unknown one once a request had to be answered without it", async () => {
    const { standing, refresh, end, monitor, clock, hasChanged } = setUp([inBackground("it", { timeoutMs: 60_000 })]);
    monitor.start();
    hasChanged();
    const answer = monitor.ask(newClient());
    await clock.pass(DEADLINE_MS - 1);
    expect([standing(), hasChanged()]).toEqual(["unknown", false]);
    await clock.pass(1);
    expect([(await answer).healthy, standing(), hasChanged()]).toEqual([false, "it deadline", true]);
    await end("it");
    expect([standing(), hasChanged()]).toEqual(["healthy", true]);
    await clock.suspend(60_000);
    expect(standing()).toBe("it stale");
    refresh();
    await end("it");
    expect([standing(), hasChanged()]).toEqual(["healthy", true]);
    monitor.abort();
  });

  test("counts a check on request as failed while its results come after the deadline", async () => {
    const { standing, refresh, end, monitor, clock, hasChanged } = setUp([onRequest("it")]);
    const answer = monitor.ask(newClient());
    await clock.pass(DEADLINE_MS);
    expect([(await answer).healthy, standing(), hasChanged()]).toEqual([false, "it deadline", true]);
    await clock.pass(1);
    await end("it");
    expect([standing(), hasChanged()]).toEqual(["it deadline", false]); // its first result
    refresh();
    await end("it");
    expect([standing(), hasChanged()]).toEqual(["healthy", true]);
    await clock.pass(1);
    refresh();
    await clock.pass(DEADLINE_MS + 1);
    expect(standing()).toBe("it deadline");
    await end("it");
    expect([standing(), hasChanged()]).toEqual(["it deadline", true]);
    refresh();
    await end("it", DOWN);
    expect([standing(), hasChanged()]).toEqual(["it refused", true]);
  });

  test("does not count a run that hangs once a newer one has passed", async () => {
    const { standing, refresh, monitor, clock, live } = setUp([onRequest("it")]);
    refresh();
    await clock.pass(1);
    void monitor.ask(newClient());
    await live()[1]?.end();
    await clock.pass(2 * DEADLINE_MS);
    expect(standing()).toBe("healthy");
  });

  test("has the deadline of its group", async () => {
    const it = onRequest("it");
    const { standing, refresh, clock, end } = setUp([], { groups: [[it], [it]], deadlinesMs: [undefined, 100] });
    refresh();
    await clock.pass(101);
    expect([standing(0), standing(1)]).toEqual(["unknown", "it deadline"]);
    await end("it");
    expect([standing(0), standing(1)]).toEqual(["healthy", "it deadline"]);
  });
});

test("the monitor counts the rounds that run, and the requests that joined one", async () => {
  const { monitor, live, refresh } = setUp([onRequest("it")], {});
  expect(monitor.counters).toEqual({ roundsRunning: 0, roundsShared: 0 });
  refresh(); // is none
  void monitor.ask(newClient());
  void monitor.ask(newClient());
  expect(monitor.counters).toEqual({ roundsRunning: 2, roundsShared: 0 });
  monitor.reconfigure({ groups: [[onRequest("other")]], singleflight: true, maxRounds: 16 });
  void monitor.ask(newClient());
  void monitor.ask(newClient());
  expect(monitor.counters).toEqual({ roundsRunning: 3, roundsShared: 1 });
  for (const run of live()) await run.end();
  expect(monitor.counters).toEqual({ roundsRunning: 0, roundsShared: 1 });
});
