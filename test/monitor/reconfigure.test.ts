// A change of settings loses nothing: not the state of a check that stays, not its run,
// not its turn, and nobody who waits; nor is anybody answered by a mixture.

import { describe, expect, test } from "bun:test";
import type { Check } from "../../src/checks/check.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import { fakeCheck, settle } from "./fakes.ts";
import { backgroundCheck, DOWN, HEALTHY, newClient, outcomeOf, setUp, UP, unhealthy } from "./held-runs.ts";

const a = backgroundCheck({ name: "a" });
const b = backgroundCheck({ name: "b" });
const c = backgroundCheck({ name: "c" });

const PLAIN = { singleflight: false, maxRounds: 16 };

/** A check on request whose attempts are held. */
function onRequest(name: string) {
  const attempts: ((outcome: Outcome) => void)[] = [];
  const aborted: boolean[] = [];
  const check = fakeCheck({
    name,
    probe: ({ signal }) =>
      new Promise((resolve) => {
        const index = attempts.push(resolve) - 1;
        signal.addEventListener("abort", () => {
          aborted[index] = true;
          resolve(failed("timeout", "held"));
        });
      }),
  });
  return { check, attempts, aborted };
}

describe("a check that stays", () => {
  test("keeps its state, its streak and its run", async () => {
    const flappy = backgroundCheck({ name: "flappy", rise: 2, fall: 3 });
    const { monitor, clock, runs, last, results } = setUp({ groups: [[flappy]] });
    monitor.start();
    await last("flappy").end();
    for (const count of [1, 2]) {
      await clock.pass(10_000);
      await last("flappy").end(DOWN);
      expect(monitor.states()[0]?.state.streak).toBe(count);
    }
    await clock.pass(10_000); // its third failure is under way
    monitor.reconfigure({ ...PLAIN, groups: [[a, flappy]] });
    expect(runs.filter(({ name }) => name === "flappy")).toHaveLength(4); // none was started again
    expect(monitor.states().map(({ check, state }) => [check.name, state.status, state.streak])).toEqual([
      ["a", "unknown", 0],
      ["flappy", "up", 2],
    ]);
    await last("flappy").end(DOWN);
    expect(results.at(-1)).toEqual(["flappy", "up", "down"]);
  });

  test("has its turn, however often the settings change", async () => {
    const { monitor, clock, runs, last } = setUp({ groups: [[a]], random: () => 0.5 });
    monitor.start();
    await last("a").end();
    for (let change = 0; change < 100; change++) {
      await clock.pass(1000);
      monitor.reconfigure({ ...PLAIN, groups: [change % 2 ? [a] : [b, c, a]] });
      for (const run of runs) if (!run.ended) await run.end();
    }
    const times = runs.flatMap(({ name, at }) => (name === "a" ? [at] : []));
    expect(times.length).toBeWithin(10, 22);
    times.reduce((before, at) => {
      expect(at - before).toBeLessThanOrEqual(11_000);
      return at;
    });
  });

  test("is not run again at once by a change", async () => {
    const { monitor, clock, runs, last } = setUp({ groups: [[a]] });
    monitor.start();
    await last("a").end();
    await clock.pass(5000);
    monitor.reconfigure({ ...PLAIN, groups: [[a, b]] });
    expect(runs.map(({ name }) => name)).toEqual(["a", "b"]);
  });
});

describe("a check that goes", () => {
  test("is ended where it runs, told no more, and decides no more", async () => {
    const { monitor, clock, runs, last, results, verdicts } = setUp({ groups: [[a, b]] });
    monitor.start();
    await last("a").end();
    await last("b").end(DOWN);
    expect(verdicts).toEqual([["b"]]);
    await clock.pass(10_000);
    monitor.reconfigure({ ...PLAIN, groups: [[a]] });
    expect(verdicts).toEqual([["b"], "healthy"]);
    expect(monitor.read()).toEqual(HEALTHY);
    expect(last("b").aborted).toBe(true);
    await settle();
    const told = results.length;
    await last("a").end();
    await clock.pass(100_000);
    expect(runs.filter(({ name }) => name === "b")).toHaveLength(2);
    expect(results.slice(told).every(([name]) => name === "a")).toBe(true);
  });
});

