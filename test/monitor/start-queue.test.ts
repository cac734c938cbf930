// However many runs are due at once: requests are answered in between, and none is started twice or left out.

import { expect, test } from "bun:test";
import { StartQueue } from "../../src/monitor/start-queue.ts";
import { fakeCheck, fakeClock, settle } from "./fakes.ts";
import { AskedMonitor, newClient } from "./held-runs.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A clock that each start takes a quarter of a millisecond of. */
function queueOf(onStart: (job: number, queue: StartQueue<number>) => void) {
  let now = 7;
  const queue: StartQueue<number> = new StartQueue<number>({ now: () => now }, (job) => {
    now += 0.25;
    onStart(job, queue);
  });
  return queue;
}

test("what takes long to start leaves the event loop a turn after half a millisecond", async () => {
  const started: number[] = [];
  const queue = queueOf((job) => started.push(job));
  queue.add([1, 2, 3, 4, 5]);
  expect(started).toEqual([1, 2]);
  queue.add([6]);
  expect(started).toEqual([1, 2]);
  await turn();
  expect(started).toEqual([1, 2, 3, 4]);
  await turn();
  expect(started).toEqual([1, 2, 3, 4, 5, 6]);
  queue.add([7]);
  expect(started).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("what is added by a start comes after the others", async () => {
  const started: number[] = [];
  const queue = queueOf((job, self) => {
    started.push(job);
    if (job === 1) self.add([4]);
  });
  queue.add([1, 2, 3]);
  for (let count = 0; count < 3; count++) await turn();
  expect(started).toEqual([1, 2, 3, 4]);
});

test("nothing starts after it was cleared", async () => {
  const started: number[] = [];
  const queue = queueOf((job) => started.push(job));
  queue.add([1, 2, 3]);
  queue.clear();
  await turn();
  expect(started).toEqual([1, 2]);
});

/** Fifty checks, of which only one starts in a turn of the loop. */
function slowToStart() {
  const host = fakeClock();
  let spent = 0;
  const clock = { ...host, now: () => host.now() + spent };
  const started: string[] = [];
  const checks = Array.from({ length: 50 }, (_, index) => fakeCheck({ name: `${index}`, intervalMs: 10_000 }));
  const monitor = new AskedMonitor({
    groups: [checks],
    singleflight: false,
    maxRounds: 16,
    clock,
    random: () => 0.5,
    run: (check) => {
      started.push(check.name);
      spent += 1;
      return { check, startedAt: 0, start: clock.now(), durationMs: 1, outcome: { ok: true } };
    },
    onResult() {},
    onVerdict() {},
    onStale() {},
    onGone() {},
    onFault(error) {
      throw error;
    },
  });
  return { monitor, checks, started };
}

test("a check that a request has started meanwhile is not started again", async () => {
  const { monitor, checks, started } = slowToStart();
  monitor.start();
  expect(started).toEqual(["0"]);
  expect((await monitor.ask(newClient())).healthy).toBe(true);
  for (let count = 0; count < checks.length; count++) await turn();
  expect(started.toSorted()).toEqual(checks.map(({ name }) => name).toSorted());
  monitor.abort();
});

test("after a reload those that remain start once each, and those that it drops do not", async () => {
  const { monitor, checks, started } = slowToStart();
  monitor.start();
  const left = checks.filter((_, index) => index % 2 === 0);
  monitor.reconfigure({ groups: [left], singleflight: false, maxRounds: 16 });
  for (let count = 0; count < checks.length; count++) await turn();
  expect(started.toSorted()).toEqual(left.map(({ name }) => name).toSorted());
  monitor.abort();
});

test("nothing starts after the end", async () => {
  const { monitor, started } = slowToStart();
  monitor.start();
  monitor.abort();
  await settle();
  expect(started).toEqual(["0"]);
});
