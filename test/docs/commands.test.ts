// Every command line of health-checker that a page shows is one that the program accepts. They are parsed as the
// program parses them, with the values of their options; none of them is run.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { maskQuoted, splitWords } from "../../src/text/shell-words.ts";
import { ROOT } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { problemsOfWords } from "../support/command-line.ts";
import { type Block, blocksOf, documentFiles } from "../support/documents.ts";

/** Where a command line of the program begins: at the start of a command, perhaps by sudo, in any folder. */
const START =
  /(?<=(?:^ *|[;&|(] *)(?:(?:if|then|exec) )?)(?:sudo (?:-u \S+ )?)?(?:\S*\/)?health-checker(?:\.new)?(?=\s|$)/gm;

/** What ends it, outside quotes: another command, a redirection, a comment. */
const END = /\s*(?:[;&|<>)\n]|\d>|\s#)/;

const pages = await documentFiles();

test.each(pages)("every command line of %s is accepted", async (page) => {
  const blocks = blocksOf(await Bun.file(join(ROOT, page)).text());
  for (const line of blocks.flatMap(commandLinesOf)) {
    expect({ line, problems: await problemsOf(line) }).toEqual({ line, problems: [] });
  }
});

test.each(pages)("the shell can read every block for it in %s", async (page) => {
  const blocks = blocksOf(await Bun.file(join(ROOT, page)).text());
  for (const { text } of blocks.filter(({ language }) => language === "sh" || language === "bash")) {
    await using shell = startChild(["bash", "-n", "-c", text]);
    const [exitCode] = await Promise.all([shell.exited, shell.ended]);
    expect({ text, exitCode, err: shell.err }).toEqual({ text, exitCode: 0, err: [] });
  }
});

test("the pages have command lines, also those of configuration files", async () => {
  const texts = await Promise.all(pages.map((page) => Bun.file(join(ROOT, page)).text()));
  const lines = texts.flatMap(blocksOf).flatMap(commandLinesOf);
  expect(lines.length).toBeGreaterThan(10);
});

test("a command line ends where the shell ends it, and a mistake in it is found", async () => {
  const text = `sudo -u hc /usr/local/bin/health-checker check --script 'a | b' \\
  --wait 5m > x.log 2>&1 && health-checker drain --nothing   # why
if health-checker --port 1x; then health-checker status | grep up; fi
cp health-checker /usr/local/bin/health-checker
docker exec health-checker health-checker status
`;
  const lines = commandLinesOf({ language: "sh", text });
  expect(lines).toEqual([
    "health-checker check --script 'a | b'    --wait 5m",
    "health-checker drain --nothing",
    "health-checker --port 1x",
    "health-checker status",
  ]);
  expect(await Promise.all(lines.map(problemsOf))).toEqual([
    [],
    [expect.stringContaining("--nothing")],
    [expect.stringContaining("1x")],
    [],
  ]);
});

/** Those of the lines that a user types, and of what another program starts. */
function commandLinesOf({ language, text }: Pick<Block, "language" | "text">): readonly string[] {
  const typed = typedIn(language, text).replaceAll("\\\n", " ");
  const masked = maskQuoted(typed);
  return [...masked.matchAll(START)].map(({ index, 0: start }) => {
    const from = index + start.length;
    const length = END.exec(masked.slice(from))?.index ?? masked.length - from;
    return `health-checker${typed.slice(from, from + length)}`.trim();
  });
}

function typedIn(language: string, text: string): string {
  if (language === "sh" || language === "bash") return text;
  const typed = language === "console" ? /^[$#] ((?:.*\\\n)*.*)$/gm : /^(?:command|ExecStart|ExecReload)=(.*)$/gm;
  return [...text.matchAll(typed)].map(([, line = ""]) => line).join("\n");
}

/** `validate FILE` and `unit --check [FILE]` are the only commands that take a file without an option. */
async function problemsOf(line: string): Promise<readonly string[]> {
  const words = splitWords(line);
  if (typeof words === "string") return [words];
  const [, ...argv] = words;
  const check = argv[0] === "unit" ? argv.indexOf("--check") : -1;
  if (check > 0) return problemsOfWords(argv.toSpliced(check, isFile(argv[check + 1]) ? 2 : 1));
  return problemsOfWords(argv[0] === "validate" && isFile(argv[1]) ? argv.toSpliced(1, 1) : argv);
}

const isFile = (word: string | undefined): boolean => word?.startsWith("-") === false;
