// What each check means for the host, and the order that follows from it.

import { expect, test } from "bun:test";
import { rankChecks } from "../../src/status/rank.ts";
import { checkStatus } from "../support/status.ts";

test("checks that make the host unhealthy come first, then others that are not up, then warnings, then the rest", () => {
  const checks = [
    checkStatus("up"),
    checkStatus("up with warning", { warning: "load is 9" }),
    checkStatus("failed once", { reason: "exit", streak: 1, fall: 2 }),
    checkStatus("other up"),
    checkStatus("for an endpoint", { status: "down", severity: "endpoint" }),
    checkStatus("not critical", { status: "down", severity: "warning" }),
    checkStatus("young", { status: "unknown" }),
    checkStatus("down", { status: "down" }),
    checkStatus("late", { countsAs: "deadline" }),
  ];
  expect(rankChecks(checks, ["late", "down"]).map(({ check, rank }) => `${check.name}: ${rank}`)).toEqual([
    "down: failing",
    "late: failing",
    "not critical: reported",
    "young: reported",
    "for an endpoint: endpoint",
    "up with warning: warns",
    "failed once: warns",
    "up: up",
    "other up: up",
  ]);
});
