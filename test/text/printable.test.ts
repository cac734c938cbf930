// Foreign text is safe to show: on a line, in the middle of a message, and as several lines.

import { expect, test } from "bun:test";
import { listFirstTwo, listOf } from "../../src/text/list.ts";
import { clip, escapeUnprintable, onOneLine, plainLine, plainText } from "../../src/text/printable.ts";

test("a text with unprintable characters is escaped and in quotes", () => {
  const rows = [
    ["plain é 😀", "plain é 😀"],
    ["two\nlines", '"two\\nlines"'],
    ["\u202eright to left", '"\\u202eright to left"'],
    ["\u001b[31m", '"\\u001b[31m"'],
    ["\u0085\u2028\ufeff", '"\\u0085\\u2028\\ufeff"'],
  ] as const;
  for (const [text, shown] of rows) expect(onOneLine(text)).toBe(shown);
  // Of the same text twice: a regular expression that remembers where it was would miss the second.
  for (const time of [1, 2]) expect([time, onOneLine("\u202e")]).toEqual([time, '"\\u202e"']);
  expect(escapeUnprintable("a\u0007b")).toBe("a\\u0007b");
});

test("in the middle of a message blanks and invisible characters are single spaces", () => {
  expect(plainLine(" a\r\n\tb\u2028c\u202ed\u001b\0e\u00a0\u200bf ")).toBe("a b c d e f");
  expect(plainLine("abcdef", 3)).toBe("abc…");
  expect(plainLine("abc  ", 3)).toBe("abc");
});

test("lines keep their ends, and each run of control characters becomes one character", () => {
  expect(plainText("a\r\nb\rc\n\td\0\u0001\u007f\u0085\0\n\u001b[1me")).toBe("a\nb\nc\n\td\ufffd\n\u001b[1me");
});

test("no character is cut in half", () => {
  expect(clip("ab😀", 3)).toBe("ab…");
  expect(clip("ab😀", 4)).toBe("ab😀");
});

test("a list names the first items and counts the others", () => {
  const names = ["a", "b", "c", "d"];
  expect([0, 1, 2, 3, 4].map((count) => listOf(names.slice(0, count), 3))).toEqual([
    "",
    "a",
    "a, b",
    "a, b, c",
    "a, b, c and 1 more",
  ]);
  expect([0, 1, 2, 3, 4].map((count) => listFirstTwo(names.slice(0, count)))).toEqual([
    "",
    "a",
    "a and b",
    "a, b and 1 more",
    "a, b and 2 more",
  ]);
});