describe("who waits", () => {
  test("for first results in the background is answered by what he came under", async () => {
    const { monitor, last, stale } = setUp({ groups: [[a, b]] });
    monitor.start();
    const old = outcomeOf(monitor.ask(newClient()));
    monitor.reconfigure({ ...PLAIN, groups: [[a, c]] });
    const young = outcomeOf(monitor.ask(newClient()));
    expect(last("b").aborted).toBe(false); // he waits for it
    await last("a").end();
    await last("c").end();
    expect(young.verdict).toEqual(HEALTHY);
    expect(old).toEqual({});
    await last("b").end(DOWN);
    expect(old.verdict).toEqual(unhealthy("b"));
    expect(monitor.read()).toEqual(HEALTHY);
    expect(stale).toEqual([]);
  });

  test("for a run that goes is answered at his deadline, and then the run is ended", async () => {
    const { monitor, clock, last } = setUp({ groups: [[a]], deadlineMs: 4000 });
    monitor.start();
    const old = outcomeOf(monitor.ask(newClient()));
    monitor.reconfigure({ ...PLAIN, groups: [[b]], deadlinesMs: [9000] });
    await clock.pass(3999);
    expect(last("a").aborted).toBe(false);
    await clock.pass(1);
    await settle();
    expect(old.verdict).toEqual(unhealthy("a"));
    expect(last("a").aborted).toBe(true);
    expect(last("b").aborted).toBe(false);
  });

  test("leaves no run of what has gone behind when he is answered or goes, whatever that decided", async () => {
    const noted = backgroundCheck({ name: "noted", severity: "warning" });
    const { monitor, clock, last } = setUp({
      groups: [
        [a, noted],
        [noted, b],
      ],
    });
    monitor.start();
    const old = outcomeOf(monitor.ask(newClient()));
    const going = new AbortController();
    const other = outcomeOf(monitor.ask({ signal: going.signal }, 1));
    await clock.pass(5); // from then on it is seen who leaves
    monitor.reconfigure({ ...PLAIN, groups: [[c]] });
    await last("a").end();
    expect(old.verdict).toEqual(HEALTHY);
    expect(last("noted").aborted).toBe(false); // the other still waits
    going.abort();
    expect(last("b").aborted).toBe(true);
    expect(last("noted").aborted).toBe(true);
    expect(last("c").aborted).toBe(false);
    await settle();
    expect(other.verdict?.healthy).toBe(false);
  });

  test("for a round on request gets its verdict, and only that", async () => {
    const one = onRequest("one");
    const two = onRequest("two");
    const { monitor, results } = setUp({ groups: [[one.check]] });
    const old = outcomeOf(monitor.ask(newClient()));
    monitor.reconfigure({ ...PLAIN, groups: [[two.check]] });
    const young = outcomeOf(monitor.ask(newClient()));
    one.attempts[0]?.(UP);
    two.attempts[0]?.(DOWN);
    await settle();
    expect(old.verdict).toEqual(HEALTHY);
    expect(young.verdict).toEqual(unhealthy("two"));
    expect(results.map(([name]) => name)).toEqual(["two"]);
  });

  test("for a round on request leaves no run of what has gone behind when a failure has answered it", async () => {
    const [one, two, three] = [onRequest("one"), onRequest("two"), onRequest("three")];
    const { monitor } = setUp({ groups: [[one.check, two.check]] });
    const old = outcomeOf(monitor.ask(newClient()));
    monitor.reconfigure({ ...PLAIN, groups: [[three.check]] });
    two.attempts[0]?.(DOWN);
    await settle();
    expect(old.verdict).toEqual(unhealthy("two"));
    expect(one.aborted).toEqual([true]);
  });

  test("for a mixture of both kinds hears of a failure that came after the change", async () => {
    const one = onRequest("one");
    const { monitor, clock, last } = setUp({ groups: [[one.check, a]] });
    monitor.start();
    await last("a").end();
    const old = outcomeOf(monitor.ask(newClient()));
    await settle();
    monitor.reconfigure({ ...PLAIN, groups: [[a]] });
    await clock.pass(10_000);
    await last("a").end(DOWN);
    one.attempts[0]?.(UP);
    await settle();
    expect(old.verdict).toEqual(unhealthy("a"));
  });
});

