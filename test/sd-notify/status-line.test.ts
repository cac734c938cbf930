// The line that `systemctl status` shows.

import { expect, test } from "bun:test";
import type { DrainState } from "../../src/drain/state.ts";
import type { CheckReport } from "../../src/monitor/monitor.ts";
import { statusLine } from "../../src/sd-notify/status-line.ts";
import { down, REFUSED, report, TIMEOUT, up } from "./reports.ts";

test("the status line has the verdict, and the checks that are down", () => {
  const rows: readonly (readonly [readonly CheckReport[], string])[] = [
    [[up("a"), up("b")], "healthy, 2 of 2 up"],
    [[up("a"), down("database", TIMEOUT)], "unhealthy, 1 of 2 up: database (timeout 2s)"],
    [[down("a", REFUSED), up("b"), down("c", TIMEOUT)], "unhealthy, 1 of 3 up: a (refused), c (timeout 2s)"],
    [
      ["a", "b", "c", "d", "e"].map((name) => down(name, REFUSED)),
      "unhealthy, 0 of 5 up: a (refused), b (refused), c (refused) and 2 more",
    ],
    [[up("a"), up("b", { stale: true })], "unhealthy, 1 of 2 up: b (stale)"],
    [[up("a"), down("b", { ok: true })], "unhealthy, 1 of 2 up: b (down)"],
    [[up("a"), down("shared", REFUSED, { severity: "warning" })], "healthy, 1 of 2 up; not critical: shared (refused)"],
    [
      [down("a", REFUSED), down("b", REFUSED, { severity: "warning" }), up("c", { severity: "warning", stale: true })],
      "unhealthy, 0 of 3 up: a (refused); not critical: b (refused) and 1 more",
    ],
    [[report("a"), up("b")], "1 of 2 up, no result yet: a"],
    [[report("a"), down("b", REFUSED)], "unhealthy, 0 of 2 up: b (refused)"],
    [[up("a"), report("b", { severity: "warning" })], "healthy, 1 of 2 up"],
    // A check of severity endpoint does not count, up or down.
    [[up("a"), up("b", { severity: "endpoint" })], "healthy, 1 of 1 up"],
    [
      [up("a"), down("b", REFUSED, { severity: "endpoint" }), up("c", { stale: true, severity: "endpoint" })],
      "healthy, 1 of 1 up",
    ],
    [[report("a"), report("b", { severity: "endpoint" })], "0 of 1 up, no result yet: a"],
    [[down("a", REFUSED), down("b", REFUSED, { severity: "endpoint" })], "unhealthy, 0 of 1 up: a (refused)"],
    // One failure of the three that make it down: still up, as in the verdict.
    [[up("a", { outcome: REFUSED })], "healthy, 1 of 1 up"],
  ];
  for (const [reports, line] of rows) expect(statusLine(reports)).toBe(line);
});

test("a check whose result has not come before the deadline of a request counts as failed", () => {
  const line = (...reports: readonly CheckReport[]) =>
    statusLine(reports, undefined, false, [{ name: "late", reason: "deadline" }]);
  expect(line(report("late"), up("b"))).toBe("unhealthy, 1 of 2 up: late (deadline)");
  expect(line(up("late"), up("b"))).toBe("unhealthy, 2 of 2 up: late (deadline)");
  expect(line(down("late", REFUSED))).toBe("unhealthy, 0 of 1 up: late (refused)");
});

test("the status line is one line of bounded length, whatever the names of the checks", () => {
  const oddName = `script sh -c 'a\nb\u2028c\u202ed\u001b[31m\0e' ${"😀".repeat(500)}`;
  for (const reports of [1, 4, 100].map((count) => Array.from({ length: count }, () => down(oddName, TIMEOUT)))) {
    const line = statusLine(reports);
    expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect([...line].length).toBeLessThanOrEqual(300);
    expect(line.isWellFormed()).toBe(true);
    expect(line).toStartWith(`unhealthy, 0 of ${reports.length} up: script sh -c 'a b c d [31m e' 😀`);
  }
});

test("the state of a drain comes first, and a refused reload last", () => {
  const reports = [up("a"), up("b")];
  const since = Date.UTC(2026, 0, 31, 12, 0, 1, 999);
  const until = Date.UTC(2026, 0, 31, 12, 30);
  const rows: readonly (readonly [DrainState | undefined, boolean, string])[] = [
    [undefined, false, "healthy, 2 of 2 up"],
    [undefined, true, "healthy, 2 of 2 up; the last reload was refused"],
    [{ stopping: false, drain: { since } }, false, "drained since 2026-01-31T12:00:01Z; checks: healthy, 2 of 2 up"],
    [
      { stopping: false, drain: { since }, maintenance: { since, until, reason: "disk\nswap" } },
      true,
      "in maintenance until 2026-01-31T12:30:00Z (disk swap); checks: healthy, 2 of 2 up; the last reload was refused",
    ],
    [
      { stopping: false, drain: { since, reason: "new\nkernel" } },
      false,
      "drained since 2026-01-31T12:00:01Z (new kernel); checks: healthy, 2 of 2 up",
    ],
    [{ stopping: true, drain: { since } }, false, "draining, then stopping; checks: healthy, 2 of 2 up"],
  ];
  for (const [drainState, refused, line] of rows) expect(statusLine(reports, drainState, refused)).toBe(line);
});
