// A reload does harm if the host, or an endpoint, is healthy now and would not be after it.

import { expect, test } from "bun:test";
import type { Check, Severity } from "../../src/checks/check.ts";
import type { Plan } from "../../src/daemon/plan.ts";
import { describeHarm, runTrial, type TrialReport } from "../../src/daemon/trial.ts";
import { Monitor } from "../../src/monitor/monitor.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import { fakeCheck, settle } from "../monitor/fakes.ts";
import { backgroundCheck, setUp } from "../monitor/held-runs.ts";
import { NO_CHANGE } from "./no-change.ts";

const UP: Outcome = { ok: true };
const DOWN = failed("refused", "no listener on 127.0.0.1:1");

/** What a check answers, how it decides, and whether the reload changes it. */
interface Given {
  readonly is?: Outcome;
  readonly becomes?: Outcome;
  readonly severity?: Severity;
  readonly wasSeverity?: Severity;
}

interface Settings {
  readonly endpoints?: Readonly<Record<string, readonly string[]>>;
  /** The deadline of the host, then those of the endpoints. */
  readonly deadlinesMs?: readonly (number | undefined)[];
}

const never = (): never => {
  throw new Error("called");
};

/** As a refusal words it. */
const harmOf = ({ harm }: TrialReport): readonly string[] => harm.map((one) => describeHarm(one, false));

/** A trial in which all states are known, so that nothing is asked for. */
const tryKnown = (current: Plan, next: Plan, states: Monitor["states"]) =>
  runTrial(current, next, { states, verdict: never, hold: never }, new AbortController().signal);

/** A plan of these checks. */
function planOf(
  checks: ReadonlyMap<string, Check>,
  { endpoints = {}, deadlinesMs = [] }: Settings,
  change: Plan["change"],
): Plan {
  const groups = [
    [...checks.values()],
    ...Object.values(endpoints).map((names) => names.flatMap((name) => checks.get(name) ?? [])),
  ];
  const options = { endpoints: Object.entries(endpoints).map(([path, checks]) => ({ path, checks })) };
  return {
    options,
    checks: [...checks.values()],
    settings: { groups, singleflight: false, maxRounds: 16, deadlinesMs },
    change,
  } as unknown as Plan;
}

/** Checks by name: `is` alone stays, `is` and `becomes` changes, `becomes` alone is new. */
async function tryOut(given: Readonly<Record<string, Given>>, before: Settings = {}, after: Settings = before) {
  const old = new Map<string, Check>();
  const next = new Map<string, Check>();
  const changed = new Map<Check, Check>();
  const added: Check[] = [];
  let asked = 0;
  for (const [name, { is, becomes, severity = "critical", wasSeverity = severity }] of Object.entries(given)) {
    const was =
      is &&
      fakeCheck({
        name,
        severity: wasSeverity,
        async probe() {
          asked++;
          return is;
        },
      });
    const now = becomes && fakeCheck({ name, severity, probe: async () => becomes });
    if (was) old.set(name, was);
    const check = now ?? was;
    if (check) next.set(name, check);
    if (was && now) changed.set(now, was);
    else if (now) added.push(now);
  }
  const current = planOf(old, before, NO_CHANGE);
  const monitor = new Monitor({
    ...current.settings,
    onResult() {},
    onVerdict() {},
    onGone: never,
    onStale: never,
    onFault: never,
  });
  const report = await runTrial(
    current,
    planOf(next, after, { ...NO_CHANGE, changed, added }),
    monitor,
    new AbortController().signal,
  );
  return { ...report, harm: harmOf(report), asked: () => asked };
}

test("checks that pass do no harm, nor does a reload that changes no check", async () => {
  expect(await tryOut({ a: { is: UP, becomes: UP }, b: { becomes: UP } })).toMatchObject({ harm: [], warnings: [] });
  expect(await tryOut({ a: { is: UP } })).toMatchObject({ harm: [], warnings: [] });
});

test("a changed or a new check that fails turns a healthy host unhealthy, each with its reason", async () => {
  const { harm, warnings } = await tryOut({
    a: { is: UP },
    b: { is: UP, becomes: DOWN },
    c: { becomes: { ...failed("exit", "ended with status 3"), output: "one\nno disk\n" } },
  });
  expect(harm).toEqual([
    "check b would turn the host unhealthy: refused: no listener on 127.0.0.1:1",
    "check c would turn the host unhealthy: exit: ended with status 3; its output ends in: no disk",
  ]);
  expect(warnings).toEqual([]);
});

