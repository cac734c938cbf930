// What is logged about checks and the host. The states come from results by the rules of the monitor.

import { expect, test } from "bun:test";
import type { Check, CheckState, Verdict } from "../../src/checks/check.ts";
import { createEventLog } from "../../src/daemon/event-log.ts";
import { createLog } from "../../src/log/log.ts";
import { nextState, UNKNOWN } from "../../src/monitor/threshold.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import { NO_CHANGE } from "../../src/status/status.ts";
import { fakeCheck, fakeClock } from "../monitor/fakes.ts";

const UP: Outcome = { ok: true };
const REFUSED = failed("refused", "no listener");
const TIMEOUT = failed("timeout", "nothing came");
const SECOND = 1000;
const MINUTE = 60 * SECOND;

function setUp(isDrained?: () => boolean) {
  const clock = fakeClock();
  const lines: string[] = [];
  const report = createEventLog(
    createLog("info", (line) => lines.push(line.trimEnd()), "journal"),
    clock,
    isDrained,
  );
  const states = new Map<Check, CheckState>();
  let verdict: Verdict | undefined;
  return {
    clock,
    lines,
    report,
    result(outcome: Outcome, check: Check = it) {
      const before = states.get(check) ?? UNKNOWN;
      const result = { check, startedAt: 0, start: clock.now(), durationMs: 0, outcome };
      const after = nextState(before, result, check, false);
      states.set(check, after);
      report.onResult(result, before, after);
    },
    judge(healthy: boolean, failing: readonly string[] = []) {
      const before = verdict;
      verdict = { healthy, failing: failing.map((name) => ({ name, reason: "refused" as const })), at: 0 };
      report.onVerdict(verdict, before);
    },
    /** The lines since the last call. */
    news: () => lines.splice(0),
  };
}

const it = fakeCheck();

test("a change is logged with its reason and the duration of the previous state, including a suspension of the host", async () => {
  const { clock, result, news } = setUp();
  result(UP);
  expect(news()).toEqual(["<6>check is up check=it seconds=0"]);
  await clock.pass(2 * SECOND);
  await clock.suspend(60 * MINUTE);
  result(REFUSED);
  expect(news()).toEqual(['<4>check is down check=it reason=refused detail="no listener" seconds=0 up-for=1h']);
  await clock.suspend(3 * SECOND);
  result(UP);
  expect(news()).toEqual(["<6>check is up check=it seconds=0 down-for=3s"]);
});

test("a check that stays down is logged again after five minutes, and after a suspension of five minutes", async () => {
  const { clock, result, news } = setUp();
  result(REFUSED);
  news();
  await clock.pass(5 * MINUTE - 1);
  result(REFUSED);
  expect(news()).toEqual([]);
  await clock.pass(1);
  result(REFUSED);
  const still = '<4>check is still down check=it reason=refused detail="no listener" seconds=0';
  expect(news()).toEqual([`${still} down-for=5m`]);
  await clock.suspend(5 * MINUTE);
  result(REFUSED);
  expect(news()).toEqual([`${still} down-for=10m`]);
});

test("a check that was down before the log began is logged as still down, with the whole duration", async () => {
  const { clock, report, news } = setUp();
  const result = { check: it, startedAt: 0, start: clock.now(), durationMs: 0, outcome: REFUSED };
  const state = nextState(UNKNOWN, result, it, false);
  await clock.suspend(MINUTE);
  report.onResult(result, state, state);
  expect(news()).toEqual(['<4>check is still down check=it reason=refused detail="no listener" seconds=0 down-for=1m']);
});

test("a check with severity endpoint that is down or stale is logged at info", async () => {
  const { clock, result, report, news } = setUp();
  const replica = fakeCheck({ name: "replica", severity: "endpoint" });
  const warned = fakeCheck({ name: "warned", severity: "warning" });
  const why = 'reason=refused detail="no listener" seconds=0';
  for (const check of [replica, warned]) result(REFUSED, check);
  expect(news()).toEqual([`<6>check is down check=replica ${why}`, `<4>check is down check=warned ${why}`]);
  await clock.pass(5 * MINUTE);
  for (const check of [replica, warned]) result(REFUSED, check);
  expect(news()).toEqual([
    `<6>check is still down check=replica ${why} down-for=5m`,
    `<4>check is still down check=warned ${why} down-for=5m`,
  ]);
  for (const check of [replica, warned]) report.onStale(check, 5000);
  expect(news()).toEqual([
    "<6>check result is stale check=replica reason=stale age=5s",
    "<4>check result is stale check=warned reason=stale age=5s",
  ]);
  result(UP, replica);
  expect(news()).toEqual(["<6>check is up check=replica seconds=0 down-for=5m"]);
  result({ ok: true, warning: "the resolver does not answer" }, replica);
  expect(news()).toEqual(['<4>check passed with a warning check=replica warning="the resolver does not answer"']);
});

