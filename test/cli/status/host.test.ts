// The status of the host as a text: its state, the checks, the last reload.

import { expect, test } from "bun:test";
import { SEVERITIES } from "../../../src/checks/check.ts";
import { renderHost } from "../../../src/cli/status/host.ts";
import type { CheckStatus, HostStatus } from "../../../src/status/schema.ts";
import { NO_CHANGE } from "../../../src/status/status.ts";
import * as fc from "../../support/properties.ts";
import { checkStatus, hostStatus } from "../../support/status.ts";

const NOW = Date.parse("2026-01-31T12:10:00.500Z");
const PLAIN = { columns: undefined, colour: false };

const check = (name: string, given: Partial<CheckStatus> = {}): CheckStatus =>
  checkStatus(name, { forSeconds: 425.3, ranAt: "2026-01-31T12:09:57.000Z", seconds: 0.0042, ...given });

const REFUSED = { status: "down", forSeconds: 3.9, reason: "refused", detail: "nobody there" } as const;

const status = (given: Partial<HostStatus>): HostStatus =>
  hostStatus({
    version: "1.2.3",
    startedAt: "2026-01-31T10:00:00.000Z",
    checks: [check("database"), check("api", { detail: "answered 200" })],
    ...given,
  });

const render = (given: Partial<HostStatus>) => renderHost(status(given), PLAIN, NOW).split("\n");

test("a healthy host", () => {
  expect(render({})).toEqual([
    "healthy, 2 of 2 up",
    "",
    "CHECK     STATE   FOR  LAST RUN       TOOK  DETAIL",
    "database  up     7m5s    3s ago  0.004s/5s",
    "api       up     7m5s    3s ago  0.004s/5s  answered 200",
    "",
    "health-checker v1.2.3, pid 42, since 2026-01-31T10:00:00Z",
  ]);
});

test("an unhealthy host names the checks that make it so, and each check shows its state", () => {
  const { forSeconds: _, ranAt: _at, seconds: _seconds, ...young } = check("young", { status: "unknown", streak: 0 });
  expect(
    render({
      healthy: false,
      state: "unhealthy",
      failing: ["cache", "old", "young"],
      checks: [
        check("cache", REFUSED),
        check("old", { stale: true, ranAt: "2026-01-31T11:00:00.000Z" }),
        young,
        check("search", { ...REFUSED, severity: "warning", output: "one\nno leader\n" }),
        check("load", { severity: "warning", warning: "load is 9" }),
      ],
    }),
  ).toEqual([
    "unhealthy, 1 of 5 up: cache (refused), old (stale), young (no result yet); not critical: search (refused)",
    "",
    "CHECK   STATE                            FOR   LAST RUN       TOOK  DETAIL",
    "cache   down                              3s     3s ago  0.004s/5s  refused: nobody there",
    "old     up (stale)                      7m5s  1h10m ago  0.004s/5s",
    "young   unknown                                   never",
    "search  down (not critical)               3s     3s ago  0.004s/5s  refused: nobody there; its output ends in: no leader",
    "load    up with warning (not critical)  7m5s     3s ago  0.004s/5s  warning: load is 9",
    "",
    "health-checker v1.2.3, pid 42, since 2026-01-31T10:00:00Z",
  ]);
});

test("a check that passed after the deadline, or has no result yet, is named with the deadline", () => {
  const checks = [
    check("late", { countsAs: "deadline" }),
    check("young", { status: "unknown", countsAs: "deadline" }),
    check("failed-since", { ...REFUSED, countsAs: "deadline" }),
  ];
  const [line, ...table] = render({
    healthy: false,
    state: "unhealthy",
    failing: checks.map(({ name }) => name),
    checks,
  });
  expect(line).toBe("unhealthy, 1 of 3 up: late (deadline), young (deadline), failed-since (refused)");
  expect(table.find((row) => row.startsWith("late "))).toEndWith("counts as failed: deadline");
  expect(table.find((row) => row.startsWith("young "))).toEndWith("counts as failed: deadline");
});

