// The state of the host, and how long it has lasted.

import { expect, test } from "bun:test";
import type { Verdict } from "../../src/checks/check.ts";
import { type DrainState, reduce, withoutClock } from "../../src/drain/state.ts";
import { HostStateTracker, hostState } from "../../src/status/host-state.ts";
import type { HostState } from "../../src/status/recorder.ts";
import { fakeClock } from "../monitor/fakes.ts";

const HEALTHY: Verdict = { healthy: true, failing: [], at: 0 };
const FAILING: Verdict = { healthy: false, failing: [{ name: "cache", reason: "refused" }], at: 0 };
const DRAIN = { since: 1000, reason: "bad disk" };
const MAINTENANCE = { since: 2000, until: 3000, reason: "disk swap" };

test("the first that applies is the state, with what decides it", () => {
  const rows: readonly [Verdict | undefined, DrainState | undefined, HostState][] = [
    [HEALTHY, undefined, { state: "healthy" }],
    [FAILING, undefined, { state: "unhealthy", failing: FAILING.failing }],
    [undefined, undefined, { state: "unknown" }],
    [FAILING, { stopping: false, drain: DRAIN }, { state: "drained", reason: "bad disk" }],
    [
      HEALTHY,
      { stopping: false, drain: DRAIN, maintenance: MAINTENANCE },
      { state: "maintenance", reason: "disk swap" },
    ],
    [undefined, { stopping: true, drain: DRAIN, maintenance: MAINTENANCE }, { state: "stopping" }],
  ];
  for (const [verdict, drainState, state] of rows) expect(hostState(verdict, drainState)).toEqual(state);
});

function setUp(first: { verdict?: Verdict; drainState?: DrainState } = {}) {
  const clock = fakeClock();
  const subject: { verdict: Verdict | undefined; drainState: DrainState | undefined } = {
    verdict: first.verdict,
    drainState: first.drainState,
  };
  const tracker = new HostStateTracker({ verdict: () => subject.verdict, drainState: () => subject.drainState }, clock);
  const heard: HostState[] = [];
  tracker.listen((state) => heard.push(state));
  const read = () => {
    const { state, forMs } = tracker.review();
    return [state, forMs];
  };
  return { clock, subject, heard, read };
}

test("a state lasts until it is another one, whatever fails in it, and each review is reported", async () => {
  const { clock, subject, heard, read } = setUp();
  expect(read()).toEqual(["unknown", 0]);
  await clock.pass(300);
  expect(read()).toEqual(["unknown", 300]);
  subject.verdict = FAILING;
  expect(read()).toEqual(["unhealthy", 0]);
  await clock.suspend(5000);
  subject.verdict = { ...FAILING, failing: [{ name: "search", reason: "timeout" }] };
  expect(read()).toEqual(["unhealthy", 5000]);
  subject.drainState = { stopping: false, drain: DRAIN };
  expect(read()).toEqual(["drained", 0]);
  subject.verdict = HEALTHY;
  await clock.pass(7);
  expect(read()).toEqual(["drained", 7]);
  subject.drainState = undefined;
  expect(read()).toEqual(["healthy", 0]);
  expect(heard.map(({ state, failing }) => [state, ...(failing ?? []).map(({ name }) => name)])).toEqual([
    ["unknown"],
    ["unknown"],
    ["unhealthy", "cache"],
    ["unhealthy", "search"],
    ["drained"],
    ["drained"],
    ["healthy"],
  ]);
});

test("a drain that was restored at the start has lasted since it began", () => {
  const drained = reduce({ stopping: false }, { kind: "drain" }, { nowMs: 0, epochMs: Date.now() - 60_000 });
  const [state, forMs] = setUp({ drainState: { stopping: false, ...withoutClock(drained) } }).read();
  expect(state).toBe("drained");
  expect(forMs).toBeWithin(60_000, 70_000);
});
