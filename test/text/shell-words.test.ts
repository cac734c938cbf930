// A command is split as a POSIX shell splits it, and what a shell would expand or refuse is refused.

import { expect, test } from "bun:test";
import { maskQuoted, splitWords } from "../../src/text/shell-words.ts";
import * as fc from "../support/properties.ts";

test.each([
  ["/bin/true", ["/bin/true"]],
  ["  a \t b\n", ["a", "b"]],
  ["a 'b c' d", ["a", "b c", "d"]],
  ['a "b c" d', ["a", "b c", "d"]],
  ["a b\\ c", ["a", "b c"]],
  ["a''b", ["ab"]],
  ["a ''", ["a", ""]],
  ['a ""', ["a", ""]],
  ["a 'b'\"c\"d", ["a", "bcd"]],
  ["'it'\\''s'", ["it's"]],
  ['"a\\"b"', ['a"b']],
  ['"a\\b"', ["a\\b"]],
  ['"a\\\\b"', ["a\\b"]],
  ["'a\\b'", ["a\\b"]],
  ['"\\$HOME \\`x\\`"', ["$HOME `x`"]],
  ["\\$HOME", ["$HOME"]],
  ["$HOME ~ * $(x)", ["$HOME", "~", "*", "$(x)"]],
  ["a\\\nb", ["ab"]],
  ['"a\\\nb"', ["ab"]],
  ["a\nb", ["a", "b"]],
  ["a\rb", ["a\rb"]],
  ["é\u00a0ü", ["é\u00a0ü"]],
  ['"$\'"', ["$'"]],
  ["\\$'x y'", ["$x y"]],
  ["\"\\$\"'x y'", ["$x y"]],
  ["'$'\\''x'", ["$'x"]],
  ["'a\\\\b'\"c\"", ["a\\\\bc"]],
  ['"a\\\\"\\\\b', ["a\\\\b"]],
])("%j is split into %j", (text, words) => {
  expect(splitWords(text)).toEqual(words);
});

const OPEN = "a command whose quotes are closed and which does not end in a backslash";
const ANSI = "a command without $'…' or $\"…\", since nothing is expanded";

test.each([
  ["", "a command"],
  [" \t\n", "a command"],
  ["''", "a command whose first word is not empty"],
  ['"" x', "a command whose first word is not empty"],
  ["a 'b", OPEN],
  ['a "b', OPEN],
  ['a "b\\"', OPEN],
  ["a\\", OPEN],
  ["'\\'", ["\\"]],
  ["a $'b\\n'", ANSI],
  ['a $"b"', ANSI],
  ["'a'$'b'", ANSI],
  ["\\\\$'b'", ANSI],
  ["a\0b", "a command without a zero byte"],
])("%j gives %j", (text, expected) => {
  expect(splitWords(text)).toEqual(expected);
});

test.skipIf(Bun.which("dash") === null)(
  "every command without expansions is split as dash splits it",
  () => {
    const piece = fc.oneof(
      fc.string({ unit: fc.constantFrom(..."ab =-./:%,+@^é\t"), maxLength: 4 }),
      fc.string({ unit: fc.constantFrom(...'ab "\\$`#;&|<>(){}*?[]!~\n'), maxLength: 6 }).map((inner) => `'${inner}'`),
      fc
        .array(
          fc.constantFrom(
            "a",
            " ",
            "'",
            "#",
            ";",
            "&",
            "*",
            "\n",
            "\t",
            '\\"',
            "\\\\",
            "\\$",
            "\\`",
            "\\a",
            "\\\n",
            "\\'",
          ),
          {
            maxLength: 6,
          },
        )
        .map((inner) => `"${inner.join("")}"`),
      fc.constantFrom(..."\\'\"$`ab #;&|<>()*?[]!~\t\n").map((character) => `\\${character}`),
    );
    // The leading word keeps printf's arguments from being none, for which it prints one empty word.
    const command = fc.array(piece, { maxLength: 8 }).map((pieces) => `x ${pieces.join("")}`);
    fc.assert(
      fc.property(command, (text) => {
        const dash = Bun.spawnSync(["dash", "-c", `printf '%s\\0' ${text}`], { env: {} });
        expect(dash.exitCode).toBe(0);
        expect(splitWords(text)).toEqual(dash.stdout.toString().split("\0").slice(0, -1));
      }),
      { numRuns: 400 },
    );
  },
  60_000,
);

test("any text gives words, the first not empty, or a phrase; never a throw", () => {
  const likely = fc.string({ unit: fc.constantFrom(..."ab '\"\\$`\n\t#\0") });
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), likely), (text) => {
      const words = splitWords(text);
      if (typeof words === "string") expect(words).toStartWith("a command");
      else expect(words[0]).not.toBeOneOf(["", undefined]);
    }),
    { numRuns: 3000 },
  );
});

test.each([
  ["a|b 'c|d' e", "a|b \0\0\0\0\0 e"],
  ['a "b\\"|c" | d', "a \0\0\0\0\0\0\0 | d"],
  ["a \\| b\\\nc", "a \0\0 b\0\0c"],
  ["'a'\"b\"c", "\0\0\0\0\0\0c"],
])("of %j only what is neither quoted nor escaped is left", (text, masked) => {
  expect(maskQuoted(text)).toBe(masked);
});

test("the masked text holds the words without their quoted parts", () => {
  const piece = fc.constantFrom("a", "|", " ", "\n", "'x y'", '"x\\"y"', "\\ ", "\\\\");
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const words = splitWords(pieces.join(""));
      if (typeof words === "string") return;
      const plain = maskQuoted(pieces.join(""))
        .split(/[ \t\n]+/)
        .filter((word) => word !== "");
      expect(plain).toHaveLength(words.length);
    }),
  );
});
