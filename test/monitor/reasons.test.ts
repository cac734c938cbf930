// A verdict says why each check makes it unhealthy.

import { expect, test } from "bun:test";
import type { Check, Failing } from "../../src/checks/check.ts";
import type { Monitor } from "../../src/monitor/monitor.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import { fakeCheck, settle } from "./fakes.ts";
import { setUp } from "./held-runs.ts";

const FAILURE: Outcome = { ok: false, reason: "refused", message: "nobody there" };

const nothing = () => {};

const monitorOf = (checks: readonly Check[], deadlineMs?: number) => setUp({ groups: [checks], deadlineMs });

async function failing({ verdict }: Monitor): Promise<readonly Failing[]> {
  return (await verdict({ signal: new AbortController().signal })).failing;
}

test("the first question on request has its reason already, and the next one has the next", async () => {
  let outcome: Outcome = FAILURE;
  const { monitor } = monitorOf([
    fakeCheck({ name: "fine" }),
    fakeCheck({ name: "database", probe: async () => outcome }),
    fakeCheck({ name: "warned", severity: "warning", probe: async () => FAILURE }),
    fakeCheck({ name: "is-replica", severity: "endpoint", probe: async () => FAILURE }),
  ]);
  expect(await failing(monitor)).toEqual([{ name: "database", reason: "refused" }]);
  outcome = { ok: false, reason: "timeout", message: "no answer" };
  expect(await failing(monitor)).toEqual([{ name: "database", reason: "timeout" }]);
  outcome = { ok: true };
  expect(await failing(monitor)).toEqual([]);
});

test("a check that decides nothing is not waited for", async () => {
  const { monitor } = monitorOf([
    fakeCheck({ name: "database", probe: async () => FAILURE }),
    fakeCheck({ name: "slow", severity: "warning", probe: () => new Promise(nothing) }),
  ]);
  expect(await failing(monitor)).toEqual([{ name: "database", reason: "refused" }]);
});

test("what the deadline cuts is named", async () => {
  const { clock, monitor } = monitorOf([fakeCheck({ name: "hung", probe: () => new Promise(nothing) })], 1000);
  const answer = failing(monitor);
  await clock.pass(1000);
  expect(await answer).toEqual([{ name: "hung", reason: "deadline" }]);
});

test("in the background: read from memory, and stale where it is too old", async () => {
  let runs = 0;
  const probe = () => {
    runs++;
    return runs === 1 ? Promise.resolve<Outcome>({ ok: true }) : new Promise<Outcome>(nothing);
  };
  const check = fakeCheck({ name: "database", intervalMs: 10_000, staleAfterMs: 30_000, timeoutMs: 10 ** 9, probe });
  const { clock, monitor } = monitorOf([check], 1000);
  monitor.start();
  await clock.pass(1);
  expect(await failing(monitor)).toEqual([]);
  expect(runs).toBe(1);
  await clock.pass(60_000);
  const answer = failing(monitor);
  await clock.pass(1000);
  expect(await answer).toEqual([{ name: "database", reason: "stale" }]);
  monitor.abort();
});

test("in the background: the newest failure, also while too few runs have passed since", async () => {
  const refused = failed("refused", "nobody there");
  const outcomes: Outcome[] = [refused, failed("timeout", "no answer"), { ok: true }];
  const check = fakeCheck({
    name: "database",
    intervalMs: 10_000,
    rise: 2,
    probe: async () => outcomes.shift() ?? refused,
  });
  const { clock, monitor } = monitorOf([check]);
  monitor.start();
  for (const reason of ["refused", "timeout", "timeout", "refused"] as const) {
    await settle();
    expect(monitor.read()?.failing).toEqual([{ name: "database", reason }]);
    await clock.pass(10_000);
  }
  monitor.abort();
});