test("if no request has come yet, the host and each endpoint are asked for", async () => {
  const { asked } = await tryOut({ a: { is: UP }, b: { is: UP } }, { endpoints: { "/b": ["b"] } });
  expect(asked()).toBeGreaterThan(1);
});

test("a host that is unhealthy already is not harmed", async () => {
  const { harm, warnings } = await tryOut({ a: { is: DOWN }, b: { becomes: DOWN } });
  expect(harm).toEqual([]);
  expect(warnings).toEqual(["check b fails: refused: no listener on 127.0.0.1:1"]);
});

test("a check of severity warning or endpoint does not harm the host; a check that becomes critical does", async () => {
  for (const severity of ["warning", "endpoint"] as const) {
    const { harm, warnings } = await tryOut({ a: { is: UP }, b: { becomes: DOWN, severity } });
    expect({ harm, warnings }).toEqual({ harm: [], warnings: [expect.stringContaining("check b fails")] });
  }
  const turned = await tryOut({ a: { is: UP }, b: { is: DOWN, becomes: DOWN, wasSeverity: "warning" } });
  expect(turned.harm).toEqual([expect.stringContaining("check b would turn the host unhealthy")]);
});

test("a reload may not turn a healthy endpoint unhealthy, whatever the severity of its checks", async () => {
  const endpoints = { "/replica": ["replica"] };
  const given = { a: { is: UP }, replica: { is: UP, becomes: DOWN, severity: "endpoint" } } as const;
  expect((await tryOut(given, { endpoints })).harm).toEqual([
    "check replica would turn /replica unhealthy: refused: no listener on 127.0.0.1:1",
  ]);
  const both = await tryOut({ a: { is: UP, becomes: DOWN } }, { endpoints: { "/a": ["a"] } });
  expect(both.harm).toEqual([expect.stringContaining("would turn the host and /a unhealthy")]);
});

test("a new endpoint that is unhealthy is no harm, and gets a warning if the host is healthy", async () => {
  const endpoints = { "/replica": ["replica", "lag"] };
  const primary = {
    a: { is: UP },
    replica: { is: DOWN, severity: "endpoint" },
    lag: { becomes: DOWN, severity: "endpoint" },
  } as const;
  const { harm, warnings } = await tryOut(primary, {}, { endpoints });
  expect({ harm, warnings }).toEqual({
    harm: [],
    warnings: [
      "new endpoint /replica is unhealthy; without it, that path gets the answer of the host, which is healthy: check replica: refused: no listener on 127.0.0.1:1 (and 1 more)",
    ],
  });
  expect((await tryOut({ ...primary, a: { is: DOWN } }, {}, { endpoints })).warnings).toEqual([
    "check lag fails: refused: no listener on 127.0.0.1:1",
    "check replica fails: refused: no listener on 127.0.0.1:1",
  ]);
});

test("the path of a removed or renamed endpoint is answered as the host is", async () => {
  const before = { endpoints: { "/db": ["db"] } };
  const given = { a: { is: DOWN }, b: { is: UP }, db: { is: UP, severity: "endpoint" } } as const;
  const refused = [
    "/db would turn unhealthy: it is no longer an endpoint, and the host is unhealthy: check a: refused: no listener on 127.0.0.1:1",
  ];
  expect((await tryOut(given, before, {})).harm).toEqual(refused);
  expect((await tryOut(given, before, { endpoints: { "/data": ["db"] } })).harm).toEqual(refused);
  // The host is healthy; or the endpoint is not.
  expect((await tryOut({ ...given, a: { is: UP } }, before, {})).harm).toEqual([]);
  expect((await tryOut({ ...given, db: { is: DOWN, severity: "endpoint" } }, before, {})).harm).toEqual([]);
  // The host is healthy before the reload.
  expect((await tryOut({ ...given, a: { is: UP, becomes: DOWN } }, before, {})).harm).toEqual([
    "check a would turn the host unhealthy: refused: no listener on 127.0.0.1:1",
    ...refused,
  ]);
});

