// unit --output replaces only a unit that runs health-checker, or an empty file. It says in words why it does not write.

import { expect, test } from "bun:test";
import { chmod, chown, lstat, mkdir, readdir, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { findOutputProblem, writeOutputFile } from "../../../src/cli/unit/output-file.ts";
import { plainEnvironment, startChild } from "../../support/child.ts";
import { problemsOf, refusal, runCommand } from "../../support/command.ts";
import { asRoot } from "../../support/needs.ts";
import { tempFolder } from "../../support/temp.ts";

const UNIT = "[Unit]\nDescription=old\n\n[Service]\nExecStart=/usr/bin/health-checker --port 80\n";
/** A program with another name, like that of a release. */
const PROGRAM = "/opt/health-checker_linux_amd64";
const TEXT = "[Unit]\nDescription=new";

const problemOf = (path: string) => findOutputProblem(path, PROGRAM);

const notOurs = (path: string) => `${path} is not a unit of health-checker; remove it first, or choose another file`;

test("a file that is no unit is refused with exit status 2, and stays as it is", async () => {
  await using folder = await tempFolder();
  const config = join(folder.path, "hc.yaml");
  await Bun.write(config, "checks:\n  - tcp: 5432\n");
  expect(await runCommand(["unit", "--config", config, "--output", config])).toEqual(
    refusal([`health-checker: --output: ${notOurs(config)}`], "unit"),
  );
  const secret = join(folder.path, "secret");
  await Bun.write(secret, "hunter2 [Unit]\n");
  expect(await problemOf(secret)).toBe(notOurs(secret));
  expect(await problemOf(folder.path)).toBe(`${folder.path} is a folder`);
});

test("a unit and an empty file are replaced, over links too, and keep owner, group and mode", async () => {
  await using folder = await tempFolder();
  const [old, empty, named, link, far] = ["old", "empty", "named", "link", "far"].map((name) =>
    join(folder.path, name),
  ) as [string, string, string, string, string];
  await Bun.write(old, UNIT);
  await Bun.write(empty, "");
  await Bun.write(
    named,
    `# comment\r\n[Service]\r\nExecStart = -"${PROGRAM}" \\\r\n# --http\r\n  --port 80\r\n; more\r\n`,
  );
  await chmod(old, 0o640);
  if (process.getuid?.() === 0) await chown(old, 65534, 65534);
  await symlink("old", link);
  await symlink("link", far);
  const before = await stat(old);
  for (const file of [far, empty, named]) {
    expect(await problemOf(file)).toBeUndefined();
    expect(await writeOutputFile(file, TEXT)).toBeUndefined();
    expect(await Bun.file(file).text()).toBe(`${TEXT}\n`);
  }
  const { mode, uid, gid } = await stat(old);
  expect({ mode, uid, gid }).toEqual({ mode: before.mode, uid: before.uid, gid: before.gid });
  expect((await lstat(far)).isSymbolicLink() && (await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readdir(folder.path)).toHaveLength(5);
});

const SERVICE = "[Service]\nExecStart=/usr/bin/health-checker --port 80\n";

for (const [what, text, mode] of [
  ["a script that writes a unit", `#!/bin/sh\ncat > hc.service << END\n${UNIT}END\n`],
  ["notes that quote a unit", `How we run it:\n\n${UNIT}`],
  ["another INI file", "[Service]\nname=billing\n"],
  ["the unit of another program", UNIT.replace("health-checker", "nginx")],
  ["a unit that runs another program too", `${SERVICE}ExecStart=/bin/true\n`],
  ["a drop-in of limits", "# a comment\n[Service]\nMemoryMax=1G\n"],
  ["a drop-in of the command", SERVICE.replace("ExecStart", "ExecStart=\nExecStart")],
  ["a command in another section", SERVICE.replace("Service", "Unit")],
  ["a command in a comment", SERVICE.replace("ExecStart", "#ExecStart")],
  ["a binary file", `${SERVICE}X-Data=\0\n`],
  ["an executable file", SERVICE, 0o755],
] as const) {
  test(`${what} is not replaced`, async () => {
    await using folder = await tempFolder();
    expect(await problemOf(await folder.write("unit", SERVICE))).toBeUndefined();
    const file = await folder.write("file", text, mode);
    expect(await problemOf(file)).toBe(notOurs(file));
  });
}

asRoot(
  "another user replaces only a file that it may write, and whose owner and group can stay",
  async () => {
    await using folder = await tempFolder();
    await chmod(folder.path, 0o777);
    const run = async (name: string, uid: number, gid: number, mode: number) => {
      const file = await folder.write(name, UNIT, mode);
      await chown(file, uid, gid);
      const user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--groups", "65533"];
      const program = [process.execPath, join(import.meta.dir, "../../../src/main.ts")];
      await using child = startChild([...user, ...program, "unit", "--port", "80", "--output", file]);
      const [status] = await Promise.all([child.exited, child.ended]);
      const { uid: owner, gid: group, mode: bits } = await stat(file);
      expect([owner, group, bits & 0o777]).toEqual([uid, gid, mode]);
      return { status, said: child.err[0] ?? "", isReplaced: (await Bun.file(file).text()) !== UNIT };
    };
    const refused = (name: string, problem: string) => ({
      status: 2,
      said: `health-checker: --output: ${join(folder.path, name)}${problem}`,
      isReplaced: false,
    });
    const denied = ": permission denied";
    const changed = ": the new file would have another owner or group; remove it first, or choose another file";
    expect(await run("of-root", 0, 0, 0o644)).toEqual(refused("of-root", denied));
    expect(await run("read-only", 65534, 65534, 0o444)).toEqual(refused("read-only", denied));
    expect(await run("open-to-all", 0, 0, 0o666)).toEqual(refused("open-to-all", changed));
    expect(await run("group-of-root", 65534, 0, 0o644)).toEqual(refused("group-of-root", changed));
    expect(await run("own", 65534, 65534, 0o640)).toMatchObject({ status: 0, isReplaced: true });
    expect(await run("other-group", 65534, 65533, 0o664)).toMatchObject({ status: 0, isReplaced: true });
  },
  60_000,
);

test("--output makes the missing file that a link leads to, and refuses a link to no regular file", async () => {
  await using folder = await tempFolder();
  const at = (name: string) => join(folder.path, name);
  await mkdir(at("real/sub"), { recursive: true });
  await symlink("real/sub", at("linked"));
  await symlink("../made", at("linked/dangling"));
  expect(await problemOf(at("linked/dangling"))).toBeUndefined();
  expect(await writeOutputFile(at("linked/dangling"), TEXT)).toBeUndefined();
  expect(await Bun.file(at("real/made")).text()).toBe(`${TEXT}\n`);
  expect((await lstat(at("real/sub/dangling"))).isSymbolicLink()).toBe(true);

  await symlink("/dev/null", at("masked.service"));
  expect(await problemOf(at("masked.service"))).toBe(
    `${at("masked.service")} is masked (a link to /dev/null); run systemctl unmask first`,
  );
  await symlink("/dev/zero", at("device"));
  expect(await problemOf(at("device"))).toBe(
    `${at("device")} is not a regular file; without --output the unit goes to stdout`,
  );
  await symlink("b", at("a"));
  await symlink("a", at("b"));
  expect(await problemOf(at("a"))).toBe(`${at("a")}: too many symbolic links`);
});

test("a link to a pipe such as /dev/stdout is refused and stays a link", async () => {
  await using folder = await tempFolder();
  const link = join(folder.path, "out");
  await symlink("/proc/self/fd/1", link);
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "../../../src/main.ts"), "unit", "--port", "80", "--output", link],
    { stdout: "pipe", stderr: "pipe" },
  );
  const [err, status] = await Promise.all([child.stderr.text(), child.exited]);
  expect(err).toContain("is not a regular file; without --output the unit goes to stdout");
  expect(status).toBe(2);
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
});