test("a check that changes every second for an hour gets five lines, and then one every five minutes", async () => {
  const { clock, result, news } = setUp();
  for (let second = 0; second < 3600; second++) {
    result(second % 2 === 0 ? UP : REFUSED);
    await clock.pass(SECOND);
  }
  const lines = news();
  expect(lines).toHaveLength(5 + 11);
  expect(lines.slice(5).every((line) => / suppressed=29[89] ago=1s$/.test(line))).toBe(true);
  await clock.pass(MINUTE);
  expect(news()).toEqual([
    '<4>check is down check=it reason=refused detail="no listener" seconds=0 up-for=1s suppressed=295 ago=5s',
  ]);
});

test("the lines of a host, a reason and a warning that change every second are limited too", async () => {
  const { clock, result, judge, news } = setUp();
  result(REFUSED);
  news();
  for (let second = 0; second < 600; second++) {
    judge(second % 2 === 0, second % 2 === 0 ? [] : ["it"]);
    result(second % 2 === 0 ? TIMEOUT : REFUSED, it);
    result(second % 2 === 0 ? { ok: true, warning: "load" } : UP, other);
    await clock.pass(SECOND);
  }
  const lines = news();
  const of = (pattern: RegExp) => lines.filter((line) => pattern.test(line));
  expect(of(/host is/)).toHaveLength(6);
  expect(of(/check passed with a warning|warning cleared/)).toHaveLength(6);
  expect(of(/check is (still )?down/).length).toBeWithin(5, 8);
  expect(lines.length).toBeLessThan(22);
});

test("faults of a probe, stale checks and faults of health-checker cannot flood the log", async () => {
  const { clock, result, report, news } = setUp();
  const broken = failed("internal", "TypeError\n    at probe.ts:1");
  for (let second = 0; second < 200; second++) {
    result(broken);
    report.onStale(other, 5000);
    report.onFault(new Error("no"));
    report.onAnswerFault(new Error("neither"));
    await clock.pass(SECOND);
  }
  expect(news()).toHaveLength(1 + 4 * 5);
  await clock.pass(MINUTE);
  expect(news()).toEqual([
    expect.stringMatching(/^<3>internal error in a probe; please report it .* suppressed=194 ago=\S+$/),
    "<4>check result is stale check=other reason=stale age=5s suppressed=194 ago=1m",
    expect.stringMatching(/^<3>internal error; please report it .* suppressed=194 ago=1m$/),
    expect.stringMatching(/^<3>internal error while answering; please report it .* suppressed=194 ago=1m$/),
  ]);
});

test("a thousand checks that go down at once get a line each, and the line of the host names the first twenty", () => {
  const { result, judge, news } = setUp();
  const checks = Array.from({ length: 1000 }, (_, index) => fakeCheck({ name: `c${index}` }));
  for (const check of checks) result(UP, check);
  news();
  for (const check of checks) result(REFUSED, check);
  judge(
    false,
    checks.map(({ name }) => name),
  );
  const lines = news();
  expect(lines).toHaveLength(1001);
  const names = checks.slice(0, 20).map(({ name }) => name);
  expect(lines.at(-1)).toBe(`<4>host is unhealthy failing="${names.join(", ")} and 980 more"`);
});

const other = fakeCheck({ name: "other" });

const REFUSED_RELOAD = {
  at: "",
  taken: false,
  dryRun: false,
  forcible: false,
  warnings: [],
  trialWarnings: [],
  ...NO_CHANGE,
};

const ALL_CHANGES = {
  kept: 3,
  changed: ["a"],
  kindChanged: ["b"],
  added: ["c"],
  removed: ["d"],
  options: ["deadline", "log-level"],
  endpointsChanged: ["/e"],
  endpointsAdded: ["/f"],
  endpointsRemoved: ["/g"],
};

