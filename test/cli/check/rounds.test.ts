// check runs one round, or with --wait rounds until the host is healthy or the time is over.

import { expect, test } from "bun:test";
import { type Results, type RoundsOptions, runRounds } from "../../../src/cli/check/rounds.ts";
import { failed, type Outcome } from "../../../src/outcome.ts";
import { fakeCheck, fakeClock, settle } from "../../monitor/fakes.ts";

const UP: Outcome = { ok: true };
const DOWN = failed("exit", "no leader");

/** Rounds of one check whose runs are held until the test ends them. */
function start(options: Partial<RoundsOptions>) {
  const clock = fakeClock();
  const stop = new AbortController();
  const runs: ((outcome: Outcome) => Promise<void>)[] = [];
  const reported: string[] = [];
  const it: { ended: boolean; results?: Results | undefined } = { ended: false };
  const check = fakeCheck({
    timeoutMs: 60_000,
    probe: ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve(failed("timeout", "no answer")));
        runs.push(async (outcome) => {
          resolve(outcome);
          await settle();
        });
      }),
  });
  const onUnhealthy = (results: Results) => void reported.push(...reasonsOf(results));
  const given = { deadlineMs: undefined, waitMs: undefined, signal: stop.signal, onUnhealthy, clock, ...options };
  void runRounds([check], given).then((results) => {
    it.ended = true;
    it.results = results;
  });
  const last = (outcome: Outcome) => runs.at(-1)?.(outcome);
  return { it, clock, stop, runs, last, reported };
}

const reasonsOf = (results: Results = []) => results.map(({ outcome }) => (outcome.ok ? "ok" : outcome.reason));

test("without a wait there is one round, whatever its result", async () => {
  for (const outcome of [UP, DOWN]) {
    const { it, last, reported } = start({});
    await last(outcome);
    expect(it.results?.map((result) => result.outcome)).toEqual([outcome]);
    expect(reported).toEqual([]);
  }
});

test("a deadline ends a round, and without one nothing does", async () => {
  const bound = start({ deadlineMs: 300 });
  await bound.clock.pass(299);
  expect(bound.it.ended).toBe(false);
  await bound.clock.pass(1);
  expect(reasonsOf(bound.it.results)).toEqual(["deadline"]);

  const free = start({});
  await free.clock.pass(3_600_000);
  expect(free.it.ended).toBe(false);
  await free.last(UP);
  expect(reasonsOf(free.it.results)).toEqual(["ok"]);
});

test("a second after each unhealthy round the next one starts, until one is healthy", async () => {
  const { it, clock, runs, last, reported } = start({ waitMs: 60_000 });
  for (const count of [1, 2, 3]) {
    expect(runs).toHaveLength(count);
    await last(DOWN);
    await clock.pass(999);
    expect(runs).toHaveLength(count);
    await clock.pass(1);
  }
  await last(UP);
  expect(reasonsOf(it.results)).toEqual(["ok"]);
  expect(reported).toEqual(["exit", "exit", "exit"]);
});

test("after a wait in vain the last round is cut at the end, and the reason of the round before is reported", async () => {
  const { it, clock, runs, last } = start({ waitMs: 2000 });
  await last(DOWN);
  await clock.pass(1000);
  expect(runs).toHaveLength(2);
  await clock.pass(999);
  expect(it.ended).toBe(false);
  await clock.pass(1);
  expect(it.results?.map(({ outcome }) => outcome)).toEqual([DOWN]);

  const first = start({ waitMs: 500 });
  await first.clock.pass(500);
  expect(reasonsOf(first.it.results)).toEqual(["deadline"]);
});

test("a wait may end between two rounds", async () => {
  const { it, clock, runs, last } = start({ waitMs: 700 });
  await last(DOWN);
  await clock.pass(699);
  expect(it.ended).toBe(false);
  await clock.pass(1);
  expect([reasonsOf(it.results), runs.length]).toEqual([["exit"], 1]);
});

test("a signal ends it in a round and between two, without results", async () => {
  for (const isBetween of [false, true]) {
    const { it, stop, last } = start({ waitMs: 60_000 });
    if (isBetween) await last(DOWN);
    stop.abort();
    await settle();
    expect(it).toEqual({ ended: true, results: undefined });
  }
});
