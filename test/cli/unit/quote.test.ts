// What is quoted is read back as it was, whatever it holds.

import { expect, test } from "bun:test";
import { quoteArgument, quoteProgram, quoteWord, readArgument, readWords } from "../../../src/cli/unit/quote.ts";
import * as fc from "../../support/properties.ts";
import { commandOf, readUnitFile, splitWords } from "../../support/unit-file.ts";

/** As an argument of a program can be: any text but a zero byte. */
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

test("any arguments reach the daemon as they are", () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 6 }), (words) => {
      const line = `ExecStart=${["/bin/true", ...words.map(quoteArgument)].join(" ")}`;
      const [value = ""] = readUnitFile(`[Service]\n${line}\n`).get("Service.ExecStart") ?? [];
      expect(commandOf(value)).toEqual(["/bin/true", ...words]);
    }),
    { numRuns: 2000 },
  );
});

test("the program reads from a unit what it has written", () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 6 }), (words) => {
      expect(readWords(words.map(quoteArgument).join(" ")).map(readArgument)).toEqual(
        words.map((word) => word.toWellFormed()),
      );
    }),
    { numRuns: 2000 },
  );
});

/** As others write it. */
const READ: readonly (readonly [value: string, words: readonly string[]])[] = [
  ["", []],
  ["  a \t b  ", ["a", "b"]],
  [`'b c' "d 'e'" f"g h"i`, ["b c", "d 'e'", "fg hi"]],
  ["x\\ y \\x41\\102 \\xc3\\xa9 \\s\\n", ["x y", "AB", "é", " \n"]],
  ["\"\" ''", ["", ""]],
  ["%n 50%% $HOME", ["%n", "50%", "$HOME"]],
  // systemd refuses it; it is not for this program to do so.
  ['"not closed', ['"not', "closed"]],
  ["end\\", ["end\\"]],
];

test.each(READ)("%j is read as %j", (value, words) => {
  expect(readWords(value)).toEqual(words);
});

test("any path of a list of paths is read as it is", () => {
  fc.assert(fc.property(argument, (word) => expect(splitWords(quoteWord(`/${word}`))).toEqual([`/${word}`])));
});

test("nothing that would write elsewhere on a terminal, or that systemd takes for no text, is written", () => {
  fc.assert(
    fc.property(argument, (word) => {
      expect(quoteArgument(word)).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}\p{Cs}]*$/u);
    }),
  );
});

const QUOTED: readonly (readonly [word: string, quoted: string])[] = [
  ["/etc/health-checker.yaml", "/etc/health-checker.yaml"],
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
  test(`${JSON.stringify(word)} is written ${quoted}`, () => {
    expect(quoteArgument(word)).toBe(quoted);
  });
}

test("in the path of the program no variable is looked for, so none is written twice", () => {
  expect(quoteProgram("/opt/a$b 5%/hc")).toBe('"/opt/a$b 5%%/hc"');
});

for (const path of ['/opt/"x"', "/opt/it's", "/opt/a\\b", "/opt/a\nb"]) {
  test(`systemd takes no program at ${JSON.stringify(path)}`, () => {
    expect(quoteProgram(path)).toBeUndefined();
  });
}
