// The one-line summary of the host, in its long and its short form.

import { expect, test } from "bun:test";
import type { Severity } from "../../src/checks/check.ts";
import {
  countUp,
  describeState,
  type FailingCheck,
  listFirst,
  reasonOf,
  summarize,
  verdictOf,
} from "../../src/status/summary.ts";
import { checkStatus } from "../support/status.ts";

const up = (severity: Severity = "critical") => checkStatus("fine", { severity });
const down = (severity: Severity = "critical", name = "it") =>
  checkStatus(name, { status: "down", reason: "exit", severity });

const CACHE: FailingCheck = { name: "cache", reason: "refused" };
const GONE: FailingCheck = { name: "gone" };

test("checks of severity endpoint do not count, and a stale one is not up", () => {
  expect(countUp([])).toBe("0 of 0 up");
  expect(countUp([up(), down("warning"), down("endpoint")])).toBe("1 of 2 up");
  expect(countUp([up(), checkStatus("old", { stale: true })])).toBe("1 of 2 up");
});

test("the long form has the count, every check that decides the verdict, and those that are down and not critical", () => {
  expect(summarize("healthy", { checks: [up(), up("warning"), down("endpoint")], failing: [] })).toBe(
    "healthy, 2 of 2 up",
  );
  expect(summarize("healthy", { checks: [up(), down("warning")], failing: [] })).toBe(
    "healthy, 1 of 2 up; not critical: it (exit)",
  );
  const old = checkStatus("old", { stale: true });
  expect(summarize("unhealthy", { checks: [up(), down(), old], failing: ["it", "old"] })).toBe(
    "unhealthy, 1 of 3 up: it (exit), old (stale)",
  );
  const young = checkStatus("young", { status: "unknown" });
  expect(summarize("unknown", { checks: [young], failing: ["young"] })).toBe(
    "unknown, 0 of 1 up: young (no result yet)",
  );
});

test.each([
  [{ status: "down", reason: "exit" }, "exit"],
  [{ status: "down" }, "down"],
  [{ status: "down", reason: "exit", stale: true }, "stale"],
  [{ status: "unknown" }, "no result yet"],
  [{ status: "unknown", countsAs: "deadline" }, "deadline"],
  [{ countsAs: "deadline", reason: "exit" }, "deadline"],
  [{ reason: "exit" }, "exit"],
  [{ warning: "load is 9" }, "warning"],
] as const)("the reason of a check %j is %s", (given, reason) => {
  expect(reasonOf(checkStatus("it", given))).toBe(reason);
});

test.each([
  ["healthy", {}, "healthy"],
  ["unknown", { status: "unknown" }, "unknown"],
  ["drained", {}, "healthy"],
  ["drained", { status: "unknown" }, "unknown"],
  ["drained", { status: "unknown", countsAs: "deadline" }, "unhealthy"],
  ["stopping", { status: "down" }, "unhealthy"],
  ["maintenance", { stale: true }, "unhealthy"],
] as const)("a host that is %s with a check %j: the checks make it %s", (state, given, verdict) => {
  const check = checkStatus("it", given);
  const failing = Object.keys(given).length === 0 ? [] : ["it"];
  expect(verdictOf({ state, checks: [check], failing })).toBe(verdict);
});

test.each([
  [{}, "up"],
  [{ severity: "warning" }, "up (not critical)"],
  [{ warning: "load is 9" }, "up with warning"],
  [{ warning: "load is 9", severity: "warning" }, "up with warning (not critical)"],
  [{ stale: true }, "up (stale)"],
  [{ status: "down", reason: "exit", severity: "endpoint" }, "down (endpoint only)"],
  [{ reason: "exit", streak: 2, fall: 5 }, "up (failed 2/5)"],
  [{ status: "down", reason: "exit", streak: 9, fall: 5 }, "down"],
  [{ status: "down", streak: 1, rise: 3, severity: "warning" }, "down (passed 1/3, not critical)"],
  [{ status: "unknown", streak: 0 }, "unknown"],
  [{ status: "unknown", streak: 1, rise: 2 }, "unknown (passed 1/2)"],
] as const)("a check %j is %s", (given, expected) => {
  expect(describeState(checkStatus("it", given))).toBe(expected);
});

test("the short form names the first checks", () => {
  expect(listFirst([], 2)).toBe("");
  expect(listFirst([CACHE, GONE], 2)).toBe("cache refused, gone");
  expect(listFirst([GONE, CACHE, CACHE, CACHE], 2)).toBe("gone, cache refused and 2 more");
});
