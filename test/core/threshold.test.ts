// A check's state follows its latest run, in whatever order results arrive.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Check, type CheckResult, failed, type Outcome } from "../../src/checks/check.ts";
import { nextState, UNKNOWN } from "../../src/core/threshold.ts";

const check: Check = { name: "a", kind: "test", target: "a", timeoutMs: 1000, probe: async () => ({ ok: true }) };
const UP: Outcome = { ok: true };
const DOWN: Outcome = failed("refused", "nobody there");
/** The wall clock runs backwards, which decides nothing. */
const result = (start: number, outcome: Outcome, durationMs = 0): CheckResult => ({
  check,
  startedAt: 1e12 - start,
  start,
  durationMs,
  outcome,
});

test("a check is unknown until its first result, which counts at once", () => {
  expect(UNKNOWN.status).toBe("unknown");
  expect(nextState(UNKNOWN, result(5, UP, 2.4))).toEqual({ status: "up", since: 7.4, last: result(5, UP, 2.4) });
  expect(nextState(UNKNOWN, result(5, DOWN, 2.6))).toEqual({ status: "down", since: 7.6, last: result(5, DOWN, 2.6) });
});

test("a result of an earlier start changes nothing, one of the same start does", () => {
  const up = nextState(UNKNOWN, result(5, UP));
  expect(nextState(up, result(4, DOWN, 100))).toBe(up);
  expect(nextState(up, result(5, DOWN)).status).toBe("down");
});

test("after any results the state is what a walk through them all would say", () => {
  const results = fc.array(
    fc
      .record({ start: fc.nat(20), durationMs: fc.nat(5), ok: fc.boolean() })
      .map(({ start, durationMs, ok }) => result(start, ok ? UP : DOWN, durationMs)),
  );
  fc.assert(
    fc.property(results, (all) => {
      const state = all.reduce(nextState, UNKNOWN);
      // The naive model: drop what came late, then look at the last stretch of equal outcomes.
      const counted = all.filter((one, index) => all.slice(0, index).every((other) => other.start <= one.start));
      const last = counted.at(-1);
      if (!last) return expect(state).toEqual(UNKNOWN);
      const changed = counted.findLastIndex(({ outcome }) => outcome.ok !== last.outcome.ok) + 1;
      const first = counted[changed] ?? last;
      expect(state).toEqual({
        status: last.outcome.ok ? "up" : "down",
        since: first.start + first.durationMs,
        last,
      });
    }),
    { numRuns: 1000 },
  );
});

test("a state is never changed in place", () => {
  const before = Object.freeze(nextState(UNKNOWN, Object.freeze(result(1, UP))));
  expect(() => nextState(before, Object.freeze(result(2, DOWN)))).not.toThrow();
});
