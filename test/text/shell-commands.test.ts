import { expect, test } from "bun:test";
import { simpleCommandsOf } from "../../src/text/shell-commands.ts";

/** With a bar before a command that reads from a pipe. */
const shown = (text: string): readonly (readonly string[])[] =>
  simpleCommandsOf(text).map(({ words, isPiped }) => [...(isPiped ? ["|"] : []), ...words.map((word) => word.text)]);

test.each<readonly [text: string, commands: readonly (readonly string[])[]]>([
  ["", []],
  ["a 'b c' \"d e\" f\\ g", [["a", "b c", "d e", "f g"]]],
  ["a;b&&c||d&e\nf", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]],
  ["a | b |& c |\n d", [["a"], ["|", "b"], ["|", "c"], ["|", "d"]]],
  ["a | (b; c)", [["a"], ["|", "b"], ["c"]]],
  ['a $(b "$(c)") `d`', [["b", "$()"], ["c"], ["d"], ["a", "$()", "``"]]],
  [
    "a \"x$(b 'y)')\"z",
    [
      ["b", "y)"],
      ["a", "x$()z"],
    ],
  ],
  ["a>b 2>&1 c&>d <e", [["a", ">b", "2>&1", "c", "&>d", "<e"]]],
  ["a <(b)", [["a", "<"], ["b"]]],
  ["a # it's b\nc", [["a", "#", "it's", "b"], ["c"]]],
  ["a\\\nb '' \"\\$\\x\"", [["ab", "", "$\\x"]]],
  ["a 'b c", [["a", "b c"]]],
  ['a "b c', [["a", "b c"]]],
  ["a) b", [["a"], ["b"]]],
  ["a\\", [["a\\"]]],
])("%j", (text, commands) => expect(shown(text)).toEqual(commands));

test("each character of a word has its position, and the start of each expansion is known", () => {
  const text = 'a "b\\"c"\'$d\'$e';
  const [, word] = simpleCommandsOf(text)[0]?.words ?? [];
  expect(word?.text).toBe('b"c$d$e');
  expect(word?.at.map((at) => text[at]).join("")).toBe('b"c$d$e');
  expect([...(word?.expanding ?? [])]).toEqual([5]);
});
