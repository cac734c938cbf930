// Each cause of a program that cannot start has a message of its own, with what to do.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { chmod, mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { diagnoseCommand } from "../../src/process/diagnose.ts";
import { mountTmpfs } from "../support/mounts.ts";
import { asRoot } from "../support/needs.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

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
  await folder.write("marked", "\ufeff#!/bin/sh\n", 0o755);
  await folder.write("jar", "PK\u0003\u0004", 0o755);
  await folder.write("exe", "MZ\u0090", 0o755);
  await folder.write("by-plain", `#!${join(folder.path, "plain")}\n`, 0o755);
  await folder.write("by-folder", `#!${folder.path}\n`, 0o755);
  const own = await Bun.file("/bin/sh").bytes();
  const other = own.slice();
  // The machine field, with a number that no machine has.
  other.set([0xf3, 0xfe], 18);
  await Bun.write(join(folder.path, "other-machine"), other);
  const loaderless = Buffer.from(own);
  const loader = /\/lib[\w/.-]*ld-[\w.-]+/.exec(loaderless.toString("latin1"));
  loaderless.write("/none", loader?.index ?? 0, "latin1");
  await Bun.write(join(folder.path, "loaderless"), loaderless);
  for (const name of ["other-machine", "loaderless"]) await chmod(join(folder.path, name), 0o755);
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
  ["no/such", (file) => `${file} does not exist: the folder ${dirname(file)} does not exist`],
  ["good/below", (file) => `${file} does not exist: ${dirname(file)} is a regular file, not a folder`],
  ["dangling", (file) => `${file} does not exist: ${file} is a symbolic link to nowhere, which does not exist`],
  ["circle", (file) => `${file} cannot be used: the symbolic link ${file} leads back to itself (ELOOP)`],
  ["folder", (file) => `${file} is a directory, not a program`],
  ["plain", (file) => `${file} is not executable; try chmod +x ${file}`],
  ["no-line", (file) => `exec format error: add a first line such as #!/bin/sh to ${file}`],
  ["empty", (file) => `exec format error: ${file} is empty`],
  ["marked", (file) => `exec format error: ${file} begins with a byte order mark; save it without one`],
  ["jar", (file) => `exec format error: ${file} is a zip archive or a Java program (java -jar ${file})`],
  ["exe", (file) => `exec format error: ${file} is a program for Windows`],
  [
    "by-plain",
    (file) => `the interpreter ${dirname(file)}/plain that ${file} names in its first line is not executable`,
  ],
  ["by-folder", (file) => `the interpreter ${dirname(file)} that ${file} names in its first line is a directory`],
  ["other-machine", (file) => `exec format error: ${file} is a program for another kind of processor`],
  [
    "loaderless",
    (file) =>
      `${file} wants the loader ${loaderOf(file)}, which is not there: it may be built for another C library (glibc, musl)`,
  ],
  ["nameless", (file) => `exec format error: the first line of ${file} names no interpreter`],
  [
    "windows",
    (file) => `${file} has Windows line ends (CRLF), so its interpreter is not found; try sed -i 's/\\r$//' ${file}`,
  ],
  ["strange", (file) => `the interpreter /no/such/interpreter that ${file} names in its first line does not exist`],
  ["strange-env", (file) => `the interpreter no-such-interpreter that ${file} asks env for is not in PATH`],
])("the program %s is diagnosed, or has nothing wrong", (name, message) => {
  const file = join(folder.path, name);
  expect(diagnoseCommand(file, process.env["PATH"] ?? "")).toBe(message(file));
});

const loaderOf = (file: string) => /\/none[\w/.-]*/.exec(readFileSync(file, "latin1"))?.[0];

asRoot(
  "a mount with noexec is distinguished from a file without the mode",
  async () => {
    await using mount = await mountTmpfs("size=1M,noexec");
    const file = join(mount.path, "it.sh");
    await Bun.write(file, "#!/bin/sh\n");
    await chmod(file, 0o755);
    expect(diagnoseCommand(file, "")).toBe(
      `${file} lies on ${mount.path}, which is mounted noexec; start it by its interpreter, or mount it with exec`,
    );
    await chmod(file, 0o644);
    expect(diagnoseCommand(file, "")).toBe(`${file} is not executable; try chmod +x ${file}`);
    const caller = await folder.write("by-noexec", `#!${file}\n`, 0o755);
    await chmod(file, 0o755);
    expect(diagnoseCommand(caller, "")).toBe(
      `the interpreter ${file} that ${caller} names in its first line lies on ${mount.path}, which is mounted noexec`,
    );
  },
  20_000,
);

test("a device is not a program", () => {
  expect(diagnoseCommand("/dev/null", "")).toBe("/dev/null is not a regular file");
});

test("a bare name is searched in the given path alone", () => {
  expect(diagnoseCommand("good", folder.path)).toBeUndefined();
  expect(diagnoseCommand("no-line", `/no/such/folder:${folder.path}`)).toStartWith("exec format error");
  for (const name of ["good", "missing", "folder", "plain"]) {
    const path = name === "good" ? "/no/such/folder" : folder.path;
    expect(diagnoseCommand(name, path)).toBe(`${name}: not found in PATH; write the path in full`);
  }
  expect(diagnoseCommand("true\u00a0x", folder.path)).toBe(
    "true\u00a0x (it holds a no-break space, \\u00a0): not found in PATH; write the path in full",
  );
});

test("the diagnosis is true: a program without a diagnosis starts, any other does not", () => {
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
    "marked",
    "jar",
    "exe",
    "by-plain",
    "by-folder",
    "other-machine",
    "loaderless",
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
