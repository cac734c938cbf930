// Every file of testdata/config/bad is refused with exactly the lines of its .expected file. After an intended change
// `UPDATE_EXPECTED=1 bun test test/config/bad.test.ts` rewrites these files; review their diff.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { startChild } from "../support/child.ts";
import { problemsOf, runCommand } from "../support/command.ts";
import { asRoot } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";

const FOLDER = join(import.meta.dir, "../testdata/config/bad");
const FILES = (await Array.fromAsync(new Bun.Glob("*.yaml").scan(FOLDER))).sort();

/** The password in the files and in the environment; no line may show it. */
const SECRET = "hunter2";
const ENV = { TEST_SECRET: `s3cret-${SECRET}` };

async function refusalOf(file: string): Promise<readonly string[]> {
  const lines = await problemsOf(["validate", file], ENV);
  return lines.map((line) => line.replaceAll(file, basename(file)));
}

/** A place and a text, which ends without a full stop. */
const PROBLEM = /^[\w.-]+\.yaml:(\d+):(\d+): \S.+[^.\s]$/;

test("there are bad files of every sort", () => {
  expect(FILES.length).toBeGreaterThanOrEqual(45);
});

test.each(FILES)("%s is refused with all of its problems", async (name) => {
  const lines = await refusalOf(join(FOLDER, name));
  const text = `${lines.join("\n")}\n`;
  const beside = join(FOLDER, name.replace(/\.yaml$/, ".expected"));
  if (process.env["UPDATE_EXPECTED"]) await Bun.write(beside, text);
  expect(text).toBe(await Bun.file(beside).text());

  // The rules of every problem.
  const places = lines.map((line) => PROBLEM.exec(line));
  for (const [index, place] of places.entries()) {
    const line = lines[index] ?? "";
    if (!/: and \d+ more( unknown keys? or items?)?$|^[\w.-]+\.yaml: nothing to check: /.test(line))
      expect(place ?? line).toBeArray();
    expect(line).not.toContain(SECRET);
    // No control character reaches a terminal.
    expect(line).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
    expect(line.length).toBeLessThan(400);
  }
  const order = places.flatMap((place) => (place ? [Number(place[1]) * 1e6 + Number(place[2])] : []));
  expect(order).toEqual(order.toSorted((one, other) => one - other));
  expect(new Set(lines).size).toBe(lines.length);
});

test("a missing file is reported", async () => {
  await using folder = await tempFolder();
  expect(await refusalOf(join(folder.path, "none.yaml"))).toEqual([
    "health-checker: cannot read none.yaml: no such file",
  ]);
});

test("a folder, a pipe and a device are not opened", async () => {
  await using folder = await tempFolder();
  await mkdir(join(folder.path, "d.yaml"));
  expect(await refusalOf(join(folder.path, "d.yaml"))).toEqual(["health-checker: cannot read d.yaml: it is a folder"]);
  // The pipe has no writer: to open it would block for ever.
  await using made = startChild(["mkfifo", join(folder.path, "p.yaml")]);
  expect(await made.exited).toBe(0);
  expect(await refusalOf(join(folder.path, "p.yaml"))).toEqual(["health-checker: cannot read p.yaml: it is a pipe"]);
  expect(await refusalOf("/dev/zero")).toEqual(["health-checker: cannot read zero: it is a device"]);
});

/** By this process since its start, from any file. */
const bytesRead = () => Number(/rchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);

test("10 MB are refused unread", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("large.yaml", "# x\n".repeat(2_500_000));
  const before = bytesRead();
  expect(await refusalOf(file)).toEqual([
    "health-checker: cannot read large.yaml: it has 10000000 bytes, more than 1 MiB",
  ]);
  expect(bytesRead() - before).toBeLessThan(1_000_000);
});

test("1 MiB is read, and a byte more is not", async () => {
  await using folder = await tempFolder();
  const content = `checks:\n  - tcp: 80\n${"#".repeat(1024 * 1024 - 21)}\n`;
  const good = await folder.write("good.yaml", content);
  expect(await runCommand(["validate", good])).toMatchObject({ status: 0 });
  const bad = await folder.write("bad.yaml", `${content}#`);
  expect(await refusalOf(bad)).toEqual(["health-checker: cannot read bad.yaml: it has 1048577 bytes, more than 1 MiB"]);
});

test("a file that reports no size is read up to 1 MiB", async () => {
  // Files in /proc report no size; this one is longer than 1 MiB.
  const [problem] = await refusalOf("/proc/kallsyms");
  expect(problem).toMatch(/^health-checker: cannot read kallsyms: it has more than 1 MiB$|^kallsyms:1:/);
});

test("100,000 brackets are too many levels", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("deep.yaml", `checks: ${"[".repeat(100_000)}\n`);
  expect(await refusalOf(file)).toEqual(["deep.yaml:1:1: expected at most 64 levels of lists and mappings, got more"]);
});

const SCRIPT = join(import.meta.dir, "../../src/main.ts");

/** Only the owner may read the file and the token; another user runs the program. */
asRoot(
  "a file or a secret without permission to read it is reported",
  async () => {
    await using folder = await tempFolder();
    const file = await folder.write("hc.yaml", "checks:\n  - tcp: 80\n", 0o600);
    const token = await folder.write("token", "x", 0o600);
    const open = await folder.write("open.yaml", `checks:\n  - tcp: "\${file:${token}}"\n`, 0o644);
    await using chmod = startChild(["chmod", "755", folder.path]);
    expect(await chmod.exited).toBe(0);
    const validate = async (name: string) => {
      const other = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
      await using child = startChild([...other, process.execPath, SCRIPT, "validate", name]);
      const [code] = await Promise.all([child.exited, child.ended]);
      return { code, lines: child.err };
    };
    expect(await validate(file)).toMatchObject({
      code: 2,
      lines: [`health-checker: cannot read ${file}: permission denied`],
    });
    const secret = `checks[0].tcp: cannot read ${token}: permission denied`;
    expect(await validate(open)).toMatchObject({ code: 2, lines: [`${open}:2:10: ${secret}`] });
  },
  30_000,
);
