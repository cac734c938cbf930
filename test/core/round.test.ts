// The checks of a round run side by side, and each has its result.

import { expect, test } from "bun:test";
import { type Check, failed, type Outcome } from "../../src/checks/check.ts";
import { startRound } from "../../src/core/round.ts";
import { fakeCheck } from "./fakes.ts";

const checkOf = (name: string, probe: Check["probe"], timeoutMs = 10_000): Check =>
  fakeCheck({ name, timeoutMs, probe });

const nothing = () => {};

const patient: Check["probe"] = (signal) =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(failed("timeout", "waited in vain"))));

test("a round of no checks ends at once", async () => {
  expect(await startRound([], nothing).results).toEqual([]);
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
  const results = await startRound(checks, nothing).results;
  expect(results.map(({ check }) => check.name)).toEqual(["a", "b", "c"]);
  expect(results.every(({ outcome }) => outcome.ok)).toBe(true);
});

test("a slow or broken check takes nothing from the others", async () => {
  const checks = [
    checkOf("slow", patient, 50),
    checkOf("broken", () => Promise.reject(new Error("oh no"))),
    checkOf("good", async () => ({ ok: true })),
  ];
  const results = await startRound(checks, nothing).results;
  expect(results.map(({ outcome }) => (outcome.ok ? "ok" : outcome.reason))).toEqual(["timeout", "internal", "ok"]);
});

test("its end ends every check that still runs, and no other", async () => {
  const round = startRound([checkOf("slow", patient), checkOf("good", async () => ({ ok: true }))], nothing);
  setTimeout(round.end, 5);
  const results = await round.results;
  expect(results.map(({ outcome }) => (outcome.ok ? "ok" : outcome.reason))).toEqual(["deadline", "ok"]);
});

test("it is decided when the last check that decides has ended, whatever is only reported still does", async () => {
  const { promise: decided, resolve } = Promise.withResolvers<void>();
  const checks = [
    fakeCheck({ name: "slow", severity: "warning", probe: patient }),
    fakeCheck({ name: "bad", probe: async () => failed("exit", "3") }),
    fakeCheck({ name: "good" }),
  ];
  const round = startRound(checks, resolve);
  expect([0, 1, 2].map(round.passed)).toEqual([false, false, false]);
  await decided;
  expect([0, 1, 2].map(round.passed)).toEqual([false, false, true]);
  round.end();
  expect((await round.results).map(({ outcome }) => outcome.ok)).toEqual([false, false, true]);
});
