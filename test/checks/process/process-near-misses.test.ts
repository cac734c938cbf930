// If no process has the name, the message names what the user may have meant.

import { expect, test } from "bun:test";
import { process as named } from "../../../src/checks/process/process.ts";
import { outcomeOf } from "../../support/checks.ts";
import { makeProgram, newName } from "../../support/sleeper.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";

const look = (target: string, keys = {}) => outcomeOf(named, { process: target, ...keys });
const start = async (folder: TempFolder, name: string, ...words: string[]) =>
  (await makeProgram(folder, name)).start(...words);

const none = (name: string, note: string) => ({
  ok: false,
  reason: "missing",
  message: `no process ${name} is running${note}`,
});

test("a name that differs by case, blanks or invisible characters", async () => {
  await using folder = await tempFolder();
  const name = newName(10);
  await using _one = await start(folder, name);
  for (const near of [name.toUpperCase(), `${name} `, ` ${name}`, `${name}\u00a0`, `${name}\u200b`]) {
    expect(await look(near)).toEqual(none(near, ` (1 runs as "${name}")`) as never);
  }
  // A quite different name is no near miss.
  const other = newName(10);
  expect(await look(other)).toEqual(none(other, "") as never);
});

test("a name with the same first 15 letters", async () => {
  await using folder = await tempFolder();
  const name = newName(20);
  await using _one = await start(folder, name);
  const near = `${name.slice(0, 15)}-other`;
  expect(await look(near)).toEqual(
    none(near, " (1 has the same first 15 letters, but another program in the command line)") as never,
  );
});

test("a name that is only in a command line", async () => {
  await using folder = await tempFolder();
  const [program, word] = [newName(10), newName(12)];
  await using _one = await start(folder, program, `-Dmain=org.example.${word}`);
  await using _two = await start(folder, program, word);
  expect(await look(word)).toEqual(
    none(word, ` (2 have it in their command line: process: ${program} with matching: ${word} counts them)`) as never,
  );
  // If some are running, there is no search for near misses.
  expect(await look(program, { min: 3 })).toMatchObject({
    message: `2 processes ${program} running, expected at least 3`,
  });
});

test("the message shows what to write as YAML", async () => {
  await using folder = await tempFolder();
  const [program, title] = [newName(10), `${newName(12)}: worker`];
  await using _one = await start(folder, program, title);
  expect(await look(title)).toEqual(
    none(title, ` (1 has it in its command line: process: ${program} with matching: "${title}" counts it)`) as never,
  );
});

test("names of programs are printable in messages", async () => {
  await using folder = await tempFolder();
  const name = `${newName(8)}\n`;
  await using _one = await start(folder, name);
  expect(await look(name.trim())).toEqual(none(name.trim(), ` (1 runs as "${name.trim()}\\n")`) as never);
});

test("the path of a program is no pid file, and the message says what to write", async () => {
  await using folder = await tempFolder();
  const script = await folder.write("serve", "#!/bin/sh\n", 0o755);
  for (const path of ["/bin/sh", script]) {
    expect(await look(path)).toEqual({
      ok: false,
      reason: "mismatch",
      message: `${path} is a program, not a pid file; the name of its processes is ${path.split("/").at(-1)}`,
    });
  }
});