test("a path component that is missing or no folder is named as it was given; a long file name is valid", async () => {
  await using folder = await tempFolder();
  const at = (name: string) => join(folder.path, name);
  await Bun.write(at("real"), "");
  expect(await problemOf(at("real/x"))).toBe(`${at("real")} is not a folder`);
  expect(await problemOf(at("newdir/"))).toBe(`${at("newdir")} does not exist`);
  expect(await problemOf(at("none/hc.service"))).toBe(`${at("none")} does not exist`);
  expect(await problemOf("none-of-here/hc.service")).toBe("none-of-here does not exist");
  await symlink("gone/hc.service", at("dangling"));
  expect(await problemOf(at("dangling"))).toBe(`${at("gone")} does not exist`);
  const long = at("n".repeat(230));
  expect(await problemOf(long)).toBeUndefined();
  expect(await writeOutputFile(long, TEXT)).toBeUndefined();
  expect(await Bun.file(long).text()).toBe(`${TEXT}\n`);
});

/** The stderr of a shell with its own mounts; its $HC is `unit --port 80 --output FOLDER/hc.service`. */
async function withMounts(folder: string, script: string): Promise<string> {
  const words = [process.execPath, join(import.meta.dir, "../../../src/main.ts"), "unit", "--port", "80"];
  const env = { ...plainEnvironment(), HC: [...words, "--output", join(folder, "hc.service")].join(" ") };
  const child = Bun.spawn(["unshare", "-m", "sh", "-c", script], {
    cwd: folder,
    env,
    stdout: "ignore",
    stderr: "pipe",
  });
  return child.stderr.text();
}

asRoot(
  "the reason why a file cannot be written is in words, and no temporary file stays",
  async () => {
    await using folder = await tempFolder();
    const full = `mount -t tmpfs -o size=4k none . && cd ${folder.path} && head -c 4096 /dev/zero > fill; $HC; echo $? >&2; ls -A >&2`;
    expect(await withMounts(folder.path, full)).toContain(
      `health-checker: cannot write ${folder.path}/hc.service: no space is left\n1\nfill\n`,
    );
    const mounted = "touch hc.service && mount --bind hc.service hc.service; $HC; echo $? >&2; ls -A >&2";
    expect(await withMounts(folder.path, mounted)).toContain(
      `cannot write ${folder.path}/hc.service: it is in use, for example as a mount point\n1\nhc.service\n`,
    );
  },
  30_000,
);

test("a value that looks like an option is refused, and similar names get a hint to --output", async () => {
  expect(await problemsOf(["unit", "--port", "80", "--output=--check"])).toEqual([
    'health-checker: --output: expected the path of a file, got "--check" (./--check is a file of that name)',
  ]);
  for (const word of ["-o", "--out", "--outptu"]) {
    expect(await runCommand(["unit", "--port", "80", word, "f"])).toEqual(
      refusal([`health-checker: ${word}: unknown option; did you mean --output?`], "unit"),
    );
  }
});

test("a command without --output has a hint to unit, which has it", async () => {
  for (const command of [["validate"], ["check"], ["explain"], []]) {
    expect(await problemsOf([...command, "--config", "/none", "--output", "f"])).toContain(
      "health-checker: --output: unknown option; it is an option of health-checker unit",
    );
  }
});