test("a check that replaces another has its places, also those that are taken", async () => {
  const one = onRequest("one");
  const two = onRequest("two");
  const { monitor, clock } = setUp({ groups: [[one.check]] });
  const answers = Array.from({ length: 14 }, () => monitor.ask(newClient()));
  expect(one.attempts).toHaveLength(14);
  const changed = new Map([[two.check, one.check]]);
  monitor.reconfigure({ singleflight: false, maxRounds: 3, groups: [[two.check]] }, { changed, results: [] });
  const more = Array.from({ length: 5 }, () => monitor.ask(newClient()));
  await clock.pass(60); // longer than a burst is waited for
  expect(two.attempts).toHaveLength(0);
  for (const end of one.attempts) end(UP);
  await Promise.all(answers);
  await settle();
  expect(two.attempts.length).toBeWithin(1, 4);
  for (let ended = 0; ended < two.attempts.length; ended++) {
    two.attempts[ended]?.(UP);
    await settle();
  }
  expect((await Promise.all(more)).every(({ healthy }) => healthy)).toBe(true);
});

test("a check and the one that it replaces do not take the last place together", async () => {
  const one = onRequest("one");
  const two = onRequest("two");
  const { monitor, clock } = setUp({ groups: [[one.check]], maxRounds: 1 });
  const settings = { singleflight: false, maxRounds: 1, groups: [[two.check]] };
  const answers = [monitor.ask(newClient()), monitor.ask(newClient())];
  monitor.reconfigure(settings, { changed: new Map([[two.check, one.check]]), results: [] });
  answers.push(monitor.ask(newClient()));
  await clock.pass(100);
  one.attempts[0]?.(UP);
  await settle();
  expect([one.attempts.length, two.attempts.length]).toEqual([2, 0]);
  one.attempts[1]?.(UP);
  await settle();
  expect(two.attempts).toHaveLength(1);
  two.attempts[0]?.(UP);
  expect((await Promise.all(answers)).every(({ healthy }) => healthy)).toBe(true);
});

test("single flight begins and ends with the settings", async () => {
  const one = onRequest("one");
  const { monitor } = setUp({ groups: [[one.check]] });
  void monitor.ask(newClient());
  void monitor.ask(newClient());
  expect(one.attempts).toHaveLength(2);
  monitor.reconfigure({ singleflight: true, maxRounds: 16, groups: [[one.check]] });
  void monitor.ask(newClient());
  void monitor.ask(newClient());
  expect(one.attempts).toHaveLength(3);
});

