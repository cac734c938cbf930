// A quoted word is read back unchanged, whatever it holds.

import { expect, test } from "bun:test";
import { quoteArgument, quoteProgram, quoteWord, readArgument, readWords } from "../../../src/cli/unit/quote.ts";
import * as fc from "../../support/properties.ts";
import { commandOf, readUnitFile, splitWords } from "../../support/unit-file.ts";

/** Any argument that a program can have: any text without a zero byte. */
const argument = fc
  .oneof(
    fc.string({ unit: "binary" }),
    fc.string({
      unit: fc.constantFrom(..."%$\\\"';#~{}@!+-:= \t\n\r\v\u0001\u007f\u0085é€🙂\u200b\u202e\u2028\ufeff\uffff"),
    }),
    fc.constantFrom(
      "",
      ";",
      "\\;",
      `\${HOME}`,
      "$HOME",
      "%n",
      "%%",
      "-",
      "--",
      "\\x41",
      "\\",
      "a\\",
      '"',
      "#x",
      "\\\n",
    ),
  )
  .map((text) => text.replaceAll("\0", ""));

test("any arguments reach the daemon unchanged", () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 6 }), (words) => {
      const line = `ExecStart=${["/bin/true", ...words.map(quoteArgument)].join(" ")}`;
      const [value = ""] = readUnitFile(`[Service]\n${line}\n`).get("Service.ExecStart") ?? [];
      expect(commandOf(value)).toEqual(["/bin/true", ...words]);
    }),
    { numRuns: 2000 },
  );
});

test("the program reads back the words that it has written", () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 6 }), (words) => {
      expect(readWords(words.map(quoteArgument).join(" ")).map(readArgument)).toEqual(
        words.map((word) => word.toWellFormed()),
      );
    }),
    { numRuns: 2000 },
  );
});

/** Values as other authors write them. */
const READ: readonly (readonly [value: string, words: readonly string[]])[] = [
  ["", []],
  ["  a \t b  ", ["a", "b"]],
  [`'b c' "d 'e'" f"g h"i`, ["b c", "d 'e'", "fg hi"]],
  ["x\\ y \\x41\\102 \\xc3\\xa9 \\s\\n", ["x y", "AB", "é", " \n"]],
  ["\"\" ''", ["", ""]],
  ["%n 50%% $HOME", ["%n", "50%", "$HOME"]],
  // systemd refuses it itself.
  ['"not closed', ['"not', "closed"]],
  ["end\\", ["end\\"]],
];

test.each(READ)("%j is read as %j", (value, words) => {
  expect(readWords(value)).toEqual(words);
});

test("any path of a list is read unchanged", () => {
  fc.assert(fc.property(argument, (word) => expect(splitWords(quoteWord(`/${word}`))).toEqual([`/${word}`])));
});

test("no character is written that steers a terminal, or that systemd ignores a line for", () => {
  fc.assert(
    fc.property(argument, (word) => {
      expect(quoteArgument(word)).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}\p{Cs}]*$/u);
    }),
  );
});

const QUOTED: readonly (readonly [word: string, quoted: string])[] = [
  ["/etc/health-checker/config.yaml", "/etc/health-checker/config.yaml"],
  ["0.0.0.0:5000", "0.0.0.0:5000"],
  ["", '""'],
  ["/opt/zk check.sh --port 2181", '"/opt/zk check.sh --port 2181"'],
  ["50%", '"50%%"'],
  ["$HOME", '"$$HOME"'],
  ['say "no"', '"say \\"no\\""'],
  ["it's", '"it\'s"'],
  ["a\\b", '"a\\\\b"'],
  ["a\nb", '"a\\x0ab"'],
  ["é", '"é"'],
  ["\u202e", '"\\xe2\\x80\\xae"'],
];

for (const [word, quoted] of QUOTED) {
  test(`${JSON.stringify(word)} is written as ${quoted}`, () => {
    expect(quoteArgument(word)).toBe(quoted);
  });
}

test("systemd expands no variable in the path of the program, so a $ is not doubled", () => {
  expect(quoteProgram("/opt/a$b 5%/hc")).toBe('"/opt/a$b 5%%/hc"');
});

for (const path of ['/opt/"x"', "/opt/it's", "/opt/a\\b", "/opt/a\nb"]) {
  test(`systemd refuses a program at ${JSON.stringify(path)}`, () => {
    expect(quoteProgram(path)).toBeUndefined();
  });
}
