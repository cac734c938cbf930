// The results of a round, as a table that fits its width and as JSON.

import { expect, test } from "bun:test";
import type { Check, CheckResult } from "../../../src/checks/check.ts";
import { nameFailing, renderJson, renderTable } from "../../../src/cli/check/report.ts";
import type { Outcome } from "../../../src/outcome.ts";
import * as fc from "../../support/properties.ts";

function resultOf(name: string, outcome: Outcome, says: Partial<Check> = {}, durationMs = 4): CheckResult {
  const check: Check = {
    name,
    kind: "tcp",
    target: "127.0.0.1:80",
    timeoutMs: 1000,
    rise: 1,
    fall: 1,
    severity: "critical",
    staleAfterMs: 1000,
    probe: () => Promise.resolve(outcome),
    ...says,
  };
  return { check, startedAt: 0, start: 0, durationMs, outcome };
}

const REFUSED: Outcome = { ok: false, reason: "refused", message: "127.0.0.1:80 refused the connection" };
const FAILED: Outcome = { ok: false, reason: "exit", message: "exited with status 3", output: "one\nno leader\n\n" };

const MIXED = [
  resultOf("database", { ok: true }),
  resultOf(
    "api",
    { ok: true, detail: "answered 200" },
    { kind: "http", target: "http://127.0.0.1:8080/healthz" },
    1234,
  ),
  resultOf("load", { ok: true, warning: "load is 9" }, { kind: "script", target: "check_load" }),
  resultOf("cache", REFUSED),
  resultOf("search", FAILED, { severity: "warning", kind: "script", target: "search.sh" }),
];

test("without a terminal a check is one line, failures first, without colour", () => {
  expect(renderTable(MIXED, { columns: undefined, colour: false })).toBe(
    [
      "CHECK     TARGET                         STATE                     TOOK  DETAIL",
      "cache     127.0.0.1:80                   down                 0.004s/1s  refused: 127.0.0.1:80 refused the connection",
      "search    search.sh                      down (not critical)  0.004s/1s  exit: exited with status 3; its output ends in: no leader",
      "load      check_load                     up with warning      0.004s/1s  warning: load is 9",
      "database  127.0.0.1:80                   up                   0.004s/1s",
      "api       http://127.0.0.1:8080/healthz  up                   1.234s/1s  answered 200",
      "",
      "unhealthy, 3 of 5 up: cache (refused); not critical: search (exit)",
    ].join("\n"),
  );
});

test("on a terminal the reason is wrapped under its column, or is below the row if there is little room", () => {
  expect(renderTable(MIXED, { columns: 110, colour: false }).split("\n").slice(1, 5)).toEqual([
    "cache     127.0.0.1:80                   down                 0.004s/1s  refused: 127.0.0.1:80 refused the",
    "                                                                         connection",
    "search    search.sh                      down (not critical)  0.004s/1s  exit: exited with status 3; its",
    "                                                                         output ends in: no leader",
  ]);
  expect(renderTable(MIXED, { columns: 60, colour: false }).split("\n").slice(0, 10)).toEqual([
    "CHECK     TARGET               STATE                    TOOK",
    "cache     127.0.0.1:80         down                0.004s/1s",
    "  refused: 127.0.0.1:80 refused the connection",
    "search    search.sh            down (not critica…  0.004s/1s",
    "  exit: exited with status 3; its output ends in: no leader",
    "load      check_load           up with warning     0.004s/1s",
    "  warning: load is 9",
    "database  127.0.0.1:80         up                  0.004s/1s",
    "api       http://127.0.0.1:8…  up                  1.234s/1s",
    "  answered 200",
  ]);
});

