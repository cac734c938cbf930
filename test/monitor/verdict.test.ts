// Healthy is said only of a host whose every check that decides has passed.

import { expect, test } from "bun:test";
import type { Check, Severity, Verdict } from "../../src/checks/check.ts";
import { decidesEndpoint, decidesHost, judge, unhealthy } from "../../src/monitor/verdict.ts";
import { failed } from "../../src/outcome.ts";
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
  judge(all, decides, ({ ok }) => (ok ? { ok } : failed("refused", "nobody there"))) ?? unhealthy();

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

test("while a check is not known there is no verdict, unless another one has failed", () => {
  const known = (ok: boolean) => (one: Ended) =>
    one.check.name === "unknown" ? undefined : ok ? { ok } : failed("refused", "nobody there");
  const all = [ended("a", true), ended("unknown", true)];
  expect(judge(all, decidesHost, known(true))).toBeUndefined();
  expect(judge(all, decidesHost, known(false))).toEqual({ healthy: false, failing: failing("a"), at });
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
