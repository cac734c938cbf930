// Why the host is down, as the agent says it: the monitor is a real one.

import { expect, test } from "bun:test";
import type { Check } from "../../../src/checks/check.ts";
import { verdictOf } from "../../../src/listeners/haproxy-agent/verdict.ts";
import { createMonitor } from "../../../src/monitor/monitor.ts";
import type { Outcome } from "../../../src/outcome.ts";
import { fakeCheck, fakeClock } from "../../monitor/fakes.ts";

const FAILURE: Outcome = { ok: false, reason: "refused", message: "nobody there" };

const nothing = () => {};

function monitorOf(checks: readonly Check[], deadlineMs?: number) {
  const clock = fakeClock();
  const told = { onResult: nothing, onVerdict: nothing, onGone: nothing, onStale: nothing, onFault: nothing };
  const settings = { groups: [checks], singleflight: false, maxRounds: 16, deadlinesMs: [deadlineMs] };
  return { clock, monitor: createMonitor({ ...settings, ...told, clock }) };
}

const never = () => new AbortController().signal;

test("the first question on request has its reason already, and the next one has the next", async () => {
  let outcome: Outcome = FAILURE;
  const { monitor } = monitorOf([
    fakeCheck({ name: "fine" }),
    fakeCheck({ name: "database", probe: async () => outcome }),
    fakeCheck({ name: "warned", severity: "warning", probe: async () => FAILURE }),
    fakeCheck({ name: "is-replica", severity: "endpoint", probe: async () => FAILURE }),
  ]);
  expect(await verdictOf(monitor, never())).toEqual({
    healthy: false,
    down: [{ name: "database", reason: "refused" }],
  });
  outcome = { ok: false, reason: "timeout", message: "no answer" };
  expect(await verdictOf(monitor, never())).toEqual({
    healthy: false,
    down: [{ name: "database", reason: "timeout" }],
  });
  outcome = { ok: true };
  expect(await verdictOf(monitor, never())).toEqual({ healthy: true, down: [] });
});

test("a check that decides nothing is not waited for", async () => {
  const { monitor } = monitorOf([
    fakeCheck({ name: "database", probe: async () => FAILURE }),
    fakeCheck({ name: "slow", severity: "warning", probe: () => new Promise(nothing) }),
  ]);
  expect(await verdictOf(monitor, never())).toEqual({
    healthy: false,
    down: [{ name: "database", reason: "refused" }],
  });
});

test("what the deadline cuts is named", async () => {
  const { clock, monitor } = monitorOf([fakeCheck({ name: "hung", probe: () => new Promise(nothing) })], 1000);
  const verdict = verdictOf(monitor, never());
  await clock.pass(1000);
  expect((await verdict).down).toMatchObject([{ name: "hung" }]);
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
  expect(await verdictOf(monitor, never())).toEqual({ healthy: true, down: [] });
  expect(runs).toBe(1);
  await clock.pass(60_000);
  const verdict = verdictOf(monitor, never());
  await clock.pass(1000);
  expect(await verdict).toEqual({ healthy: false, down: [{ name: "database", reason: "stale" }] });
  monitor.abort();
});