test("a check of severity endpoint is marked, and not counted", () => {
  const checks = [
    check("database"),
    check("is-primary", { severity: "endpoint" }),
    check("is-replica", { ...REFUSED, severity: "endpoint" }),
    check("lag", { severity: "endpoint", stale: true }),
  ];
  expect(render({ checks })).toEqual([
    "healthy, 1 of 1 up",
    "",
    "CHECK       STATE                       FOR  LAST RUN       TOOK  DETAIL",
    "is-replica  down (endpoint only)         3s    3s ago  0.004s/5s  refused: nobody there",
    "lag         up (stale, endpoint only)  7m5s    3s ago  0.004s/5s",
    "database    up                         7m5s    3s ago  0.004s/5s",
    "is-primary  up (endpoint only)         7m5s    3s ago  0.004s/5s",
    "",
    "health-checker v1.2.3, pid 42, since 2026-01-31T10:00:00Z",
  ]);
});

test("what is about to happen is shown, and what has happened", () => {
  const lastFailure = { at: "2026-01-31T12:07:00.000Z", reason: "timeout", detail: "no answer" };
  const checks = [
    check("database", { ...REFUSED, status: "up", streak: 2, fall: 5, lastFailure, changesLastHour: 1 }),
    check("api", { detail: "answered 200", lastFailure, changesLastHour: 4 }),
    check("cache", { ...REFUSED, lastFailure, changesLastHour: 3 }),
    check("queue", { status: "down", streak: 1, rise: 3, lastFailure, runningSeconds: 2.7, changesLastHour: 1 }),
  ];
  expect(render({ checks, state: "unhealthy", healthy: false, failing: ["cache", "queue"] }).slice(2, 7)).toEqual([
    "CHECK     STATE               FOR    LAST RUN       TOOK  DETAIL",
    "cache     down                 3s      3s ago  0.004s/5s  refused: nobody there; 3 changes in the last hour",
    "queue     down (passed 1/3)  7m5s  running 2s  0.004s/5s  last failure 3m ago (timeout)",
    "database  up (failed 2/5)      3s      3s ago  0.004s/5s  refused: nobody there",
    "api       up                 7m5s      3s ago  0.004s/5s  answered 200; 4 changes in the last hour; last failure 3m ago (timeout)",
  ]);
});

test("a host is unknown while a check that decides it has no result", () => {
  const young = check("young", { status: "unknown", streak: 0 });
  const unknown = { state: "unknown", healthy: false, failing: ["young"], checks: [check("a"), young] } as const;
  expect(render(unknown)[0]).toBe("unknown, 1 of 2 up: young (no result yet)");
  const drained = render({ ...unknown, state: "drained", drain: DRAIN });
  expect(UNTIL_BLANK(drained)).toEqual([
    "drained since 2026-01-31T12:00:00Z",
    "checks: unknown, 1 of 2 up: young (no result yet)",
  ]);
});

test("endpoints are below the checks, each with the checks that make it unhealthy", () => {
  const endpoints = [
    { path: "/primary", healthy: true, failing: [] },
    { path: "/replica", healthy: false, failing: ["is-replica", "lag"] },
  ];
  expect(render({ endpoints }).slice(5, 9)).toEqual([
    "",
    "/primary: healthy",
    "/replica: unhealthy: is-replica, lag",
    "",
  ]);
});

test("failures come first, and without a terminal a long name does not hide them", () => {
  const long = "script ".padEnd(4000, "x");
  const lines = render({
    healthy: false,
    state: "unhealthy",
    failing: [long, "cache"],
    checks: [check(long, { countsAs: "deadline" }), check("cache", REFUSED)],
  });
  expect(lines[0]).toBe(`unhealthy, 1 of 2 up: ${long.slice(0, 59)}… (deadline), cache (refused)`);
  expect(lines[4]).toMatch(/^cache {57}down .* refused: nobody there$/);
  expect(lines[3]).toStartWith(`${long.slice(0, 59)}…  up `);
});

