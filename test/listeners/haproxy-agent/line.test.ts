// The line that HAProxy gets: HAProxy must understand it, whatever the names of the checks.

import { expect, test } from "bun:test";
import { healthLine } from "../../../src/listeners/haproxy-agent/line.ts";
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