test("an unchanged check that is down harms the endpoint that it is added to", async () => {
  const { harm } = await tryOut(
    { a: { is: UP }, lag: { is: DOWN, severity: "warning" } },
    { endpoints: { "/db": ["a"] } },
    { endpoints: { "/db": ["a", "lag"] } },
  );
  expect(harm).toEqual(["check lag would turn /db unhealthy: refused: no listener on 127.0.0.1:1"]);
});

test.each([
  ["is down by now", "up", UP, DOWN, ["check b would turn /e unhealthy: refused: no listener on 127.0.0.1:1"]],
  ["is up again", "down", DOWN, UP, []],
  ["has not run yet", "unknown", undefined, UP, []],
] as const)(
  "a check that is added to an endpoint runs, whatever is known of it: it %s",
  async (_, status, was, is, harm) => {
    const a = fakeCheck({ name: "a", probe: async () => UP });
    const b = fakeCheck({ name: "b", severity: "endpoint", probe: async () => is });
    const checks = new Map([
      ["a", a],
      ["b", b],
    ]);
    const last = (check: Check, outcome: Outcome) => ({ check, startedAt: 0, start: 0, durationMs: 1, outcome });
    const states = () => [
      { check: a, state: { status: "up" as const, streak: 1, since: 0, last: last(a, UP) }, stale: false },
      { check: b, state: { status, streak: 1, since: 0, ...(was && { last: last(b, was) }) }, stale: false },
    ];
    const plan = (names: readonly string[]) => planOf(checks, { endpoints: { "/e": names } }, NO_CHANGE);
    const report = await tryKnown(plan(["a"]), plan(["a", "b"]), states);
    expect(harmOf(report)).toEqual([...harm]);
    expect(report.trial.results.map(({ check }) => check.name)).toEqual(["b"]);
  },
);

test("a deadline that is shorter than a check takes would turn the host unhealthy", async () => {
  const slow = fakeCheck({ name: "slow" });
  const plan = (deadlineMs: number) => planOf(new Map([["slow", slow]]), { deadlinesMs: [deadlineMs] }, NO_CHANGE);
  const last = { check: slow, startedAt: 0, start: 0, durationMs: 2000, outcome: UP };
  const states = () => [{ check: slow, state: { status: "up" as const, streak: 1, since: 0, last }, stale: false }];
  const report = await tryKnown(plan(4500), plan(1000), states);
  expect(harmOf(report)).toEqual([
    "check slow would turn the host unhealthy: it takes 2s, longer than the deadline of 1s",
  ]);
  // The answer is 504 before the reload as well.
  expect((await tryKnown(plan(1500), plan(1000), states)).harm).toEqual([]);
});

test("a check may take longer than the deadline of the host, and not longer than that of its endpoint", async () => {
  const slow = fakeCheck({ name: "slow" });
  const endpoints = { "/slow": ["slow"] };
  const plan = (...deadlinesMs: readonly (number | undefined)[]) =>
    planOf(new Map([["slow", slow]]), { endpoints, deadlinesMs }, NO_CHANGE);
  const last = { check: slow, startedAt: 0, start: 0, durationMs: 6000, outcome: UP };
  const states = () => [{ check: slow, state: { status: "up" as const, streak: 1, since: 0, last }, stale: false }];
  const harmBy = async (after: Plan) => harmOf(await tryKnown(plan(undefined, undefined), after, states));
  expect(await harmBy(plan(4500, undefined))).toEqual([
    "check slow would turn the host unhealthy: it takes 6s, longer than the deadline of 4s500ms",
  ]);
  expect(await harmBy(plan(undefined, 4500))).toEqual([
    "check slow would turn /slow unhealthy: it takes 6s, longer than the deadline of 4s500ms",
  ]);
});

test("every run ends when the signal aborts", async () => {
  const stop = new AbortController();
  const hangs = fakeCheck({
    name: "hangs",
    probe: ({ signal }) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(failed("timeout", "hung")))),
  });
  const current = planOf(new Map(), {}, NO_CHANGE);
  const next = planOf(new Map([["hangs", hangs]]), {}, { ...NO_CHANGE, added: [hangs] });
  const trial = runTrial(current, next, { states: () => [], verdict: never, hold: never }, stop.signal);
  stop.abort();
  expect((await trial).trial.results).toHaveLength(1);
});

