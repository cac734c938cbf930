// What is remembered of checks and of the host, and for how long.

import { describe, expect, test } from "bun:test";
import type { Check, CheckState } from "../../src/checks/check.ts";
import { nextState, UNKNOWN } from "../../src/monitor/threshold.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import { Recorder } from "../../src/status/recorder.ts";
import { fakeCheck, fakeClock } from "../monitor/fakes.ts";

const EPOCH = Date.parse("2026-01-31T12:00:00.000Z");
const HOUR_MS = 3_600_000;

const up: Outcome = { ok: true };
const refused = failed("refused", "connection refused");

const at = (ms: number): string => new Date(EPOCH + ms).toISOString();

/** Gives the recorder results as the monitor does. */
function setUp(...checks: readonly Check[]) {
  const clock = fakeClock();
  const recorder = new Recorder(clock);
  recorder.watch(checks);
  const states = new Map<Check, CheckState>();
  const origin = clock.now();
  const take = (check: Check, outcome: Outcome, startMs = clock.now() - origin, durationMs = 0) => {
    const result = { check, start: origin + startMs, startedAt: EPOCH + startMs, durationMs, outcome };
    const before = states.get(check) ?? UNKNOWN;
    const after = nextState(before, result, check, false);
    states.set(check, after);
    recorder.onResult(result, before, after);
  };
  return { clock, recorder, take };
}

const a = fakeCheck({ name: "a" });
const b = fakeCheck({ name: "b" });

describe("a check", () => {
  test("that has not run has no past", () => {
    const { recorder } = setUp(a);
    expect(recorder.check("a")).toEqual({ changesLastHour: 0, lastRuns: "" });
    expect(recorder.check("unknown")).toEqual({ changesLastHour: 0, lastRuns: "" });
    expect(recorder.checkHistory("a")).toEqual({ runs: [], changes: [] });
    expect(recorder.checkHistory("unknown")).toEqual({ runs: [], changes: [] });
  });

  test("has its runs, its changes, its last failure and its last success", () => {
    const { recorder, take } = setUp(a);
    take(a, up, 0, 10);
    take(a, refused, 1000, 20);
    take(a, failed("timeout", "no answer"), 2000, 500);
    take(a, up, 4000, 30);
    expect(recorder.check("a")).toEqual({
      lastFailure: { at: at(2000), reason: "timeout", detail: "no answer" },
      lastSuccessAt: at(4000),
      changesLastHour: 2,
      lastRuns: "+--+",
    });
    expect(recorder.checkHistory("a")).toEqual({
      runs: [
        { at: at(0), ok: true, seconds: 0.01 },
        { at: at(1000), ok: false, seconds: 0.02, reason: "refused" },
        { at: at(2000), ok: false, seconds: 0.5, reason: "timeout" },
        { at: at(4000), ok: true, seconds: 0.03 },
      ],
      changes: [
        { at: at(4030), from: "down", to: "up", forSeconds: 3.01 },
        { at: at(1020), from: "up", to: "down", forSeconds: 1.01, reason: "refused", detail: "connection refused" },
        { at: at(10), from: "unknown", to: "up" },
      ],
    });
  });

  test("below its threshold has a failed run and no change", () => {
    const patient = fakeCheck({ name: "a", fall: 2 });
    const { recorder, take } = setUp(patient);
    take(patient, up, 0);
    take(patient, refused, 1000);
    expect(recorder.check("a")).toMatchObject({ lastRuns: "+-", changesLastHour: 0, lastSuccessAt: at(0) });
    expect(recorder.checkHistory("a").changes).toHaveLength(1);
  });

  test("whose run ends late has it where it began, and nothing newer is replaced by it", () => {
    const { recorder, take } = setUp(a);
    take(a, up, 2000);
    take(a, failed("exit", "newest"), 3000);
    take(a, failed("exit", "late"), 1000, 2500);
    take(a, up, 1500, 3000);
    expect(recorder.check("a")).toEqual({
      lastFailure: { at: at(3000), reason: "exit", detail: "newest" },
      lastSuccessAt: at(2000),
      changesLastHour: 1,
      lastRuns: "-++-",
    });
    expect(Object.fromEntries(recorder.counts.runs.get("a") ?? [])).toEqual({ "": 2, exit: 2 });
  });

  test("has the last 60 runs and the last 50 changes, newest changes first", () => {
    const { recorder, take } = setUp(a);
    for (let run = 0; run < 200; run++) take(a, run % 2 === 0 ? up : refused, run * 1000);
    const { runs, changes } = recorder.checkHistory("a");
    expect(runs).toHaveLength(60);
    expect(runs.at(-1)?.at).toBe(at(199_000));
    expect(changes).toHaveLength(50);
    expect(changes[0]?.at).toBe(at(199_000));
    expect(recorder.check("a").lastRuns).toBe("+-".repeat(30));
  });

  test("has its changes of the last hour counted, up to 1,000", async () => {
    const { clock, recorder, take } = setUp(a);
    take(a, refused);
    for (const outcome of [up, refused, up]) {
      await clock.pass(HOUR_MS / 4);
      take(a, outcome);
    }
    expect(recorder.check("a").changesLastHour).toBe(3);
    await clock.pass(HOUR_MS / 2 - 1);
    expect(recorder.check("a").changesLastHour).toBe(3);
    await clock.suspend(1);
    expect(recorder.check("a").changesLastHour).toBe(2);
    await clock.pass(HOUR_MS / 2);
    expect(recorder.check("a").changesLastHour).toBe(0);
    for (let run = 0; run < 1500; run++) take(a, run % 2 === 0 ? refused : up);
    expect(recorder.check("a").changesLastHour).toBe(1000);
    expect(recorder.counts.transitions.get("a")).toBe(1503);
  });

  test("has a long detail cut", () => {
    const { recorder, take } = setUp(a);
    take(a, failed("mismatch", "x".repeat(1000)));
    const cut = `${"x".repeat(200)}…`;
    expect(recorder.check("a").lastFailure?.detail).toBe(cut);
    expect(recorder.checkHistory("a").changes[0]?.detail).toBe(cut);
  });
});

