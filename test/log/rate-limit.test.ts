// However a subject changes, it gets at most five lines a minute, every change is counted, and the last line is about
// the newest change.

import { expect, test } from "bun:test";
import { type Late, MINUTE_MS, MOST_A_MINUTE, RateLimit, SUM_UP_MS } from "../../src/log/rate-limit.ts";
import { fakeClock } from "../monitor/fakes.ts";
import * as fc from "../support/properties.ts";

interface Line {
  readonly subject: string;
  /** The number of the change. */
  readonly change: number;
  readonly at: number;
  readonly late: Late | undefined;
}

/** The changes of each subject are numbered from 1. */
function setUp() {
  const clock = fakeClock();
  const limit = new RateLimit(clock);
  const written: Line[] = [];
  const changes = new Map<string, number[]>();
  return {
    clock,
    written,
    changes,
    end: () => limit.end(),
    change(subject = "it") {
      const times = changes.get(subject) ?? [];
      changes.set(subject, times);
      const change = times.push(clock.now());
      limit.change(subject, (late) => written.push({ subject, change, at: clock.now(), late }));
    },
  };
}

test("up to five changes are logged at once", () => {
  const { change, written } = setUp();
  for (let count = 0; count < MOST_A_MINUTE; count++) change();
  expect(written.map(({ change, late }) => [change, late])).toEqual([1, 2, 3, 4, 5].map((n) => [n, undefined]));
});

test("a subject that changes every second for an hour gets five lines, and then one every five minutes, with a count", async () => {
  const { clock, change, written } = setUp();
  const start = clock.now();
  for (let second = 0; second < 3600; second++) {
    change();
    await clock.pass(1000);
  }
  const late = written.filter(({ late }) => late);
  expect(written).toHaveLength(MOST_A_MINUTE + late.length);
  expect(late).toHaveLength(11);
  expect(late.map(({ at }) => at - start)).toEqual(late.map((_, index) => 4000 + (index + 1) * SUM_UP_MS));
  expect(late.map(({ late }) => late?.suppressed)).toEqual([298, ...Array(10).fill(299)]);
});

test("the last change is logged once nothing has changed for a minute, and then changes are logged at once again", async () => {
  const { clock, change, written } = setUp();
  for (let count = 0; count < 8; count++) change();
  await clock.pass(MINUTE_MS - 1);
  expect(written).toHaveLength(5);
  await clock.pass(1);
  expect(written.at(-1)).toMatchObject({ change: 8, late: { suppressed: 2, agoMs: MINUTE_MS } });
  change();
  expect(written.at(-1)).toMatchObject({ change: 9, late: undefined });
});

test("a change after a rest is logged at once, though the timer comes late", async () => {
  const { clock, change, written } = setUp();
  for (let count = 0; count < 6; count++) change();
  await clock.pass(1000);
  await clock.suspend(MINUTE_MS); // timers stand still
  change();
  expect(written.slice(5).map(({ change, late }) => [change, late?.suppressed])).toEqual([
    [6, 0],
    [7, undefined],
  ]);
  await clock.pass(10 * MINUTE_MS);
  expect(written).toHaveLength(7);
});

test("at the end the held change is logged at once, and not again", async () => {
  const { clock, change, written, end } = setUp();
  for (let count = 0; count < 8; count++) change();
  change("calm");
  await clock.pass(2000);
  end();
  end();
  expect(written).toHaveLength(7);
  expect(written.at(-1)).toMatchObject({ subject: "it", change: 8, late: { suppressed: 2, agoMs: 2000 } });
  await clock.pass(10 * MINUTE_MS);
  expect(written).toHaveLength(7);
});

test("a thousand subjects that change at once get a line each", () => {
  const { change, written } = setUp();
  for (let count = 0; count < 1000; count++) change(`check ${count}`);
  expect(new Set(written.map(({ subject }) => subject)).size).toBe(1000);
  expect(written).toHaveLength(1000);
});

const happening = fc.record({
  subject: fc.constantFrom("a", "b"),
  count: fc.integer({ min: 1, max: 8 }),
  pause: fc.constantFrom(0, 1, 1000, 11_999, 12_000, 12_001, 59_999, 60_000, 60_001, 299_999, 300_000),
  kind: fc.constantFrom("pass", "pass", "stall", "suspend"),
} as const);

test("the cost of a new subject does not grow with their number, as when names change with every reload", () => {
  const { change, written } = setUp();
  // A quarter of a second; if each new one were compared with all the others, ten minutes.
  for (let subject = 0; subject < 200_000; subject++) change(String(subject));
  expect(written).toHaveLength(200_000);
});

test("the limits hold for any sequence of changes", async () => {
  let held = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 40 }), async (happenings) => {
      const { clock, change, changes, written } = setUp();
      for (const { subject, count, pause, kind } of happenings) {
        for (let number = 0; number < count; number++) change(subject);
        await clock[kind](pause);
      }
      await clock.pass(MINUTE_MS);
      for (const [subject, times] of changes) {
        const lines = written.filter((line) => line.subject === subject);
        // Never more than five in a minute.
        for (const [index, { at }] of lines.entries()) {
          const fifthBefore = lines[index - MOST_A_MINUTE];
          if (fifthBefore) expect(at - fifthBefore.at).toBeGreaterThanOrEqual(MINUTE_MS);
        }
        // In order, each change logged or counted, and the last one logged.
        let last = 0;
        for (const { change, late, at } of lines) {
          expect(change).toBe(last + (late?.suppressed ?? 0) + 1);
          expect(late?.agoMs ?? 0).toBe(at - (times[change - 1] ?? 0));
          last = change;
        }
        expect(last).toBe(times.length);
        if (lines.some(({ late }) => late)) held++;
        // What is held is logged within five minutes of the last line, as long as timers come in time.
        if (happenings.every(({ kind }) => kind === "pass")) {
          for (const [index, { at, late }] of lines.entries()) {
            if (late) expect(at - (lines[index - 1]?.at ?? 0)).toBeLessThanOrEqual(SUM_UP_MS);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(held).toBeGreaterThan(50);
}, 60_000);

test("a subject with at most five changes in each minute gets a line for each at once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: MINUTE_MS / MOST_A_MINUTE, max: 90_000 })), async (pauses) => {
      const { clock, change, written } = setUp();
      for (const pause of pauses) {
        change();
        await clock.pass(pause);
      }
      expect(written.map(({ late }) => late)).toEqual(pauses.map(() => undefined));
    }),
    { numRuns: 100 },
  );
});
