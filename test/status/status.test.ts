// The status of the host as JSON: what its schema says, from what the parts know.

import { expect, test } from "bun:test";
import type { CheckResult, CheckState, Verdict } from "../../src/checks/check.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import type { Past } from "../../src/status/recorder.ts";
import { HostStatus } from "../../src/status/schema.ts";
import { hostStatus, type StatusParts } from "../../src/status/status.ts";
import { fakeCheck } from "../monitor/fakes.ts";

const check = fakeCheck({ name: "cache", timeoutMs: 5000, fall: 3 });
const NOW = 100_000;

const HEALTHY: Verdict = { healthy: true, failing: [], at: 0 };

const unhealthy = (reason: "refused" | "deadline"): Verdict => ({
  healthy: false,
  failing: [{ name: "cache", reason }],
  at: 0,
});

const NOTHING: Pick<Past, "check" | "hostChanges" | "clients"> = {
  check: () => ({ changesLastHour: 2, lastRuns: "+-+" }),
  hostChanges: () => [],
  clients: () => [],
};

const resultOf = (outcome: Outcome): CheckResult => ({
  check,
  startedAt: Date.parse("2026-01-31T12:00:00Z"),
  start: NOW - 1000,
  durationMs: 12.5,
  outcome,
});

const stateOf = (status: CheckState["status"], outcome?: Outcome): CheckState => ({
  status,
  streak: outcome ? 2 : 0,
  since: NOW - 30_000,
  ...(outcome && { last: resultOf(outcome) }),
});

const statusOf = (given: Partial<StatusParts> = {}) =>
  hostStatus({
    version: "1.2.3",
    startedAt: 0,
    verdict: HEALTHY,
    drainState: undefined,
    state: "healthy",
    forMs: 1500,
    endpoints: [],
    reports: [{ check, state: stateOf("up", { ok: true }), stale: false }],
    config: undefined,
    reloading: undefined,
    lastReload: undefined,
    past: NOTHING as Past,
    now: NOW,
    ...given,
  });

test("it has the form of its schema, and nothing more", () => {
  const status = statusOf({
    endpoints: [{ path: "/a", verdict: HEALTHY }],
    config: { file: "hc.yaml", sha256: "ab", readAt: 0 },
    reports: [
      { check, state: stateOf("down", { ...failed("refused", "no"), expiresAt: 0 }), stale: false, runningMs: 9 },
    ],
  });
  expect(HostStatus.parse(status)).toEqual(status);
});

test("a check shows its state, its last result, and a run that has not ended", () => {
  const configured = {
    name: "cache",
    kind: "test",
    target: "nothing",
    severity: "critical",
    timeoutSeconds: 5,
  } as const;
  const known = { fall: 3, rise: 1, changesLastHour: 2, lastRuns: "+-+" };
  const last = { ranAt: "2026-01-31T12:00:00.000Z", seconds: 0.0125 };
  const first = (given: StatusParts["reports"][number]) => statusOf({ reports: [given] }).checks[0];
  expect(first({ check, state: stateOf("unknown"), stale: false, runningMs: 1250 })).toEqual({
    ...configured,
    ...known,
    status: "unknown",
    stale: false,
    streak: 0,
    runningSeconds: 1.25,
  });
  const outcome: Outcome = { ok: true, detail: "expires", expiresAt: Date.parse("2027-01-01T00:00:00Z") };
  expect(first({ check, state: stateOf("up", outcome), stale: true })).toEqual({
    ...configured,
    ...known,
    ...last,
    status: "up",
    stale: true,
    forSeconds: 30,
    streak: 2,
    detail: "expires",
    expiresAt: "2027-01-01T00:00:00.000Z",
  });
});

test("failing names what decides, also while the host is drained, and an unknown host fails for no check", () => {
  const drainState = { stopping: false, drain: { since: 0 } };
  const brief = (given: Partial<StatusParts>) => {
    const { healthy, failing, endpoints } = statusOf(given);
    return { healthy, failing, endpoints };
  };
  const verdict = unhealthy("refused");
  const endpoints = [
    { path: "/up", verdict: HEALTHY },
    { path: "/down", verdict },
    { path: "/unknown", verdict: undefined },
  ];
  const named = (isUp: boolean) => [
    { path: "/up", healthy: isUp, failing: [] },
    { path: "/down", healthy: false, failing: ["cache"] },
    { path: "/unknown", healthy: false, failing: [] },
  ];
  expect(brief({ verdict, endpoints })).toEqual({ healthy: false, failing: ["cache"], endpoints: named(true) });
  expect(brief({ verdict, endpoints, drainState })).toEqual({
    healthy: false,
    failing: ["cache"],
    endpoints: named(false),
  });
  expect(brief({ verdict: HEALTHY, drainState })).toEqual({ healthy: false, failing: [], endpoints: [] });
  expect(brief({ verdict: undefined })).toEqual({ healthy: false, failing: [], endpoints: [] });
});

test("a check that makes the host unhealthy without being down says why", () => {
  const countsAs = (state: CheckState, verdict: Verdict) =>
    statusOf({ verdict, reports: [{ check, state, stale: false }] }).checks[0]?.countsAs;
  expect(countsAs(stateOf("up", { ok: true }), unhealthy("deadline"))).toBe("deadline");
  expect(countsAs(stateOf("unknown"), unhealthy("deadline"))).toBe("deadline");
  expect(countsAs(stateOf("down", failed("refused", "no")), unhealthy("refused"))).toBeUndefined();
  expect(countsAs(stateOf("up", { ok: true }), HEALTHY)).toBeUndefined();
});