test("a background check does not run at the same time as the one that replaces it; others do not wait", async () => {
  const before = backgroundCheck({ name: "locks" });
  const { monitor, clock, runs, last } = setUp({ groups: [[before]] });
  monitor.start();
  await last("locks").end();
  await clock.pass(10_000); // it runs
  const ends: ((outcome: Outcome) => void)[] = [];
  const held = (name: string) =>
    fakeCheck({ name, intervalMs: 10_000, probe: () => new Promise((resolve) => ends.push(resolve)) });
  const [after, slow] = [held("locks"), held("slow")];
  const change = { ...NO_CHANGE, changed: new Map([[after, before]]), added: [slow] };
  const current = planOf(new Map([["locks", before]]), {}, NO_CHANGE);
  const next = planOf(new Map(Object.entries({ locks: after, slow })), {}, change);
  const trial = runTrial(current, next, monitor, new AbortController().signal);
  await settle();
  expect(ends).toHaveLength(1); // slow alone
  await last("locks").end();
  expect(ends).toHaveLength(2);
  await clock.pass(10_000);
  expect(runs).toHaveLength(2);
  ends[1]?.(UP);
  await settle();
  await clock.pass(0);
  expect(runs).toHaveLength(3); // the hold has ended with its own trial, though another runs on
  ends[0]?.(UP);
  expect((await trial).harm).toEqual([]);
});

test("a trial that waits for a run ends when the signal aborts", async () => {
  const before = backgroundCheck({ name: "hangs" });
  const { monitor } = setUp({ groups: [[before]] });
  monitor.start();
  const after = fakeCheck({ name: "hangs", probe: never });
  const stop = new AbortController();
  const trial = runTrial(
    planOf(new Map([["hangs", before]]), {}, NO_CHANGE),
    planOf(new Map([["hangs", after]]), {}, { ...NO_CHANGE, changed: new Map([[after, before]]) }),
    monitor,
    stop.signal,
  );
  await settle();
  stop.abort();
  expect((await trial).trial.results).toEqual([]);
});

/** A reload that does not change the probe of a check, which is up after two failures and fails again. */
async function retime(given: Partial<Check>, before = backgroundCheck({ fall: 100 }), was: Settings = {}) {
  const after = backgroundCheck({ fall: 100, ...given, probe: async () => DOWN });
  const last = { check: before, startedAt: 0, start: 0, durationMs: 1, outcome: DOWN };
  const up = backgroundCheck({ name: "up" });
  const states = () => [
    { check: before, state: { status: "up" as const, streak: 2, since: 0, last }, stale: false },
    { check: up, state: { status: "up" as const, streak: 2, since: 0, last: { ...last, outcome: UP } }, stale: false },
  ];
  const plan = (it: Check, settings: Settings, change = NO_CHANGE) =>
    planOf(new Map(Object.entries({ it, up })), settings, change);
  const change = { ...NO_CHANGE, changed: new Map([[after, before]]), sameProbe: new Set([after]) };
  const hold = () => ({ idle: Promise.resolve(), release() {} });
  const monitor = { states, verdict: never, hold };
  const report = await runTrial(plan(before, was), plan(after, {}, change), monitor, new AbortController().signal);
  return { harm: harmOf(report), warnings: report.warnings };
}

test("a background check that is up may get other thresholds and counts as down only by them", async () => {
  const fails = "check it fails: refused: no listener on 127.0.0.1:1";
  const harm = "check it would turn the host unhealthy: refused: no listener on 127.0.0.1:1";
  expect(await retime({ fall: 200 })).toEqual({ harm: [], warnings: [fails] });
  expect(await retime({ intervalMs: 20_000, rise: 3, fall: 4 })).toEqual({ harm: [], warnings: [fails] });
  // Also for the path of an endpoint that is removed: the host is up.
  const removed = { endpoints: { "/up": ["up"] } };
  expect(await retime({ fall: 200 }, undefined, removed)).toEqual({ harm: [], warnings: [fails] });
  expect(await retime({ fall: 3 })).toEqual({ harm: [harm], warnings: [] });
  // It must pass for what it did not decide before.
  expect(await retime({}, backgroundCheck({ severity: "warning" }))).toEqual({ harm: [harm], warnings: [] });
  // A check on request does not count its failures.
  expect(await retime({}, fakeCheck())).toEqual({ harm: [harm], warnings: [] });
});