const UNTIL_BLANK = (lines: readonly string[]) => lines.slice(0, lines.indexOf(""));

const DRAIN = { since: "2026-01-31T12:00:00.000Z" };
const MAINTENANCE = { since: "2026-01-31T12:00:00.000Z", until: "2026-01-31T12:20:00.000Z", reason: "disk swap" };

test.each([
  ["drained", { state: "drained", drain: DRAIN }, ["drained since 2026-01-31T12:00:00Z", "checks: healthy, 2 of 2 up"]],
  [
    "drained and unhealthy",
    { state: "drained", drain: DRAIN, failing: ["cache"], checks: [check("cache", REFUSED)] },
    ["drained since 2026-01-31T12:00:00Z", "checks: unhealthy, 0 of 1 up: cache (refused)"],
  ],
  [
    "in maintenance",
    { state: "maintenance", maintenance: MAINTENANCE },
    [
      "in maintenance since 2026-01-31T12:00:00Z until 2026-01-31T12:20:00Z (10m left): disk swap",
      "checks: healthy, 2 of 2 up",
    ],
  ],
  [
    "in both",
    {
      state: "maintenance",
      drain: DRAIN,
      maintenance: { since: MAINTENANCE.since, until: "2026-01-31T12:10:00.700Z" },
    },
    [
      "in maintenance since 2026-01-31T12:00:00Z until 2026-01-31T12:10:00Z (1s left)",
      "drained since 2026-01-31T12:00:00Z, also after the maintenance",
      "checks: healthy, 2 of 2 up",
    ],
  ],
  [
    "stopping while drained",
    { state: "stopping", drain: DRAIN },
    ["draining, then stopping", "drained since 2026-01-31T12:00:00Z", "checks: healthy, 2 of 2 up"],
  ],
] as const)(
  "the status of a host that is %s begins with that, then comes the verdict of its checks",
  (_, given, lines) => {
    expect(UNTIL_BLANK(render({ healthy: false, ...given }))).toEqual([...lines]);
  },
);

const RELOAD = {
  at: "2026-01-31T12:08:00.000Z",
  ...NO_CHANGE,
  kept: 1,
  changed: ["database", "lag"],
  added: ["cache"],
  dryRun: false,
  forcible: false,
  problems: [],
  warnings: [],
  trialWarnings: [],
};

test.each([
  [
    "taken",
    { ...RELOAD, taken: true },
    ["last reload 2026-01-31T12:08:00Z (2m ago): 1 check kept; 2 changed: database, lag; 1 added: cache"],
  ],
  [
    "taken with every kind of change",
    {
      ...RELOAD,
      ...NO_CHANGE,
      taken: true,
      kept: 3,
      kindChanged: ["lag"],
      options: ["deadline", "log-level"],
      endpointsChanged: ["/a"],
      endpointsAdded: ["/b", "/c"],
      endpointsRemoved: ["/d"],
      trialWarnings: ["check lag fails: exit: 3"],
    },
    [
      "last reload 2026-01-31T12:08:00Z (2m ago): 3 checks kept; 1 changed its kind: lag; 2 options changed: deadline, log-level; 1 endpoint changed: /a; 2 endpoints added: /b, /c; 1 endpoint removed: /d",
      "  warning: check lag fails: exit: 3",
    ],
  ],
  [
    "taken in part",
    { ...RELOAD, kept: 2, changed: [], added: [], taken: true, warnings: ["listener: a restart is needed"] },
    ["last reload 2026-01-31T12:08:00Z (2m ago): 2 checks kept", "  listener: a restart is needed"],
  ],
  [
    "refused",
    { ...RELOAD, taken: false, problems: ["hc.yaml:1:1: wrong", "hc.yaml:2:1: so is this"] },
    [
      "last reload 2026-01-31T12:08:00Z (2m ago): refused; the running configuration is unchanged",
      "  hc.yaml:1:1: wrong",
      "  hc.yaml:2:1: so is this",
    ],
  ],
] as const)("a last reload that was %s is shown", (_, lastReload, lines) => {
  expect(render({ lastReload }).slice(6, -1)).toEqual([...lines]);
});

