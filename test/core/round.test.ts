// The checks of a round run side by side, and each has its result.

import { expect, test } from "bun:test";
import { type Check, failed, type Outcome } from "../../src/checks/check.ts";
import { startRound } from "../../src/core/round.ts";

const checkOf = (name: string, probe: Check["probe"], timeoutMs = 10_000): Check => ({
  name,
  kind: "test",
  target: name,
  timeoutMs,
  probe,
});

const patient: Check["probe"] = (signal) =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(failed("timeout", "waited in vain"))));

test("a round of no checks ends at once", async () => {
  expect(await startRound([]).results).toEqual([]);
});

test("all checks have started before the first one ends, and results come in the order of the checks", async () => {
  const { promise: allStarted, resolve } = Promise.withResolvers<void>();
  let started = 0;
  const checks = ["a", "b", "c"].map((name, index) =>
    checkOf(name, async (): Promise<Outcome> => {
      if (++started === 3) resolve();
      await allStarted;
      await Bun.sleep(3 - index);
      return { ok: true };
    }),
  );
  const results = await startRound(checks).results;
  expect(results.map(({ check }) => check.name)).toEqual(["a", "b", "c"]);
  expect(results.every(({ outcome }) => outcome.ok)).toBe(true);
});

test("a slow or broken check takes nothing from the others", async () => {
  const results = await startRound([
    checkOf("slow", patient, 50),
    checkOf("broken", () => Promise.reject(new Error("oh no"))),
    checkOf("good", async () => ({ ok: true })),
  ]).results;
  expect(results.map(({ outcome }) => (outcome.ok ? "ok" : outcome.reason))).toEqual(["timeout", "internal", "ok"]);
});

test("its end ends every check that still runs, and no other", async () => {
  const round = startRound([checkOf("slow", patient), checkOf("good", async () => ({ ok: true }))]);
  setTimeout(round.end, 5);
  const results = await round.results;
  expect(results.map(({ outcome }) => (outcome.ok ? "ok" : outcome.reason))).toEqual(["deadline", "ok"]);
});
