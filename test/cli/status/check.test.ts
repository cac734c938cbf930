// Everything about one check as a text.

import { expect, test } from "bun:test";
import { renderCheck } from "../../../src/cli/status/check.ts";
import type { CheckHistory } from "../../../src/status/schema.ts";
import * as fc from "../../support/properties.ts";
import { checkStatus } from "../../support/status.ts";

const NOW = Date.parse("2026-01-31T12:10:00.500Z");
const PLAIN = { columns: undefined, colour: false };

const history = (given: Partial<CheckHistory>): CheckHistory => ({
  ...checkStatus("queue"),
  runs: [],
  changes: [],
  ...given,
});

const FAILURE = { reason: "exit", detail: "exited with status 3" } as const;

test("a check that fails, with what it printed and what has happened", () => {
  const check = history({
    kind: "script",
    target: "check-queue.sh",
    status: "down",
    forSeconds: 63,
    ranAt: "2026-01-31T12:09:57.000Z",
    seconds: 0.0042,
    intervalSeconds: 10,
    fall: 3,
    rise: 2,
    streak: 1,
    runningSeconds: 2.7,
    changesLastHour: 2,
    lastFailure: { at: "2026-01-31T12:09:47.000Z", ...FAILURE },
    lastRuns: "++---+",
    runs: [{ at: "2026-01-31T12:09:57.000Z", ok: true, seconds: 0.5 }],
    changes: [
      { at: "2026-01-31T12:08:57.000Z", from: "up", to: "down", forSeconds: 600, ...FAILURE },
      { at: "2026-01-31T11:58:57.000Z", from: "unknown", to: "up" },
    ],
  });
  expect(renderCheck({ ...check, output: "one\n\x1b[31mno leader\x1b[0m\n" }, PLAIN, NOW).split("\n")).toEqual([
    "queue: down (passed 1/2) for 1m3s",
    "",
    "kind          script, severity critical",
    "target        check-queue.sh",
    "runs          every 10s, timeout 5s",
    "thresholds    down after 3 failures in a row, up after 2 passes",
    "last run      running 2s; before: 2026-01-31T12:09:57Z (3s ago), took 0.004s/5s",
    "last failure  2026-01-31T12:09:47Z (13s ago): exit: exited with status 3",
    "last hour     2 changes of state",
    "last runs     ++---+",
    "              3 ok, 3 failed; the slowest took 0.500s",
    "",
    "output:",
    "  one",
    "  no leader",
    "",
    "CHANGED AT            TO      AFTER  DETAIL",
    "2026-01-31T12:08:57Z  down   10m up  exit: exited with status 3",
    "2026-01-31T11:58:57Z  up    unknown",
  ]);
});

test("a check on request that has not run", () => {
  const check = history({ status: "unknown", streak: 0, lastRuns: "", expiresAt: "2026-03-01T00:00:00.000Z" });
  expect(renderCheck(check, PLAIN, NOW).split("\n")).toEqual([
    "queue: unknown",
    "",
    "kind          tcp, severity critical",
    "target        127.0.0.1:80",
    "runs          on request, timeout 5s",
    "thresholds    down after 1 failure in a row, up after 1 pass",
    "last run      never",
    "expires       2026-03-01T00:00:00Z",
    "last failure  none since the daemon started",
    "last hour     0 changes of state",
  ]);
});

test("no line is wider than the terminal or holds a control character, whatever the check holds", () => {
  const text = fc.oneof(fc.string({ unit: "binary", maxLength: 80 }), fc.constant("\u202e\u009b2J\u200f\n\u007f"));
  fc.assert(
    fc.property(text, text, fc.integer({ min: 60, max: 200 }), (one, other, columns) => {
      const check = history({
        name: one,
        target: other,
        status: "down",
        reason: "exit",
        detail: one,
        output: other,
        lastFailure: { at: "2026-01-31T12:09:47.000Z", reason: "exit", detail: other },
        changes: [{ at: "2026-01-31T12:08:57.000Z", from: "up", to: "down", reason: "exit", detail: one }],
      });
      for (const line of renderCheck(check, { columns, colour: false }, NOW).split("\n")) {
        expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
        expect(line).not.toMatch(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u);
      }
    }),
  );
});