test("after a reload a check that is removed or has another kind is forgotten; one that keeps both is not", () => {
  const c = fakeCheck({ name: "c" });
  const { recorder, take } = setUp(a, b, c);
  for (const check of [a, b, c]) take(check, refused);
  recorder.watch([fakeCheck({ name: "a", timeoutMs: 1 }), fakeCheck({ name: "b", kind: "other" })]);
  expect(recorder.check("a").lastRuns).toBe("-");
  expect(recorder.check("b").lastRuns).toBe("");
  expect(recorder.check("c").lastRuns).toBe("");
  const { runs, transitions } = recorder.counts;
  expect(new Map(runs)).toEqual(
    new Map([
      ["a", new Map([["refused", 1]])],
      ["b", new Map()],
    ]),
  );
  expect([...transitions.keys()]).toEqual(["a", "b"]);
});

describe("the host", () => {
  test("has its changes with what caused them; the newest causes of the state that lasts are shown", async () => {
    const { clock, recorder } = setUp();
    recorder.onHostState({ state: "unknown" });
    expect(recorder.hostChanges()).toEqual([]);
    await clock.pass(1000);
    recorder.onHostState({ state: "healthy" });
    await clock.pass(2000);
    recorder.onHostState({ state: "unhealthy", failing: [{ name: "a", reason: "refused" }] });
    await clock.pass(3000);
    recorder.onHostState({ state: "unhealthy", failing: [{ name: "b", reason: "timeout" }] });
    await clock.pass(4000);
    recorder.onHostState({ state: "drained", reason: "disk swap" });
    const shown = recorder.hostChanges();
    expect(shown.map(({ at: _, ...change }) => change)).toEqual([
      { from: "unhealthy", to: "drained", forSeconds: 7, reason: "disk swap" },
      { from: "healthy", to: "unhealthy", forSeconds: 2, failing: [{ name: "b", reason: "timeout" }] },
      { from: "unknown", to: "healthy", forSeconds: 1 },
    ]);
    for (const { at } of shown) expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
  });

  test("has its last 200 changes, each with at most 20 checks", () => {
    const { recorder } = setUp();
    const failing = Array.from({ length: 100 }, (_, index) => ({ name: `${index}`, reason: "timeout" as const }));
    for (let change = 0; change < 500; change++) {
      recorder.onHostState(change % 2 === 0 ? { state: "healthy" } : { state: "unhealthy", failing });
    }
    const changes = recorder.hostChanges();
    expect(changes).toHaveLength(200);
    expect(changes[0]).toMatchObject({ from: "healthy", to: "unhealthy", failing: failing.slice(0, 20) });
  });
});

test("answers are counted by endpoint and status, and their times in buckets; what was refused by its kind", () => {
  const { recorder } = setUp();
  const client = { address: "10.0.0.1", userAgent: "" };
  const answer = (endpoint: string, code: number, seconds: number) =>
    recorder.onAnswered(client, endpoint, code, 0, seconds);
  answer("/", 200, 0.001);
  answer("/", 200, 0.005);
  answer("/", 504, 4.5);
  answer("/db", 504, 60);
  recorder.onDisconnected(client, "/", 0, 5);
  recorder.onRefused("tls");
  recorder.onRefused("tls");
  recorder.onRefused("too_many_connections", 3);
  const { requests, answerSeconds, disconnected, refused } = recorder.counts;
  expect(new Map(requests)).toEqual(
    new Map([
      [
        "/",
        new Map([
          [200, 2],
          [504, 1],
        ]),
      ],
      ["/db", new Map([[504, 1]])],
    ]),
  );
  expect(answerSeconds).toEqual({ counts: [2, 0, 0, 0, 0, 1, 0, 0, 1], sum: 64.506 });
  expect(disconnected).toBe(1);
  expect(Object.fromEntries(refused)).toEqual({ tls: 2, too_many_connections: 3 });
});
