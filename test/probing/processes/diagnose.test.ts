// Each cause of a program that cannot start has a message of its own, with what to do.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { diagnoseCommand } from "../../../src/probing/processes/diagnose.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";

let folder: TempFolder;

beforeAll(async () => {
  folder = await tempFolder();
  await folder.write("good", "#!/bin/sh\n", 0o755);
  await folder.write("spaced", "#! /bin/sh -e\n", 0o755);
  await folder.write("env", "#!/usr/bin/env sh\n", 0o755);
  await folder.write("env-split", "#!/usr/bin/env -S sh -e\n", 0o755);
  await folder.write("env-assign", "#!/usr/bin/env A=b sh\n", 0o755);
  await folder.write("plain", "#!/bin/sh\n", 0o644);
  await folder.write("no-line", "echo hello\n", 0o755);
  await folder.write("empty", "", 0o755);
  await folder.write("nameless", "#!\n", 0o755);
  await folder.write("windows", "#!/bin/sh\r\necho hello\r\n", 0o755);
  await folder.write("strange", "#!/no/such/interpreter -x\n", 0o755);
  await folder.write("strange-env", "#!/usr/bin/env no-such-interpreter\n", 0o755);
  await folder.write("elf", "\u007fELF", 0o755);
  await mkdir(join(folder.path, "folder"));
  await symlink("nowhere", join(folder.path, "dangling"));
  await symlink("circle", join(folder.path, "circle"));
});
afterAll(() => folder[Symbol.asyncDispose]());

test.each<[string, (file: string) => string | undefined]>([
  ["good", () => undefined],
  ["spaced", () => undefined],
  ["env", () => undefined],
  ["env-split", () => undefined],
  ["env-assign", () => undefined],
  ["elf", () => undefined],
  ["missing", (file) => `${file} does not exist`],
  ["good/below", (file) => `${file} does not exist`],
  ["dangling", (file) => `${file} does not exist`],
  ["circle", (file) => `${file} cannot be used by this user (ELOOP)`],
  ["folder", (file) => `${file} is a directory, not a program`],
  ["plain", (file) => `${file} is not executable; try chmod +x ${file}`],
  ["no-line", (file) => `exec format error: add a first line such as #!/bin/sh to ${file}`],
  ["empty", (file) => `exec format error: add a first line such as #!/bin/sh to ${file}`],
  ["nameless", (file) => `exec format error: the first line of ${file} names no interpreter`],
  [
    "windows",
    (file) => `${file} has Windows line ends (CRLF), so its interpreter is not found; try sed -i 's/\\r$//' ${file}`,
  ],
  ["strange", (file) => `the interpreter /no/such/interpreter that ${file} names in its first line does not exist`],
  ["strange-env", (file) => `the interpreter no-such-interpreter that ${file} asks env for is not in PATH`],
])("of the program %s it says what is wrong, if anything is", (name, message) => {
  const file = join(folder.path, name);
  expect(diagnoseCommand(file, process.env["PATH"] ?? "")).toBe(message(file));
});

test("a device is no program", () => {
  expect(diagnoseCommand("/dev/null", "")).toBe("/dev/null is not a regular file");
});

test("a bare name is looked for in the path it is given, and only there", () => {
  expect(diagnoseCommand("good", folder.path)).toBeUndefined();
  expect(diagnoseCommand("no-line", `/no/such/folder:${folder.path}`)).toStartWith("exec format error");
  for (const name of ["good", "missing", "folder", "plain"]) {
    const path = name === "good" ? "/no/such/folder" : folder.path;
    expect(diagnoseCommand(name, path)).toBe(`${name}: not found in PATH; write the path in full`);
  }
});

test("what it says is what happens: a program it finds nothing wrong with starts, any other does not", () => {
  const names = [
    "good",
    "spaced",
    "env",
    "env-split",
    "missing",
    "dangling",
    "circle",
    "folder",
    "plain",
    "no-line",
    "empty",
    "nameless",
    "windows",
    "strange",
  ];
  for (const name of names) {
    const file = join(folder.path, name);
    let starts = true;
    try {
      Bun.spawnSync([file], { stdio: ["ignore", "ignore", "ignore"] });
    } catch {
      starts = false;
    }
    expect([name, diagnoseCommand(file, process.env["PATH"] ?? "") === undefined]).toEqual([name, starts]);
  }
});
