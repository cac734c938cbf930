// The output of a plugin keeps the guidelines of the Monitoring Plugins.

import { expect, test } from "bun:test";
import { type PluginInput, renderCheckPlugin, renderPlugin, renderUnknown } from "../../src/cli/nagios.ts";
import * as fc from "../support/properties.ts";
import { checkStatus } from "../support/status.ts";

const up = (name: string, given = {}) => checkStatus(name, { seconds: 0.0042, ...given });
const down = (name: string, given = {}) => up(name, { status: "down", reason: "refused", detail: "nobody", ...given });

const render = (given: Partial<PluginInput>) =>
  renderPlugin({ verdict: "healthy", drained: [], checks: [up("a")], failing: [], ...given });

test.each([
  [{}, "OK", 0],
  [{ checks: [up("a"), down("b", { severity: "endpoint" })] }, "OK", 0],
  [{ checks: [up("a", { warning: "load is 9" })] }, "WARNING", 1],
  [{ checks: [up("a"), down("b", { severity: "warning" })] }, "WARNING", 1],
  [{ checks: [up("a", { severity: "warning", stale: true })] }, "WARNING", 1],
  [{ verdict: "unhealthy", checks: [down("a")] }, "CRITICAL", 2],
  [{ verdict: "unknown" }, "UNKNOWN", 3],
] as const)("%j is %s", (given, word, exit) => {
  const { text, ...printed } = render(given);
  expect(text).toMatch(new RegExp(`^HEALTH ${word} - \\d of \\d up[^|]* \\| `));
  expect(printed).toEqual({ exit });
});

test("a host that is drained is a WARNING, whatever its checks report", () => {
  const drained = ["drained since T"];
  const { text, exit } = render({ verdict: "unhealthy", checks: [down("a")], failing: ["a"], drained });
  expect(text).toStartWith("HEALTH WARNING - drained since T; 0 of 1 up: a (refused) | ");
  expect(exit).toBe(1);
});

test("the checks are below, failures first; the performance data has the order of the file", () => {
  const checks = [
    up("it's a=b|c", { detail: "answered 200", timeoutSeconds: 2.5 }),
    checkStatus("young", { status: "unknown", streak: 0 }),
    down("cache", { detail: "a | b\nc" }),
  ];
  expect(render({ verdict: "unhealthy", checks, failing: ["cache"] }).text.split("\n")).toEqual([
    "HEALTH CRITICAL - 1 of 3 up: cache (refused) | 'it''s a_b_c'=0.0042s;;;0;2.5 'young'=U 'cache'=0.0042s;;;0;5",
    "cache: down, refused: a ¦ b\\u000ac",
    "young: unknown",
    "it's a=b¦c: up, answered 200",
  ]);
});

test.each([
  [up("a", { detail: "answered 200" }), "HEALTH OK - a up, answered 200", 0],
  [up("a", { warning: "load is 9" }), "HEALTH WARNING - a up with warning, warning: load is 9", 1],
  [down("a"), "HEALTH CRITICAL - a down, refused: nobody", 2],
  [up("a", { stale: true }), "HEALTH CRITICAL - a up (stale)", 2],
  [down("a", { severity: "warning" }), "HEALTH WARNING - a down (not critical), refused: nobody", 1],
  [down("a", { severity: "endpoint" }), "HEALTH WARNING - a down (endpoint only), refused: nobody", 1],
  [checkStatus("a", { status: "unknown", streak: 0 }), "HEALTH UNKNOWN - a unknown", 3],
])("one check: %j", (check, first, exit) => {
  const printed = renderCheckPlugin(check);
  expect(printed.text.split(" | ")[0]).toBe(first);
  expect(printed.exit).toBe(exit);
});

test("what a check has printed is below its state", () => {
  const check = down("a", { output: "one\n\n\x1b[31mtwo | three\x1b[0m\n" });
  expect(renderCheckPlugin(check).text.split("\n").slice(1)).toEqual(["one", "two ¦ three"]);
});

test("why nothing is known is one line, and more below", () => {
  expect(renderUnknown(["no | daemon", "more"])).toBe("HEALTH UNKNOWN - no ¦ daemon\nmore");
});

test("of a thousand checks the output has 4 KiB, and says how many are not listed", () => {
  const checks = Array.from({ length: 1000 }, (_, index) => down(`check number ${index}`));
  const { text } = render({ verdict: "unhealthy", checks, failing: checks.map(({ name }) => name) });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
  const [first = "", ...lines] = text.split("\n");
  expect(first).toMatch(
    /^HEALTH CRITICAL - 0 of 1000 up: check number 0 \(refused\), .*… \| 'check number 0'=0\.0042s;;;0;5( '[^']+'=0\.0042s;;;0;5)+$/,
  );
  expect(lines.at(-1)).toBe(`and ${1000 - (lines.length - 1)} more`);
});

const DATUM = /'(?:[^'=|]|'')+'=(?:U|[\d.]+s;;;0;[\d.]+)/;
const DATA = new RegExp(`^${DATUM.source}(?: ${DATUM.source})*$`);

test("whatever the checks hold, only performance data follows the only |", () => {
  const text = fc.string({ unit: "binary", minLength: 1 });
  const checks = fc.array(
    fc.record({ name: text, detail: text, target: text }).map((given) => down(given.name, given)),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(checks, text, (checks, drained) => {
      const failing = checks.map(({ name }) => name);
      const { text } = render({ verdict: "unhealthy", checks, failing, drained: [drained] });
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
      const [first = "", ...lines] = text.split("\n");
      const parts = first.split("|");
      expect(parts).toHaveLength(2);
      expect(parts[1]?.trim()).toMatch(DATA);
      expect(lines).toHaveLength(checks.length);
      expect(text).not.toMatch(/[\p{Cc}&&[^\n]]/v);
    }),
  );
});
