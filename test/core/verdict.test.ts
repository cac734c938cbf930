// Healthy is said only of a host whose every check passed.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Check, type CheckResult, failed } from "../../src/checks/check.ts";
import { judge } from "../../src/core/verdict.ts";

const result = (name: string, ok: boolean): CheckResult => {
  const check: Check = { name, kind: "test", target: name, timeoutMs: 1000, probe: async () => ({ ok: true }) };
  return {
    check,
    startedAt: 1,
    start: 1,
    durationMs: 1,
    outcome: ok ? { ok } : failed("exit", "exited with status 1"),
  };
};

test("no check, no health", () => {
  expect(judge([], 7)).toEqual({ healthy: false, failing: [], at: 7 });
});

test("one failure is named and makes the host unhealthy", () => {
  expect(judge([result("a", true), result("b", false), result("c", true)], 7)).toEqual({
    healthy: false,
    failing: ["b"],
    at: 7,
  });
});

test("the order of the results decides nothing but the order of the names", () => {
  const shuffled = fc
    .array(fc.boolean())
    .map((outcomes) => outcomes.map((ok, index) => result(`check ${index}`, ok)))
    .chain((results) =>
      fc.tuple(
        fc.constant(results),
        fc.shuffledSubarray(results, { minLength: results.length, maxLength: results.length }),
      ),
    );
  fc.assert(
    fc.property(shuffled, ([results, others]) => {
      const verdict = judge(results, 1);
      const other = judge(others, 1);
      expect(other.healthy).toBe(verdict.healthy);
      expect([...other.failing].sort()).toEqual([...verdict.failing].sort());
      expect(verdict.healthy).toBe(results.length > 0 && results.every(({ outcome }) => outcome.ok));
      expect(verdict.failing).toEqual(results.filter(({ outcome }) => !outcome.ok).map(({ check }) => check.name));
    }),
  );
});
