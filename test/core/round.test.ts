// The checks of a round run side by side; the first failure decides, and the others run on.

import { expect, test } from "bun:test";
import { type Check, type CheckResult, failed, type Outcome } from "../../src/checks/check.ts";
import { startRound } from "../../src/core/round.ts";
import { until } from "../support/until.ts";
import { fakeCheck } from "./fakes.ts";

const checkOf = (name: string, probe: Check["probe"], timeoutMs = 10_000): Check =>
  fakeCheck({ name, timeoutMs, probe });

/** A round, and its results in the order of the checks. */
function start(checks: readonly Check[]) {
  const results: CheckResult[] = [];
  const decisions: number[] = [];
  const round = startRound(checks, {
    onResult(result, index) {
      results[index] = result;
    },
    onDecided: () => decisions.push(results.filter(Boolean).length),
  });
  return { round, decisions, results: round.ended.then(() => results) };
}

const patient: Check["probe"] = (signal) =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(failed("timeout", "waited in vain"))));

test("a round of no checks ends at once", async () => {
  expect(await start([]).results).toEqual([]);
});

test("all checks have started before the first one ends, and results come in the order of the checks", async () => {
  const ends: ((outcome: Outcome) => void)[] = [];
  const checks = ["a", "b", "c"].map((name) => checkOf(name, () => new Promise((resolve) => void ends.push(resolve))));
  const { round, results } = start(checks);
  expect(ends).toHaveLength(3);
  for (const index of [2, 1, 0]) {
    expect(round.passed(index)).toBeUndefined();
    ends[index]?.({ ok: true });
    await until(() => round.passed(index));
  }
  expect((await results).map(({ check, outcome }) => [check.name, outcome.ok])).toEqual([
    ["a", true],
    ["b", true],
    ["c", true],
  ]);
});

test("a slow or broken check takes nothing from the others", async () => {
  const checks = [
    checkOf("slow", patient, 50),
    checkOf("broken", () => Promise.reject(new Error("oh no"))),
    checkOf("good", async () => ({ ok: true })),
  ];
  const results = await start(checks).results;
  expect(results.map(({ outcome }) => (outcome.ok ? "ok" : outcome.reason))).toEqual(["timeout", "internal", "ok"]);
});

test("its end ends every check that still runs, and no other", async () => {
  const { round, results } = start([checkOf("slow", patient), checkOf("good", async () => ({ ok: true }))]);
  await until(() => round.passed(1));
  round.end();
  expect((await results).map(({ outcome }) => (outcome.ok ? "ok" : outcome.reason))).toEqual(["deadline", "ok"]);
});

test("the first failure decides it, once, and what still runs has no result yet", async () => {
  const checks = [
    checkOf("slow", patient),
    checkOf("good", async () => ({ ok: true })),
    checkOf("bad", async () => failed("exit", "3")),
    checkOf("also bad", async () => failed("exit", "4")),
  ];
  const { round, decisions, results } = start(checks);
  expect([0, 1, 2, 3].map(round.passed)).toEqual([undefined, undefined, undefined, undefined]);
  await until(() => round.passed(3) !== undefined);
  expect([0, 1, 2, 3].map(round.passed)).toEqual([undefined, true, false, false]);
  expect(decisions).toEqual([2]);
  round.end();
  expect((await results).map(({ outcome }) => outcome.ok)).toEqual([false, true, false, false]);
  expect(decisions).toEqual([2]);
});

test("where all pass the last one decides it", async () => {
  const { decisions, results } = start([fakeCheck({ name: "a" }), fakeCheck({ name: "b" })]);
  await results;
  expect(decisions).toEqual([2]);
});
