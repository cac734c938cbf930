// Everything that a user reads, and the source too, uses the words of the field, and none that this project once made up.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { COMMANDS } from "../src/cli/commands.ts";
import { ROOT } from "./support/binary.ts";
import { runCommand } from "./support/command.ts";

/** Each with what to say instead. */
const WORDS: ReadonlyMap<RegExp, string> = new Map([
  [/\baskers?\b/gi, "client, request, load balancer"],
  [/withdraw/gi, "drain, maintenance"],
  [/\bcautions?\b/gi, "warning"],
  [/\bunwise\b/gi, "warning"],
  [/\bunless said\b/gi, "by default"],
  [/\banew\b/gi, "again"],
  [/\bwho(ever|soever)\b/gi, "a client, a program, a user"],
  [/belongs to none/gi, "unexpected argument"],
  [/to be feared/gi, "warning"],
  [/what came of it/gi, "result"],
]);

/** Where the word is data: the name of a file that an earlier version wrote. */
const ALLOWED: ReadonlySet<string> = new Set(["withdrawal.json"]);

/** Decisions (docs/adr) may say how things were once called. */
const PAGES = ["README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "docs/*.md", "packaging/*"];
const SOURCES = ["build.ts", "bench/*.ts", "docs/*.ts", "src/**/*.ts", "test/**/*.ts"];

function violations(where: string, text: string): readonly string[] {
  const lines = text.split("\n").map((line) => [...ALLOWED].reduce((left, name) => left.replaceAll(name, ""), line));
  return lines.flatMap((line, index) =>
    [...WORDS].flatMap(([word, instead]) =>
      [...line.matchAll(word)].map(([found]) => `${where}:${index + 1}: "${found}": say ${instead}`),
    ),
  );
}

test("such a word is found, with its line and what to say", () => {
  expect(violations("page", "fine\nThe asker waits.")).toEqual(['page:2: "asker": say client, request, load balancer']);
});

for (const [what, patterns] of Object.entries({ page: PAGES, source: SOURCES })) {
  test(`no ${what} uses one`, async () => {
    const files = patterns
      .flatMap((pattern) => [...new Glob(pattern).scanSync(ROOT)])
      .filter((file) => file !== "test/voice.test.ts");
    expect(files.length).toBeGreaterThan(8);
    const found = files.map(async (file) => violations(file, await Bun.file(join(ROOT, file)).text()));
    expect((await Promise.all(found)).flat()).toEqual([]);
  });
}

test("no help and no schema uses one", async () => {
  for (const argv of [["--help"], ["schema"], ...COMMANDS.map(({ meta }) => [meta.name, "--help"])]) {
    const { out } = await runCommand(argv);
    expect(violations(argv.join(" "), out)).toEqual([]);
  }
});