describe("a check that replaces another of its name", () => {
  const result = (check: Check, start: number, outcome: Outcome) => ({
    check,
    startedAt: start,
    start,
    durationMs: 0,
    outcome,
  });

  test("keeps its status and its streak, and the result of its trial counts like any other", async () => {
    const before = backgroundCheck({ name: "flappy", fall: 3 });
    const { monitor, clock, last, runs, results, verdicts } = setUp({ groups: [[before]] });
    monitor.start();
    await last("flappy").end();
    await clock.pass(10_000);
    await last("flappy").end(DOWN);
    const after = backgroundCheck({ name: "flappy", fall: 3, target: "elsewhere" });
    const trial = { changed: new Map([[after, before]]), results: [result(after, clock.now() - 5, DOWN)] };
    monitor.reconfigure({ ...PLAIN, groups: [[after]] }, trial);
    expect(monitor.states()[0]?.state).toMatchObject({ status: "up", streak: 2 });
    expect(runs).toHaveLength(2); // its trial was its run
    await clock.pass(10_000);
    await last("flappy").end(DOWN);
    expect(results.at(-1)).toEqual(["flappy", "up", "down"]);
    expect(verdicts.at(-1)).toEqual(["flappy"]);
  });

  test("takes the result of its trial though the one before ran meanwhile", async () => {
    const before = backgroundCheck({ name: "a" });
    const { monitor, clock, last } = setUp({ groups: [[before]] });
    monitor.start();
    const triedAt = clock.now();
    await clock.pass(10_000);
    await last("a").end();
    await clock.pass(10_000);
    await last("a").end();
    const after = backgroundCheck({ name: "a", timeoutMs: 30_000 });
    const trial = { changed: new Map([[after, before]]), results: [result(after, triedAt, DOWN)] };
    monitor.reconfigure({ ...PLAIN, groups: [[after]] }, trial);
    expect(monitor.states()[0]?.state.status).toBe("down");
  });

  test("on request, too", async () => {
    const before = fakeCheck({ name: "a" });
    const after = fakeCheck({ name: "a", target: "elsewhere" });
    const { monitor, clock } = setUp({ groups: [[before]] });
    await monitor.ask(newClient());
    monitor.reconfigure({ ...PLAIN, groups: [[after]] }, { changed: new Map([[after, before]]), results: [] });
    expect(monitor.states()[0]?.state).toMatchObject({ status: "up", streak: 1 });
    const trial = { changed: new Map(), results: [result(after, clock.now(), DOWN)] };
    monitor.reconfigure({ ...PLAIN, groups: [[after]] }, trial);
    expect(monitor.states()[0]?.state).toMatchObject({ status: "down", streak: 1 });
  });

  test("is as fresh at the switch as if its trial had just ended, and runs at once where its interval is over", async () => {
    const { monitor, clock, runs, last, stale } = setUp({ groups: [[a]], random: () => 0.5 });
    monitor.start();
    await last("a").end();
    const [fast, slow] = [backgroundCheck({ name: "fast" }), backgroundCheck({ name: "slow", intervalMs: 300_000 })];
    const results = [fast, slow].map((check) => result(check, clock.now(), UP));
    await clock.pass(50_000); // another check of the trial took so long
    for (const run of runs) if (!run.ended) await run.end();
    monitor.reconfigure({ ...PLAIN, groups: [[a, fast, slow]] }, { changed: new Map(), results });
    const known = () => monitor.states().map(({ check, stale }) => [check.name, stale]);
    expect(monitor.read()).toEqual(HEALTHY);
    expect(last("fast").at).toBe(50_000);
    expect(runs.some(({ name }) => name === "slow")).toBe(false);
    await clock.pass(35_000);
    expect(known()).toContainEqual(["slow", false]);
    await clock.pass(1);
    expect(known()).toContainEqual(["slow", true]);
    expect(stale).toEqual([]);
  });

  test("shows no state between: the results of all trials count together", async () => {
    const shown: (boolean | undefined)[] = [];
    const { monitor, clock, last } = setUp({
      groups: [[a]],
      onStanding: () => shown.push(monitor.standing()?.healthy),
    });
    monitor.start();
    await last("a").end();
    const results = [b, c].map((check) => result(check, clock.now(), UP));
    monitor.reconfigure({ ...PLAIN, groups: [[a, b, c]] }, { changed: new Map(), results });
    expect(shown).toEqual([true, true]); // the first result of "a", and the change
  });

  test("a new check is known by its trial, and runs next on its interval", async () => {
    const { monitor, clock, runs, last } = setUp({ groups: [[a]] });
    monitor.start();
    await last("a").end();
    await clock.pass(1000);
    const fresh = backgroundCheck({ name: "new" });
    monitor.reconfigure(
      { ...PLAIN, groups: [[a, fresh]] },
      { changed: new Map(), results: [result(fresh, clock.now(), UP)] },
    );
    expect(monitor.read()?.healthy).toBe(true);
    expect(runs.map(({ name }) => name)).toEqual(["a"]);
    await clock.pass(10_000);
    expect(runs.map(({ name }) => name)).toContain("new");
  });
});
