// The checks of a batch run side by side.

import { expect, test } from "bun:test";
import { Batch } from "../../src/checks/batch.ts";
import type { Check, CheckResult } from "../../src/checks/check.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import { fakeCheck, settle } from "../monitor/fakes.ts";

const checkOf = (name: string, probe: Check["probe"], timeoutMs = 10_000): Check =>
  fakeCheck({ name, timeoutMs, probe });

/** A batch, and its results in the order of the checks. */
function start(checks: readonly Check[]) {
  const results: CheckResult[] = [];
  const batch = new Batch(checks);
  batch.start((result, index) => {
    results[index] = result;
  });
  return { batch, results: batch.ended.then(() => results) };
}

const patient: Check["probe"] = ({ signal }) =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(failed("timeout", "waited in vain"))));

test("a batch of no checks ends at once", async () => {
  expect(await start([]).results).toEqual([]);
});

test("all checks have started before the first one ends, and results come in the order of the checks", async () => {
  const ends: ((outcome: Outcome) => void)[] = [];
  const checks = ["a", "b", "c"].map((name) => checkOf(name, () => new Promise((resolve) => void ends.push(resolve))));
  const { results } = start(checks);
  expect(ends).toHaveLength(3);
  for (const index of [2, 1, 0]) {
    ends[index]?.({ ok: true });
    await settle();
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
  const { batch, results } = start([checkOf("slow", patient), checkOf("good", async () => ({ ok: true }))]);
  await settle();
  batch.end();
  expect((await results).map(({ outcome }) => (outcome.ok ? "ok" : outcome.reason))).toEqual(["deadline", "ok"]);
});

test("a check that ends at once ends after all have started, and before the start returns", () => {
  const events: string[] = [];
  const checks = ["a", "b"].map((name) =>
    checkOf(name, () => {
      events.push(`${name} starts`);
      return { ok: true };
    }),
  );
  new Batch(checks).start(({ check }) => events.push(`${check.name} ends`));
  expect(events).toEqual(["a starts", "b starts", "a ends", "b ends"]);
});
