// The ring of runs agrees with a plain list that is sorted and cut.

import { expect, test } from "bun:test";
import type { CheckResult } from "../../src/checks/check.ts";
import type { Outcome } from "../../src/outcome.ts";
import { RUNS_REMEMBERED } from "../../src/status/bounds.ts";
import { RunRing } from "../../src/status/run-ring.ts";
import { fakeCheck } from "../monitor/fakes.ts";
import * as fc from "../support/properties.ts";

const check = fakeCheck();

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant({ ok: true } as const),
  fc.constantFrom("timeout", "refused", "exit", "internal").map((reason) => {
    return { ok: false, reason, message: "it failed" } as const;
  }),
);

/** Each begins later than the one before, or, where `lateBy` is not 0, earlier than some. */
const steps = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 10_000 }),
    lateBy: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 400_000 })),
    durationMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
    outcome,
  }),
  { maxLength: 3 * RUNS_REMEMBERED },
);

test("it holds the newest 60 runs, oldest first, in whatever order they end", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const ring = new RunRing();
      let now = 0;
      let all: CheckResult[] = [];
      for (const { afterMs, lateBy, durationMs, outcome } of taken) {
        now += afterMs;
        const start = now - lateBy;
        const result = { check, start, startedAt: 1_000_000 + start, durationMs, outcome };
        ring.add(result);
        all = [...all, result].sort((one, other) => one.start - other.start).slice(-RUNS_REMEMBERED);
        expect(ring.marks()).toBe(all.map(({ outcome }) => (outcome.ok ? "+" : "-")).join(""));
      }
      expect(ring.runs()).toEqual(
        all.map(({ startedAt, durationMs, outcome }) => {
          return { startedAt, durationMs, reason: outcome.ok ? undefined : outcome.reason };
        }),
      );
    }),
  );
});
