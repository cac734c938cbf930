// Healthy is said only of a host whose every check that decides has passed.

import { expect, test } from "bun:test";
import type { Check, Severity, Verdict } from "../../src/checks/check.ts";
import { decidesEndpoint, decidesHost, judge } from "../../src/monitor/verdict.ts";
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

const judged = (all: readonly Ended[], decides = decidesHost) =>
  judge(all, decides, ({ ok }) => (ok ? "passed" : "refused"));

const failing = (...names: readonly string[]) => names.map((name) => ({ name, reason: "refused" as const }));

const at = expect.any(Number);

test("no check, no health", () => {
  expect(judged([])).toEqual({ healthy: false, failing: [], at });
});

test("one failure is named and makes the host unhealthy", () => {
  expect(judged([ended("a", true), ended("b", false), ended("c", true)])).toEqual({
    healthy: false,
    failing: failing("b"),
    at,
  });
});

test("an endpoint is decided by every check that it names, whatever its severity", () => {
  for (const severity of ["critical", "warning"] as const) {
    expect(judged([ended("a", true), ended("b", false, severity)], decidesEndpoint)).toEqual({
      healthy: false,
      failing: failing("b"),
      at,
    });
  }
});

test("the host is not decided by what is only reported", () => {
  expect(judged([ended("a", true), ended("b", false, "warning")])).toEqual({ healthy: true, failing: [], at });
  expect(judged([ended("b", false, "warning")])).toEqual({ healthy: true, failing: [], at });
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
      const failed = all.filter(({ check, ok }) => check.severity === "critical" && !ok);
      expect(verdict.failing).toEqual(failing(...failed.map(({ check }) => check.name)));
      expect(verdict.healthy).toBe(all.length > 0 && failed.length === 0);
      expect(other.healthy).toBe(verdict.healthy);
      const names = (verdict: Verdict) => verdict.failing.map(({ name }) => name).sort();
      expect(names(other)).toEqual(names(verdict));
    }),
  );
});
