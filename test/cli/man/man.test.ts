// The man pages have all that the tables have, and every reader of man pages renders them without a warning.

import { expect, test } from "bun:test";
import { KINDS } from "../../../src/checks/kinds.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { EXAMPLE } from "../../../src/cli/man/config-file.ts";
import { manPage } from "../../../src/cli/man/man.ts";
import { describeFile } from "../../../src/config/describe-keys.ts";
import { OPTION_NAMES } from "../../../src/config/options.ts";
import { plainEnvironment } from "../../support/child.ts";
import { printed, refusal, runCommand } from "../../support/command.ts";
import { needs } from "../../support/needs.ts";
import { tempFolder } from "../../support/temp.ts";

const SECTIONS = [1, 5] as const;
const DATE = "2026-11-28";

/** Both streams of a program that must end well. */
async function outputOf(command: readonly string[]): Promise<{ readonly out: string; readonly err: string }> {
  const env = { ...plainEnvironment(), LANG: "C.UTF-8", MANWIDTH: "80" };
  const child = Bun.spawn([...command], { env, stdout: "pipe", stderr: "pipe" });
  const [out, err, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect({ command, status, err }).toEqual({ command, status: 0, err: "" });
  return { out, err };
}

for (const section of SECTIONS) {
  (await needs("groff", "mandoc", "man"))(
    `groff, mandoc and man render the page of section ${section} without a warning`,
    async () => {
      await using folder = await tempFolder();
      const file = await folder.write(`page.${section}`, await manPage(section, COMMANDS, DATE));
      expect((await outputOf(["mandoc", "-T", "lint", file])).out).toBe("");
      await outputOf(["groff", "-ww", "-man", "-Tutf8", file]);
      const { out } = await outputOf(["man", "--warnings", "-l", file]);
      expect(out).toStartWith(section === 1 ? "HEALTH-CHECKER(1)" : "HEALTH-CHECKER.YAML(5)");
      expect(out).toContain(DATE);
      // Nothing is left of roff, and no line is cut.
      expect(out).not.toMatch(/\\[f([]|`/);
    },
    60_000,
  );
}

test("health-checker(1) has every option and every command with its options and statuses", async () => {
  const page = plainOf(await manPage(1, COMMANDS, DATE));
  for (const name of OPTION_NAMES) expect(page).toContain(`--${name}`);
  for (const { meta, help } of COMMANDS) {
    const [, text = ""] = new RegExp(`^\\.SS ${meta.name}\n(.*?)^\\.S[HS] `, "ms").exec(page) ?? [];
    for (const usage of help.usage) expect(text).toContain(`health-checker ${meta.name} ${usage}`.trimEnd());
    for (const option of Object.keys(help.options ?? {})) expect(text).toContain(`\n--${option}`);
    for (const meaning of Object.values(help.exitStatus)) expect(oneLine(text)).toContain(meaning);
  }
});

test("health-checker.yaml(5) has every key of every kind", async () => {
  const page = plainOf(await manPage(5, COMMANDS, DATE));
  const { options, parts, common, kinds, tls } = await describeFile();
  for (const { key } of [...options, ...parts, ...common, ...tls]) expect(page).toContain(`\n${key} (`);
  expect(kinds.map(({ name }) => name)).toEqual(Object.keys(KINDS));
  for (const { name, keys } of kinds) {
    const [, text = ""] = new RegExp(`^\\.SS ${name}\n(.*?)^\\.S[HS] `, "ms").exec(page) ?? [];
    expect(keys.filter(({ key }) => !text.includes(`\n${key} (`))).toEqual([]);
  }
});

test("the example of health-checker.yaml(5) is valid, without a warning, and has every kind", async () => {
  await using folder = await tempFolder();
  const secret = await folder.write("password", "not-a-real-one", 0o600);
  const file = await folder.write("config.yaml", EXAMPLE.replace(/\/run\/credentials\/[\w./-]+/, secret));
  const count = EXAMPLE.match(/^ {2}- /gm)?.length;
  expect(await runCommand(["validate", file])).toEqual(printed(`${file}: valid, ${count} checks`));
  for (const kind of Object.keys(KINDS)) expect(EXAMPLE).toMatch(new RegExp(`^    ${kind}: `, "m"));
});

test("man prints a page, and refuses another section", async () => {
  const { out, err, status } = await runCommand(["man"]);
  expect({ err, status }).toEqual({ err: [], status: 0 });
  expect(out).toStartWith(".TH HEALTH\\-CHECKER 1 ");
  expect((await runCommand(["man", "5"])).out).toStartWith(".TH HEALTH\\-CHECKER.YAML 5 ");
  expect(await runCommand(["man", "8"])).toEqual(refusal(['health-checker: man: expected 1 or 5, got "8"'], "man"));
  expect(await runCommand(["man", "1", "5"])).toEqual(refusal(['health-checker: unexpected argument "5"'], "man"));
});

/** The source without escapes: what a reader sees, on other lines. */
const plainOf = (roff: string): string =>
  roff
    .replaceAll(/\\f[BIR]|\\&/g, "")
    .replaceAll("\\(aq", "'")
    .replaceAll("\\(dq", '"')
    .replaceAll("\\-", "-")
    .replaceAll(/\\\[u([0-9A-F]+)\]/g, (_, point) => String.fromCodePoint(Number.parseInt(point, 16)));

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ");
