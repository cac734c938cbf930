// The values of directives, in every notation that systemd reads.

import { expect, test } from "bun:test";
import { allows, amountOf, secondsOf } from "../../../../src/cli/unit/installed/values.ts";

test.each<[text: string, seconds: number | undefined]>([
  ["15", 15],
  ["90s", 90],
  ["1min 30s", 90],
  ["2h30min", 9000],
  ["500ms", 0.5],
  ["1d", 86_400],
  ["infinity", Number.POSITIVE_INFINITY],
  ["0", Number.POSITIVE_INFINITY],
  ["", undefined],
  ["soon", undefined],
  ["5 x", undefined],
  [`${"1".repeat(50_000)}!`, undefined],
])("%s is %p seconds", (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds);
});

test.each<[text: string, amount: number | undefined]>([
  ["512", 512],
  ["576M", 576 * 1024 * 1024],
  ["1.5g", 1.5 * 1024 ** 3],
  ["infinity", Number.POSITIVE_INFINITY],
  ["15%", undefined],
  ["many", undefined],
])("%s is %p", (text, amount) => {
  expect(amountOf(text)).toBe(amount);
});

test.each<[values: readonly string[], isAllowed: boolean]>([
  [[], true],
  [["A B"], true],
  [["B"], false],
  [["~A"], false],
  [["~B C"], true],
  [["B", "A"], true],
  [["A", "~A"], false],
  [["~A", "A"], true],
  [["~B", "~A"], false],
  [["none"], false],
])("of A, %j is %p", (values, isAllowed) => {
  expect(allows(values, "A")).toBe(isAllowed);
});
