// A check whose runs are held back does not run beside what runs in its place, and its result never
// gets stale by that.

import { expect, test } from "bun:test";
import { settle } from "./fakes.ts";
import { backgroundCheck, HEALTHY, newClient, setUp, UP } from "./held-runs.ts";

/** Each 10 s; its result is stale 35 s after its end. */
const it = backgroundCheck();
const PLAIN = { singleflight: false, maxRounds: 16 };

/** A check that has passed once; the clock is where its run ended. */
async function running() {
  const set = setUp({ groups: [[it]] });
  set.monitor.start();
  await set.last().end();
  return set;
}

test("the run under way is waited for, and none begins until the hold is released", async () => {
  const { monitor, clock, runs, last } = await running();
  await clock.pass(10_000);
  expect(runs).toHaveLength(2);
  const hold = monitor.hold(it);
  let idle = false;
  void hold?.idle.then(() => {
    idle = true;
  });
  await settle();
  expect(idle).toBe(false);
  await last().end();
  expect(idle).toBe(true);
  await clock.pass(20_000);
  expect(runs).toHaveLength(2);
  hold?.release();
  await clock.pass(0);
  expect(runs).toHaveLength(3); // it was due meanwhile
  await last().end();
  await clock.pass(10_000);
  expect(runs).toHaveLength(4);
});

test("a release without a run that was due starts none", async () => {
  const { monitor, clock, runs } = await running();
  const hold = monitor.hold(it);
  await hold?.idle;
  await clock.pass(5000);
  hold?.release();
  await clock.pass(1000);
  expect(runs).toHaveLength(1);
});

test("the hold is lifted in time for a run that takes as long as the last one, so that no result gets stale", async () => {
  const { monitor, clock, runs, last } = await running();
  await clock.pass(10_000);
  await clock.pass(4000);
  await last().end(); // it took 4 s
  const hold = monitor.hold(it);
  await clock.pass(30_500);
  expect(runs).toHaveLength(2);
  await clock.pass(500);
  expect(runs).toHaveLength(3);
  await clock.pass(4000);
  await last().end();
  expect(monitor.read()).toEqual(HEALTHY);
  await clock.pass(10_000); // lifted for good
  expect(runs).toHaveLength(4);
  hold?.release();
  await clock.pass(0);
  expect(runs).toHaveLength(4);
});

test("a check without a fresh result runs once more first", async () => {
  const { monitor, clock, runs, last } = await running();
  await clock.suspend(60_000);
  const hold = monitor.hold(it);
  let idle = false;
  void hold?.idle.then(() => {
    idle = true;
  });
  await settle();
  expect(runs).toHaveLength(2);
  expect(idle).toBe(false);
  await last().end();
  expect(idle).toBe(true);
  hold?.release();
});

test("a hold starts nothing once the monitor was stopped, and ends with it", async () => {
  const { monitor, clock, runs } = await running();
  await clock.pass(10_000);
  const hold = monitor.hold(it);
  monitor.abort();
  await hold?.idle;
  await clock.pass(100_000);
  hold?.release();
  await clock.pass(100_000);
  expect(runs).toHaveLength(2);
});

test("what is no check of the background has no runs to hold", async () => {
  const { monitor } = await running();
  expect(monitor.hold(backgroundCheck({ name: "another" }))).toBeUndefined();
});

/** The check with a trial of `outcome` that began so long ago. */
function replacing(clock: { now(): number }, agoMs: number) {
  const after = backgroundCheck({ target: "elsewhere" });
  const result = { check: after, startedAt: 0, start: clock.now() - agoMs, durationMs: 0, outcome: UP };
  return { groups: [[after]], trial: { changed: new Map([[after, it]]), results: [result] } };
}

test("after a reload a check that is due begins once the run of the one that it replaces has ended", async () => {
  const { monitor, clock, runs, last } = await running();
  await clock.pass(10_000);
  const old = last();
  const { groups, trial } = replacing(clock, 10_000);
  monitor.reconfigure({ ...PLAIN, groups }, trial);
  expect(old.aborted).toBe(true);
  expect(runs).toHaveLength(2);
  await settle(); // it has ended
  await clock.pass(0);
  expect(runs).toHaveLength(3);
});

test("nor does it while a request waits for that run, but its own result does not get stale by that", async () => {
  const { monitor, clock, runs, last } = setUp({ groups: [[it]] });
  monitor.start();
  void monitor.ask(newClient());
  const old = last();
  const { groups, trial } = replacing(clock, 10_000);
  monitor.reconfigure({ ...PLAIN, groups }, trial);
  expect(monitor.read()).toEqual(HEALTHY);
  await clock.pass(34_000);
  expect(old.aborted).toBe(false);
  expect(runs).toHaveLength(1);
  await clock.pass(1000);
  expect(runs).toHaveLength(2);
});
