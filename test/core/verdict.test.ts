// Healthy is said only of a host whose every check that decides has passed.

import { describe, expect, test } from "bun:test";
import type { Check, Severity } from "../../src/checks/check.ts";
import { both, judge } from "../../src/core/verdict.ts";
import * as fc from "../support/properties.ts";
import { fakeCheck } from "./fakes.ts";

interface Ended {
  readonly check: Check;
  readonly ok: boolean;
}

const ended = (name: string, ok: boolean, severity: Severity = "critical"): Ended => ({
  check: fakeCheck({ name, severity }),
  ok,
});

const judged = (all: readonly Ended[], at = 7) =>
  judge(
    all.map(({ check }) => check),
    (index) => all[index]?.ok === true,
    at,
  );

test("no check, no health", () => {
  expect(judged([])).toEqual({ healthy: false, failing: [], at: 7 });
});

test("one failure is named and makes the host unhealthy", () => {
  expect(judged([ended("a", true), ended("b", false), ended("c", true)])).toEqual({
    healthy: false,
    failing: ["b"],
    at: 7,
  });
});

test("what is only reported decides nothing", () => {
  expect(judged([ended("a", true), ended("b", false, "warning")])).toEqual({ healthy: true, failing: [], at: 7 });
  expect(judged([ended("b", false, "warning")])).toEqual({ healthy: true, failing: [], at: 7 });
});

const endings = fc
  .array(fc.record({ ok: fc.boolean(), severity: fc.constantFrom<Severity>("critical", "warning") }))
  .map((all) => all.map(({ ok, severity }, index) => ended(`check ${index}`, ok, severity)));

test("the order of the checks decides nothing but the order of the names", () => {
  const shuffled = endings.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
  );
  fc.assert(
    fc.property(shuffled, ([all, others]) => {
      const verdict = judged(all);
      const other = judged(others);
      const failing = all.filter(({ check, ok }) => check.severity === "critical" && !ok);
      expect(verdict.failing).toEqual(failing.map(({ check }) => check.name));
      expect(verdict.healthy).toBe(all.length > 0 && failing.length === 0);
      expect(other.healthy).toBe(verdict.healthy);
      expect([...other.failing].sort()).toEqual([...verdict.failing].sort());
    }),
  );
});

describe("two verdicts", () => {
  test("come to what one on all their checks would be", () => {
    fc.assert(
      fc.property(endings, endings, (some, others) => {
        fc.pre(some.length > 0 && others.length > 0);
        expect(both(judged(some, 1), judged(others, 2))).toEqual(judged([...some, ...others], 2));
      }),
    );
  });
});