test("colour marks the state: failures, warnings, passes", () => {
  const painted = renderTable(MIXED, { columns: undefined, colour: true });
  expect(Bun.stripANSI(painted)).toBe(renderTable(MIXED, { columns: undefined, colour: false }));
  const states = painted.split("\n").flatMap((line) => /\[(\d+)m(up|down)/.exec(line)?.slice(1, 3).join(" ") ?? []);
  expect(states).toEqual(["31 down", "33 down", "33 up", "32 up", "32 up"]);
});

test("a check of severity warning decides nothing", () => {
  const warning = [resultOf("one", { ok: true }), resultOf("search", FAILED, { severity: "warning" })];
  expect(renderTable(warning, { columns: undefined, colour: false })).toEndWith(
    "\n\nhealthy, 1 of 2 up; not critical: search (exit)",
  );
  expect(nameFailing(warning)).toBe("");
  expect(JSON.parse(renderJson(warning))).toMatchObject({ healthy: true });
});

test("a check of severity endpoint is shown, has no colour when it is down, and is not counted", () => {
  const results = [
    resultOf("database", { ok: true }),
    resultOf("is-primary", { ok: true }, { severity: "endpoint" }),
    resultOf("is-replica", REFUSED, { severity: "endpoint" }),
  ];
  const painted = renderTable(results, { columns: undefined, colour: true }).split("\n");
  expect(painted.slice(1).map((line) => Bun.stripANSI(line))).toEqual([
    "is-replica  127.0.0.1:80  down (endpoint only)  0.004s/1s  refused: 127.0.0.1:80 refused the connection",
    "database    127.0.0.1:80  up                    0.004s/1s",
    "is-primary  127.0.0.1:80  up (endpoint only)    0.004s/1s",
    "",
    "healthy, 1 of 1 up",
  ]);
  expect(painted[3]).toContain("\x1b[32mup (endpoint only)");
  expect(painted[1]).not.toContain("\x1b");
  expect(nameFailing(results)).toBe("");
  expect(JSON.parse(renderJson(results))).toMatchObject({
    healthy: true,
    checks: [{}, { severity: "endpoint", status: "up" }, { severity: "endpoint", status: "down" }],
  });
});

test("of a long output the last line is shown, up to a limit", () => {
  const output = `x\n${"y".repeat(4000)}\n(captured 4096 of 1000000 bytes)`;
  const lines = renderTable([resultOf("it", { ok: false, reason: "exit", message: "exited with status 1", output })], {
    columns: undefined,
    colour: false,
  }).split("\n");
  expect(lines[1]).toEndWith(`exit: exited with status 1; its output ends in: ${"y".repeat(199)}…`);
});

test("long scripts as names leave room for why a check is down in the first 4096 bytes", () => {
  const long = `sh -c '${"# look at the next partition\\n".repeat(120)}'`;
  const says = { kind: "script", target: long };
  const spawn: Outcome = { ok: false, reason: "spawn", message: `cannot start ${long}` };
  const results = [
    ...Array.from({ length: 40 }, () => resultOf(`script ${long}`, { ok: true }, says)),
    resultOf(`script ${long}`, FAILED, { ...says, severity: "warning" }),
    resultOf(`script ${long}`, spawn, says),
    resultOf("database", REFUSED),
  ];
  const table = renderTable(results, { columns: undefined, colour: false });
  const lines = table.split("\n");
  expect(lines[1]).toMatch(/^script .{52}… {2}sh -c .{53}… {2}down {17}0\.004s\/1s {2}spawn: cannot start .{379}…$/);
  expect(lines[2]).toStartWith("database  ");
  expect(lines[2]).toEndWith("refused: 127.0.0.1:80 refused the connection");
  expect(lines[3]).toContain("down (not critical)");
  expect(lines.at(-1)).toMatch(
    /^unhealthy, 40 of 43 up: script .{52}… \(spawn\), database \(refused\); not critical: script .{52}… \(exit\)$/,
  );
  expect(table.slice(0, 4096)).toContain("refused: 127.0.0.1:80 refused the connection");
});

test("JSON has every field, and one line", () => {
  const text = renderJson(MIXED);
  expect(text).not.toContain("\n");
  expect(JSON.parse(text)).toEqual({
    healthy: false,
    failing: ["cache"],
    checks: [
      {
        name: "database",
        kind: "tcp",
        target: "127.0.0.1:80",
        severity: "critical",
        timeoutSeconds: 1,
        status: "up",
        ranAt: "1970-01-01T00:00:00.000Z",
        seconds: 0.004,
      },
      {
        name: "api",
        kind: "http",
        target: "http://127.0.0.1:8080/healthz",
        severity: "critical",
        timeoutSeconds: 1,
        status: "up",
        ranAt: "1970-01-01T00:00:00.000Z",
        seconds: 1.234,
        detail: "answered 200",
      },
      {
        name: "load",
        kind: "script",
        target: "check_load",
        severity: "critical",
        timeoutSeconds: 1,
        status: "up",
        ranAt: "1970-01-01T00:00:00.000Z",
        seconds: 0.004,
        warning: "load is 9",
      },
      {
        name: "cache",
        kind: "tcp",
        target: "127.0.0.1:80",
        severity: "critical",
        timeoutSeconds: 1,
        status: "down",
        ranAt: "1970-01-01T00:00:00.000Z",
        seconds: 0.004,
        reason: "refused",
        detail: "127.0.0.1:80 refused the connection",
      },
      {
        name: "search",
        kind: "script",
        target: "search.sh",
        severity: "warning",
        timeoutSeconds: 1,
        status: "down",
        ranAt: "1970-01-01T00:00:00.000Z",
        seconds: 0.004,
        reason: "exit",
        detail: "exited with status 3",
        output: "one\nno leader\n\n",
      },
    ],
  });
});

const STEERING = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

test("colours in the output of a script are removed", () => {
  const failure = { ok: false, reason: "exit", message: "exited with status 3" } as const;
  const output = "one\n\x1b[1m\x1b[31mno leader\x1b[0m\n\x1b[0m\n";
  const [, row] = renderTable([resultOf("search", { ...failure, output })], {
    columns: undefined,
    colour: false,
  }).split("\n");
  expect(row).toEndWith("exit: exited with status 3; its output ends in: no leader");
});

test("no line is wider than the terminal or holds a control character, whatever the results hold", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "grapheme" }),
    fc.string(),
    fc.constant("数据库 健康"),
    fc.constant("\u202e\u009b2J\u200f\u061c\u007f"),
  );
  const outcome: fc.Arbitrary<Outcome> = fc.oneof(
    fc.record({ ok: fc.constant(true as const), warning: text }),
    fc.record({ ok: fc.constant(false as const), reason: fc.constant("exit" as const), message: text, output: text }),
  );
  const results = fc.array(
    fc.tuple(text, text, outcome).map(([name, target, said]) => resultOf(name, said, { target })),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(results, fc.integer({ min: 50, max: 200 }), (given, columns) => {
      for (const line of renderTable(given, { columns, colour: false }).split("\n")) {
        expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
        expect(line).not.toMatch(STEERING);
      }
      expect(renderJson(given)).not.toMatch(STEERING);
      expect(JSON.parse(renderJson(given))).toMatchObject({
        checks: given.map(({ outcome }) =>
          outcome.ok
            ? { status: "up", warning: outcome.warning }
            : { status: "down", reason: outcome.reason, detail: outcome.message, output: outcome.output },
        ),
      });
      expect(renderTable(given, { columns: undefined, colour: false }).split("\n")).toHaveLength(given.length + 3);
    }),
    { numRuns: 500 },
  );
});
