import { expect, test } from "bun:test";
import { duration } from "../../../../src/listeners/admin/page/duration.ts";
import { Times, took } from "../../../../src/listeners/admin/page/times.ts";

test.each([
  [0, "0 s"],
  [59.9, "59 s"],
  [60, "1 min"],
  [252, "4 min 12 s"],
  [600, "10 min"],
  [3599, "59 min"],
  [7200, "2 h"],
  [18_720, "5 h 12 min"],
  [172_799, "47 h 59 min"],
  [172_800, "2 days"],
  [-252, "4 min 12 s"],
])("%d seconds: %j", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test.each([
  [0, "0 ms"],
  [0.00042, "0.4 ms"],
  [0.0124, "12 ms"],
  [0.9996, "1 s"],
  [4.984, "4.98 s"],
  [10, "10 s"],
])("a run of %d seconds took %j", (seconds, text) => {
  expect(took(seconds)).toBe(text);
});

test("a time of another day has its date", () => {
  const times = new Times("2026-01-31T12:10:00.500Z");
  expect(times.time("2026-01-31T12:05:48.100Z").markup).toContain(">12:05:48 UTC<");
  expect(times.time("2026-01-30T12:05:48.100Z").markup).toContain(">2026-01-30 12:05:48 UTC<");
  expect(times.since(600).markup).toContain(">12:00:00 UTC<");
});

test("what is ago or left counts from the time of the status, and is never on the wrong side of it", () => {
  const times = new Times("2026-01-31T12:10:00.500Z");
  expect(times.ago("2026-01-31T12:09:00.500Z").markup).toBe('<span data-s="60">1 min</span> ago');
  expect(times.ago("2026-01-31T12:11:00.500Z").markup).toBe('<span data-s="0">0 s</span> ago');
  expect(times.left("2026-01-31T12:11:00.500Z").markup).toBe('<span data-s="-60">1 min</span> left');
  expect(times.left("2026-01-31T12:09:00.500Z").markup).toBe('<span data-s="0">0 s</span> left');
});