test("every reload is logged, with what it changed or why it was refused", async () => {
  const { clock, report, news } = setUp();
  const warnings = ["listener: warning: a restart is needed"];
  const taken = {
    ...REFUSED_RELOAD,
    taken: true,
    problems: [],
    warnings,
    kept: 3,
    changed: ["a", "b"],
    added: ["new"],
  };
  report.onReload(taken);
  report.onReload({ ...REFUSED_RELOAD, problems: ["a.yaml:1:1: one", "a.yaml:2:1: two"] });
  expect(news()).toEqual([
    '<6>configuration reloaded kept=3 changed="a, b" added=new',
    '<4>configuration warning warning="listener: warning: a restart is needed"',
    '<3>reload refused; the running configuration is unchanged count=2 problems="a.yaml:1:1: one; a.yaml:2:1: two"',
  ]);
  report.onReload({ ...taken, ...ALL_CHANGES, warnings: [], trialWarnings: ["check new fails: exit: 3"] });
  report.onReload({
    ...REFUSED_RELOAD,
    problems: ["wrong"],
    warnings,
    trialWarnings: ["check new fails: exit: 3"],
  });
  expect(news()).toEqual([
    '<6>configuration reloaded kept=3 changed=a kind-changed=b added=c removed=d options-changed="deadline, log-level" endpoints-changed=/e endpoints-added=/f endpoints-removed=/g',
    '<4>reload warning warning="check new fails: exit: 3"',
    "<3>reload refused; the running configuration is unchanged count=1 problems=wrong",
    '<4>configuration warning warning="listener: warning: a restart is needed"',
    '<4>reload warning warning="check new fails: exit: 3"',
  ]);
  const many = Array.from({ length: 100 }, (_, index) => `a.yaml:${index}:1: wrong`);
  report.onReload({ ...REFUSED_RELOAD, problems: many });
  const [line = ""] = news();
  expect(line).toContain("count=100 ");
  expect(line.match(/wrong/g)).toHaveLength(20);
  const broken = fakeCheck({ inspect: async () => ["no"] });
  for (let reload = 0; reload < 20; reload++) {
    await clock.pass(SECOND);
    report.onReload(taken);
    await report.onWatch([broken]);
    report.onReload({ ...REFUSED_RELOAD, problems: ["wrong"] });
    expect(news().map((line) => line.slice(0, 15))).toEqual([
      "<6>configuratio",
      "<4>configuratio",
      "<6>check config",
      "<4>check will f",
      "<3>reload refus",
    ]);
  }
});

test("each check is logged at the start, with the warnings of its inspection", async () => {
  const { report, news } = setUp();
  const broken = fakeCheck({
    name: "broken",
    intervalMs: 2000,
    severity: "warning",
    inspect: async () => ["no", "never"],
  });
  await report.onWatch([it, fakeCheck({ name: "replica", severity: "endpoint" }), broken]);
  expect(news()).toEqual([
    "<6>check configured check=it kind=test target=nothing timeout=10s",
    "<6>check configured check=replica kind=test target=nothing timeout=10s severity=endpoint",
    "<6>check configured check=broken kind=test target=nothing timeout=10s interval=2s severity=warning",
    "<4>check will fail check=broken cause=no",
    "<4>check will fail check=broken cause=never",
  ]);
});

test("a check that passes after the deadline is logged, and again every five minutes", async () => {
  const { clock, report, news } = setUp();
  const late = (check: Check) =>
    report.onLate({ check, startedAt: 0, start: clock.now(), durationMs: 1234.5, outcome: UP }, 500);
  const line = "check passed after the deadline check=it seconds=1.2345 deadline=500ms";
  late(it);
  expect(news()).toEqual([`<4>${line}`]);
  await clock.pass(5 * MINUTE - 1);
  late(it);
  expect(news()).toEqual([]);
  await clock.pass(1);
  late(it);
  expect(news()).toEqual([`<4>${line}`]);
  late(fakeCheck({ severity: "endpoint" }));
  expect(news()).toEqual([`<6>${line}`]);
});

test("clients that disconnect get one line in ten seconds, with a count of the others", async () => {
  const { clock, report, news } = setUp();
  for (const waitedMs of [1002, 5003, 7]) report.onGone(waitedMs, [it, fakeCheck({ name: "other" })]);
  expect(news()).toEqual(['<4>client disconnected before the response waited=1s2ms running="it, other"']);
  await clock.pass(10 * SECOND);
  report.onGone(12_345, []);
  expect(news()).toEqual(["<4>client disconnected before the response waited=12s suppressed=2"]);
  report.end();
  expect(news()).toEqual([]);
  report.onGone(7, []);
  report.onGone(8, []);
  report.end();
  expect(news()).toEqual(["<4>more clients disconnected before the response count=2"]);
});

test("the verdict of a drained host is not logged as healthy", () => {
  let drained = true;
  const { judge, news } = setUp(() => drained);
  judge(true);
  judge(false, ["a"]);
  judge(true);
  drained = false;
  judge(false, ["a"]);
  judge(true);
  expect(news()).toEqual([
    "<6>checks pass; host is drained or in maintenance",
    "<4>host is unhealthy failing=a",
    "<6>checks pass; host is drained or in maintenance",
    "<4>host is unhealthy failing=a",
    "<6>host is healthy",
  ]);
});
