// A check turns after so many results in a row, in whatever order they arrive.

import { describe, expect, test } from "bun:test";
import type { CheckResult, CheckState } from "../../src/checks/check.ts";
import { nextState, type Thresholds, UNKNOWN } from "../../src/monitor/threshold.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import * as fc from "../support/properties.ts";
import { fakeCheck } from "./fakes.ts";

const check = fakeCheck();
const UP: Outcome = { ok: true };
const DOWN: Outcome = failed("refused", "nobody there");
const AT_ONCE: Thresholds = { rise: 1, fall: 1 };

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
  const slow = { rise: 5, fall: 5 };
  expect(nextState(UNKNOWN, result(5, UP, 2.4), slow, true)).toEqual({
    status: "up",
    streak: 1,
    since: 7.4,
    last: result(5, UP, 2.4),
  });
  expect(nextState(UNKNOWN, result(5, DOWN, 2.6), slow, false)).toEqual({
    status: "down",
    streak: 1,
    since: 7.6,
    last: result(5, DOWN, 2.6),
  });
});

test("a result of an earlier start changes nothing, one of the same start does", () => {
  const up = nextState(UNKNOWN, result(5, UP), AT_ONCE, false);
  expect(nextState(up, result(4, DOWN, 100), AT_ONCE, false)).toBe(up);
  expect(nextState(up, result(5, DOWN), AT_ONCE, false).status).toBe("down");
});

describe("thresholds", () => {
  /** "+" is a pass, "-" a failure, "~" before one that the last had become stale when it came. */
  const walk = (results: string, thresholds: Thresholds): string => {
    let state: CheckState = UNKNOWN;
    let statuses = "";
    let start = 0;
    let stale = false;
    for (const letter of results) {
      if (letter === "~") stale = true;
      else {
        state = nextState(state, result(++start, letter === "+" ? UP : DOWN), thresholds, stale);
        stale = false;
        statuses += state.status === "up" ? "U" : "d";
      }
    }
    return statuses;
  };

  test.each([
    { name: "of one follow every result", results: "+-+--", rise: 1, fall: 1, statuses: "UdUdd" },
    { name: "fall wants its failures in a row", results: "+--+---+", rise: 1, fall: 3, statuses: "UUUUUUdU" },
    { name: "rise wants its passes in a row", results: "-+-++-", rise: 2, fall: 1, statuses: "ddddUd" },
    { name: "the first result counts at once, either way", results: "-++", rise: 2, fall: 3, statuses: "ddU" },
    { name: "the first after a stale one counts at once", results: "+~-+~+", rise: 2, fall: 3, statuses: "UddU" },
    { name: "a stale result begins no row", results: "+-~+--", rise: 1, fall: 3, statuses: "UUUUU" },
  ])("$name", ({ results, rise, fall, statuses }) => {
    expect(walk(results, { rise, fall })).toBe(statuses);
  });

  test("`since` is when the check turned, not when it began to fail, nor when its last result came", () => {
    const thresholds = { rise: 1, fall: 2 };
    const states: CheckState[] = [];
    for (const [index, outcome] of [UP, DOWN, DOWN, DOWN].entries()) {
      states.push(nextState(states.at(-1) ?? UNKNOWN, result(index * 10, outcome, 1), thresholds, false));
    }
    expect(states.map(({ status, since, streak }) => [status, since, streak])).toEqual([
      ["up", 1, 1],
      ["up", 1, 1],
      ["down", 21, 2],
      ["down", 21, 3],
    ]);
  });
});

interface Came {
  readonly result: CheckResult;
  readonly stale: boolean;
}

test("after any results the state is what their whole history says", () => {
  const history = fc.array(
    fc
      .record({ start: fc.nat(20), durationMs: fc.nat(5), ok: fc.boolean(), stale: fc.boolean() })
      .map(({ start, durationMs, ok, stale }): Came => ({ result: result(start, ok ? UP : DOWN, durationMs), stale })),
  );
  const threshold = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(history, threshold, threshold, (all, rise, fall) => {
      const state = all.reduce((before, came) => nextState(before, came.result, { rise, fall }, came.stale), UNKNOWN);
      expect(state).toEqual(naive(all, rise, fall));
    }),
    { numRuns: 2000 },
  );
});

/** Looks back over all that came, for each thing that a state says. */
function naive(all: readonly Came[], rise: number, fall: number): CheckState {
  const counted = all.filter(({ result }, index) =>
    all.slice(0, index).every((other) => other.result.start <= result.start),
  );
  /** How many up to this one, and with it, were the same in a row. */
  const streakAt = (index: number): number => {
    const ok = counted[index]?.result.outcome.ok;
    let first = index;
    while (first > 0 && !counted[first]?.stale && counted[first - 1]?.result.outcome.ok === ok) first--;
    return index - first + 1;
  };
  /** The last one up to this that decided, decides. */
  const statusAt = (index: number): CheckState["status"] => {
    for (let decider = index; decider >= 0; decider--) {
      const ok = counted[decider]?.result.outcome.ok;
      const enough = streakAt(decider) >= (ok ? rise : fall);
      if (decider === 0 || counted[decider]?.stale || enough) return ok ? "up" : "down";
    }
    return "unknown";
  };
  const last = counted.length - 1;
  const lastResult = counted[last]?.result;
  if (!lastResult) return UNKNOWN;
  let turned = last;
  while (turned > 0 && statusAt(turned - 1) === statusAt(last)) turned--;
  const { start = 0, durationMs = 0 } = counted[turned]?.result ?? {};
  return { status: statusAt(last), streak: streakAt(last), since: start + durationMs, last: lastResult };
}

test("a state is never changed in place", () => {
  const before = Object.freeze(nextState(UNKNOWN, Object.freeze(result(1, UP)), AT_ONCE, false));
  expect(() => nextState(before, Object.freeze(result(2, DOWN)), AT_ONCE, false)).not.toThrow();
});
