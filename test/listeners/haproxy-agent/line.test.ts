// The line that HAProxy gets: HAProxy must understand it, whatever the names of the checks.

import { expect, test } from "bun:test";
import { drainLine, healthLine } from "../../../src/listeners/haproxy-agent/line.ts";
import * as fc from "../../support/properties.ts";

const down = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `c${index + 1}`, reason: "refused" as const }));

for (const [what, verdict, line] of [
  ["a healthy host", { healthy: true, failing: [] }, "up"],
  ["a healthy host whose warnings are down", { healthy: true, failing: down(1) }, "up"],
  ["one check", { healthy: false, failing: [{ name: "database", reason: "timeout" }] }, "down #database timeout"],
  ["two checks", { healthy: false, failing: down(2) }, "down #c1 refused, c2 refused"],
  [
    "many checks",
    { healthy: false, failing: down(7) },
    "down #c1 refused, c2 refused, c3 refused, c4 refused, c5 refused and 2 more",
  ],
  ["no check that is known", { healthy: false, failing: [] }, "down #at least one health check failed"],
  [
    "names that would end the line, or hold more than ASCII",
    { healthy: false, failing: [{ name: "a\r\nready\tÄ😀\u0000#", reason: "exit" }] },
    "down #a ready ???# exit",
  ],
  [
    "a long name",
    { healthy: false, failing: [{ name: "x".repeat(300), reason: "exit" }] },
    `down #${"x".repeat(97)}...`,
  ],
] as const) {
  test(`the line of ${what}`, () => {
    expect(healthLine(verdict)).toBe(line);
  });
}

const drain = { since: 0 };
const maintenance = { since: 0, until: 1 };

for (const [what, state, line] of [
  ["in service", undefined, undefined],
  ["that stops", { stopping: true }, undefined],
  ["drained without a reason", { stopping: false, drain }, "drain"],
  ["drained for a reason", { stopping: false, drain: { ...drain, reason: "disk, up" } }, "drain down #disk, up"],
  ["in maintenance without a reason", { stopping: false, maintenance }, "maint"],
  [
    "in maintenance for a reason, and drained",
    { stopping: false, drain: { ...drain, reason: "b" }, maintenance: { ...maintenance, reason: "Ä \u0000 a" } },
    "maint down #? ? a",
  ],
  [
    "drained for a long reason",
    { stopping: false, drain: { ...drain, reason: "x".repeat(200) } },
    `drain down #${"x".repeat(97)}...`,
  ],
] as const) {
  test(`the line of a host ${what}`, () => {
    expect(drainLine(state, "down")).toBe(line);
  });
}

test("a drain of a host whose health is not known does not claim one", () => {
  expect(drainLine({ stopping: false, drain: { since: 0, reason: "new disk" } }, undefined)).toBe("drain #new disk");
});

test("with any names it is one line of printable ASCII, its first word alone, no longer than HAProxy keeps", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ name: fc.string({ unit: "binary", minLength: 1, maxLength: 200 }), reason: fc.string() })),
      (named) => {
        const line = healthLine({ healthy: false, failing: named });
        expect(line).toMatch(/^down #[\x20-\x7e]{1,100}$/);
      },
    ),
  );
});
