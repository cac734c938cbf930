// Durations are read to the millisecond, and any other text is refused.

import { expect, test } from "bun:test";
import { formatDuration, parseDuration, roundDuration } from "../../src/text/duration.ts";
import * as fc from "../support/properties.ts";

test.each([
  ["0", 0],
  ["5", 5000],
  ["005", 5000],
  ["0.5", 500],
  ["16.1", 16_100],
  ["1.001", 1001],
  ["0.0001", 1],
  ["500ms", 500],
  ["0.2ms", 1],
  ["10s", 10_000],
  ["1.5s", 1500],
  ["1m", 60_000],
  ["1m30s", 90_000],
  ["1h", 3_600_000],
  ["1h1m1s1ms", 3_661_001],
  ["1.5h", 5_400_000],
  ["90m", 5_400_000],
])("%j is %d ms", (text, durationMs) => {
  expect(parseDuration(text)).toBe(durationMs);
});

test.each([
  "",
  " ",
  "5 s",
  " 5",
  "5\n",
  "-1",
  "+1",
  ".5",
  "5.",
  "1e3",
  "0x10",
  "NaN",
  "Infinity",
  "s",
  "ms",
  "5S",
  "1d",
  "5us",
  "1s1m",
  "1s1s",
  "1m5",
  "٥",
])("%j is no duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test.each([
  [0, "0s"],
  [-5, "0s"],
  [0.4, "0s"],
  [1, "1ms"],
  [999.6, "1s"],
  [1000, "1s"],
  [1500, "1s500ms"],
  [90_000, "1m30s"],
  [3_600_000, "1h"],
  [86_400_000, "24h"],
])("%d ms are written %j", (durationMs, text) => {
  expect(formatDuration(durationMs)).toBe(text);
});

test.each([
  [0, "0s"],
  [9_999, "9s999ms"],
  [10_999, "10s"],
  [599_999, "9m59s"],
  [600_000, "10m"],
  [3_719_999, "1h1m"],
])("%d ms are %j to people", (durationMs, text) => {
  expect(roundDuration(durationMs)).toBe(text);
});

test("whole milliseconds are read back as they were written", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (durationMs) => {
      expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
    }),
  );
});

test("a decimal number of seconds is exact to the millisecond, and smaller fractions are rounded up", () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(999), fc.constantFrom("", "s"), (seconds, thousandths, unit) => {
      const text = `${seconds}.${String(thousandths).padStart(3, "0")}${unit}`;
      expect([text, parseDuration(text)]).toEqual([text, seconds * 1000 + thousandths]);
    }),
    { numRuns: 2000 },
  );
});

test("any text gives whole milliseconds, not below zero, or undefined", () => {
  const likely = fc.string({ unit: fc.constantFrom(..."0123456789.hms -+e") });
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), likely), (text) => {
      const durationMs = parseDuration(text);
      expect(durationMs === undefined || (Math.ceil(durationMs) === durationMs && durationMs >= 0)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