test.each([
  [false, "reload in progress since 2026-01-31T12:08:00Z (2m)"],
  [true, "dry run of a reload in progress since 2026-01-31T12:08:00Z (2m)"],
])("a reload that is under way is shown (dry run: %p)", (dryRun, line) => {
  expect(render({ reloading: { since: "2026-01-31T12:08:00.000Z", dryRun } }).slice(6, -1)).toEqual([line]);
});

test("colour marks the state of the host and of each check", () => {
  const [RED, GREEN, YELLOW] = ["\x1b[31m", "\x1b[32m", "\x1b[33m"];
  const painted = (given: Partial<HostStatus>) => renderHost(status(given), { ...PLAIN, colour: true }, NOW);
  expect(painted({})).toStartWith(`${GREEN}healthy`);
  expect(painted({ state: "unhealthy" })).toStartWith(RED);
  expect(painted({ state: "drained", drain: DRAIN })).toStartWith(`${YELLOW}drained`);
  const cell = (given: Partial<CheckStatus>, failing: readonly string[] = []) =>
    painted({ checks: [check("it", given)], failing }).split("\n")[3];
  expect(cell({})).toContain(`${GREEN}up`);
  expect(cell({ warning: "so so" })).toContain(`${YELLOW}up`);
  expect(cell({ stale: true }, ["it"])).toContain(`${RED}up (stale)`);
  expect(cell({ ...REFUSED, status: "up", fall: 3 })).toContain(`${YELLOW}up (failed 1/3)`);
  expect(cell(REFUSED, ["it"])).toContain(`${RED}down`);
  expect(cell({ ...REFUSED, severity: "warning" })).toContain(`${YELLOW}down (not critical)`);
  expect(cell({ severity: "endpoint" })).toContain(`${GREEN}up (endpoint only)`);
  for (const given of [REFUSED, { stale: true }, { status: "unknown" }] as const) {
    expect(cell({ ...given, severity: "endpoint" })).not.toContain("\x1b");
  }
  expect(cell({ status: "unknown" })).toContain(`${YELLOW}unknown`);
  expect(cell({ countsAs: "deadline" }, ["it"])).toContain(`${RED}up`);
});

const text = fc.oneof(fc.string({ unit: "binary", maxLength: 80 }), fc.constant("\u202e\u009b2J\u200f\u061c\u007f"));

test("no line is wider than the terminal or holds a control character, whatever the status holds", () => {
  const checks = fc.array(
    fc.record({
      name: text,
      kind: fc.constant("script"),
      target: text,
      severity: fc.constantFrom(...SEVERITIES),
      status: fc.constantFrom("up", "down", "unknown"),
      stale: fc.boolean(),
      reason: fc.constantFrom("exit", "timeout"),
      detail: text,
      output: text,
    }),
    { maxLength: 4 },
  );
  const states = fc.constantFrom("healthy", "unhealthy", "unknown", "drained", "maintenance", "stopping");
  fc.assert(
    fc.property(checks, states, text, text, fc.integer({ min: 60, max: 200 }), (checks, state, one, other, columns) => {
      const given: Partial<HostStatus> = {
        state,
        checks: checks.map((given) => checkStatus("it", given)),
        failing: [one],
        endpoints: [{ path: other, healthy: false, failing: [one] }],
        maintenance: { ...MAINTENANCE, reason: one },
        lastReload: {
          ...RELOAD,
          taken: false,
          problems: [other],
          warnings: [one],
          trialWarnings: [other],
          options: [one],
        },
        version: other,
      };
      for (const line of renderHost(status(given), { columns, colour: false }, NOW).split("\n")) {
        expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
        expect(line).not.toMatch(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u);
      }
    }),
  );
});
