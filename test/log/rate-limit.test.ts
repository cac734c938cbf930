// However a subject changes: five tellings a minute at most, nothing uncounted, and the
// last one told is what is.

import { expect, test } from "bun:test";
import { createFlapGuard, type Late, MINUTE_MS, SUM_UP_MS, TOLD_A_MINUTE } from "../../src/log/rate-limit.ts";
import { fakeClock } from "../monitor/fakes.ts";
import * as fc from "../support/properties.ts";

interface Telling {
  readonly subject: string;
  /** The number of the change. */
  readonly change: number;
  readonly at: number;
  readonly late: Late | undefined;
}

/** Changes are numbered from 1, each subject's for themselves. */
function setUp() {
  const clock = fakeClock();
  const guard = createFlapGuard(clock);
  const tellings: Telling[] = [];
  const changes = new Map<string, number[]>();
  return {
    clock,
    tellings,
    changes,
    end: guard.end,
    change(subject = "it") {
      const times = changes.get(subject) ?? [];
      changes.set(subject, times);
      const change = times.push(clock.now());
      guard.change(subject, (late) => tellings.push({ subject, change, at: clock.now(), late }));
    },
  };
}

test("up to five changes are told at once", () => {
  const { change, tellings } = setUp();
  for (let count = 0; count < TOLD_A_MINUTE; count++) change();
  expect(tellings.map(({ change, late }) => [change, late])).toEqual([1, 2, 3, 4, 5].map((n) => [n, undefined]));
});

test("what flips each second for an hour is told five times, and then each five minutes, with a count", async () => {
  const { clock, change, tellings } = setUp();
  const start = clock.now();
  for (let second = 0; second < 3600; second++) {
    change();
    await clock.pass(1000);
  }
  const late = tellings.filter(({ late }) => late);
  expect(tellings).toHaveLength(TOLD_A_MINUTE + late.length);
  expect(late).toHaveLength(11);
  expect(late.map(({ at }) => at - start)).toEqual(late.map((_, index) => 4000 + (index + 1) * SUM_UP_MS));
  expect(late.map(({ late }) => late?.leftOut)).toEqual([298, ...Array(10).fill(299)]);
});

test("the last change is told once the subject has rested for a minute, and changes are told at once again", async () => {
  const { clock, change, tellings } = setUp();
  for (let count = 0; count < 8; count++) change();
  await clock.pass(MINUTE_MS - 1);
  expect(tellings).toHaveLength(5);
  await clock.pass(1);
  expect(tellings.at(-1)).toMatchObject({ change: 8, late: { leftOut: 2, agoMs: MINUTE_MS } });
  change();
  expect(tellings.at(-1)).toMatchObject({ change: 9, late: undefined });
});

test("a change after a rest is told at once, though the timer comes late", async () => {
  const { clock, change, tellings } = setUp();
  for (let count = 0; count < 6; count++) change();
  await clock.pass(1000);
  await clock.suspend(MINUTE_MS); // timers stand still
  change();
  expect(tellings.slice(5).map(({ change, late }) => [change, late?.leftOut])).toEqual([
    [6, 0],
    [7, undefined],
  ]);
  await clock.pass(10 * MINUTE_MS);
  expect(tellings).toHaveLength(7);
});

test("at the end what is held is told at once, and not again", async () => {
  const { clock, change, tellings, end } = setUp();
  for (let count = 0; count < 8; count++) change();
  change("calm");
  await clock.pass(2000);
  end();
  end();
  expect(tellings).toHaveLength(7);
  expect(tellings.at(-1)).toMatchObject({ subject: "it", change: 8, late: { leftOut: 2, agoMs: 2000 } });
  await clock.pass(10 * MINUTE_MS);
  expect(tellings).toHaveLength(7);
});

test("a thousand subjects that change at once are told of once each", () => {
  const { change, tellings } = setUp();
  for (let count = 0; count < 1000; count++) change(`check ${count}`);
  expect(new Set(tellings.map(({ subject }) => subject)).size).toBe(1000);
  expect(tellings).toHaveLength(1000);
});

const happening = fc.record({
  subject: fc.constantFrom("a", "b"),
  count: fc.integer({ min: 1, max: 8 }),
  pause: fc.constantFrom(0, 1, 1000, 11_999, 12_000, 12_001, 59_999, 60_000, 60_001, 299_999, 300_000),
  kind: fc.constantFrom("pass", "pass", "stall", "suspend"),
} as const);

test("subjects that are always new ones, as when names change with every reload, cost no more the more there are", () => {
  const { change, tellings } = setUp();
  // A quarter of a second; if each new one looked through all the others, ten minutes.
  for (let subject = 0; subject < 200_000; subject++) change(String(subject));
  expect(tellings).toHaveLength(200_000);
});

test("whatever happens, the rule holds", async () => {
  let held = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 40 }), async (happenings) => {
      const { clock, change, changes, tellings } = setUp();
      for (const { subject, count, pause, kind } of happenings) {
        for (let number = 0; number < count; number++) change(subject);
        await clock[kind](pause);
      }
      await clock.pass(MINUTE_MS);
      for (const [subject, times] of changes) {
        const told = tellings.filter((telling) => telling.subject === subject);
        // Never more than five in a minute.
        for (const [index, { at }] of told.entries()) {
          const fifthBefore = told[index - TOLD_A_MINUTE];
          if (fifthBefore) expect(at - fifthBefore.at).toBeGreaterThanOrEqual(MINUTE_MS);
        }
        // In order, with each change told or counted, the last one told.
        let last = 0;
        for (const { change, late, at } of told) {
          expect(change).toBe(last + (late?.leftOut ?? 0) + 1);
          expect(late?.agoMs ?? 0).toBe(at - (times[change - 1] ?? 0));
          last = change;
        }
        expect(last).toBe(times.length);
        if (told.some(({ late }) => late)) held++;
        // What is held is told within five minutes of the last telling, as long as timers come in time.
        if (happenings.every(({ kind }) => kind === "pass")) {
          for (const [index, { at, late }] of told.entries()) {
            if (late) expect(at - (told[index - 1]?.at ?? 0)).toBeLessThanOrEqual(SUM_UP_MS);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(held).toBeGreaterThan(50);
}, 60_000);

test("a subject that never has more than five changes in a minute is told of each at once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: MINUTE_MS / TOLD_A_MINUTE, max: 90_000 })), async (pauses) => {
      const { clock, change, tellings } = setUp();
      for (const pause of pauses) {
        change();
        await clock.pass(pause);
      }
      expect(tellings.map(({ late }) => late)).toEqual(pauses.map(() => undefined));
    }),
    { numRuns: 100 },
  );
});
