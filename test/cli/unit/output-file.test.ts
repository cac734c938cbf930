// unit --output replaces nothing but a unit or an empty file, and says in words why a file cannot be written.

import { expect, test } from "bun:test";
import { chmod, chown, lstat, mkdir, readdir, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { findOutputProblem, writeOutputFile } from "../../../src/cli/unit/output-file.ts";
import { plainEnvironment } from "../../support/child.ts";
import { problemsOf, refusal, runCommand } from "../../support/command.ts";
import { asRoot } from "../../support/needs.ts";
import { tempFolder } from "../../support/temp.ts";

const UNIT = "[Unit]\nDescription=old\n\n[Service]\nExecStart=/bin/true\n";
const TEXT = "[Unit]\nDescription=new";

test("a file that is no unit is refused, exit status 2, and stays as it is", async () => {
  await using folder = await tempFolder();
  const config = join(folder.path, "hc.yaml");
  await Bun.write(config, "checks:\n  - tcp: 5432\n");
  expect(await runCommand(["unit", "--config", config, "--output", config])).toEqual(
    refusal([`health-checker: --output: ${config} is no systemd unit, so it is not replaced`], "unit"),
  );
  const secret = join(folder.path, "secret");
  await Bun.write(secret, "hunter2 [Unit]\n");
  expect(await findOutputProblem(secret)).toBe(`${secret} is no systemd unit, so it is not replaced`);
  expect(await findOutputProblem(folder.path)).toBe(`${folder.path} is a folder`);
});

test("a unit and an empty file are replaced, over links too, and keep owner and mode", async () => {
  await using folder = await tempFolder();
  const [old, empty, drop, link, far] = ["old", "empty", "drop-in", "link", "far"].map((name) =>
    join(folder.path, name),
  ) as [string, string, string, string, string];
  await Bun.write(old, UNIT);
  await Bun.write(empty, "");
  await Bun.write(drop, "# a comment\r\n[Service]\r\nMemoryMax=1G\r\n");
  await chmod(old, 0o640);
  if (process.getuid?.() === 0) await chown(old, 65534, 65534);
  await symlink("old", link);
  await symlink("link", far);
  const before = await stat(old);
  for (const file of [far, empty, drop]) {
    expect(await findOutputProblem(file)).toBeUndefined();
    expect(await writeOutputFile(file, TEXT)).toBeUndefined();
    expect(await Bun.file(file).text()).toBe(`${TEXT}\n`);
  }
  const { mode, uid, gid } = await stat(old);
  expect({ mode, uid, gid }).toEqual({ mode: before.mode, uid: before.uid, gid: before.gid });
  expect((await lstat(far)).isSymbolicLink() && (await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readdir(folder.path)).toHaveLength(5);
});

test("a link to a file that is not there has that made, and one to no regular file is refused", async () => {
  await using folder = await tempFolder();
  const at = (name: string) => join(folder.path, name);
  await mkdir(at("real/sub"), { recursive: true });
  await symlink("real/sub", at("linked"));
  await symlink("../made", at("linked/dangling"));
  expect(await findOutputProblem(at("linked/dangling"))).toBeUndefined();
  expect(await writeOutputFile(at("linked/dangling"), TEXT)).toBeUndefined();
  expect(await Bun.file(at("real/made")).text()).toBe(`${TEXT}\n`);
  expect((await lstat(at("real/sub/dangling"))).isSymbolicLink()).toBe(true);

  await symlink("/dev/null", at("masked.service"));
  expect(await findOutputProblem(at("masked.service"))).toBe(
    `${at("masked.service")} is masked, a link to /dev/null; systemctl unmask ends that`,
  );
  await symlink("/dev/zero", at("device"));
  expect(await findOutputProblem(at("device"))).toBe(
    `${at("device")} is no regular file; without --output the unit goes to stdout`,
  );
  await symlink("b", at("a"));
  await symlink("a", at("b"));
  expect(await findOutputProblem(at("a"))).toBe(`${at("a")}: too many symbolic links`);
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
  expect(err).toContain("is no regular file; without --output the unit goes to stdout");
  expect(status).toBe(2);
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
});

test("a folder that is missing or none is named as it was given; a long name is no fault", async () => {
  await using folder = await tempFolder();
  const at = (name: string) => join(folder.path, name);
  await Bun.write(at("real"), "");
  expect(await findOutputProblem(at("real/x"))).toBe(`${at("real")} is no folder`);
  expect(await findOutputProblem(at("newdir/"))).toBe(`${at("newdir")} does not exist`);
  expect(await findOutputProblem(at("none/hc.service"))).toBe(`${at("none")} does not exist`);
  expect(await findOutputProblem("none-of-here/hc.service")).toBe("none-of-here does not exist");
  await symlink("gone/hc.service", at("dangling"));
  expect(await findOutputProblem(at("dangling"))).toBe(`${at("gone")} does not exist`);
  const long = at("n".repeat(230));
  expect(await findOutputProblem(long)).toBeUndefined();
  expect(await writeOutputFile(long, TEXT)).toBeUndefined();
  expect(await Bun.file(long).text()).toBe(`${TEXT}\n`);
});

/** stderr of a shell that has mounts of its own, in which $HC is `unit --port 80 --output FOLDER/hc.service`. */
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
  "why a file cannot be written is said in words, and nothing is left behind",
  async () => {
    await using folder = await tempFolder();
    const full = `mount -t tmpfs -o size=4k none . && cd ${folder.path} && head -c 4096 /dev/zero > fill; $HC; echo $? >&2; ls -A >&2`;
    expect(await withMounts(folder.path, full)).toContain(
      `health-checker: cannot write ${folder.path}/hc.service: no space is left\n1\nfill\n`,
    );
    const mounted = "touch hc.service && mount --bind hc.service hc.service; $HC; echo $? >&2; ls -A >&2";
    expect(await withMounts(folder.path, mounted)).toContain(
      `cannot write ${folder.path}/hc.service: it is in use, as a file that is mounted by itself is\n1\nhc.service\n`,
    );
  },
  30_000,
);

test("a value that looks like an option is refused, and slips are pointed to --output", async () => {
  expect(await problemsOf(["unit", "--port", "80", "--output=--check"])).toEqual([
    'health-checker: --output: expected the path of a file, got "--check" (./--check is a file of that name)',
  ]);
  for (const word of ["-o", "--out", "--outptu"]) {
    expect(await runCommand(["unit", "--port", "80", word, "f"])).toEqual(
      refusal([`health-checker: ${word}: unknown option; did you mean --output?`], "unit"),
    );
  }
});

test("what has no --output points to unit, which has", async () => {
  for (const command of [["validate"], ["check"], ["explain"], []]) {
    expect(await problemsOf([...command, "--config", "/none", "--output", "f"])).toContain(
      "health-checker: --output: unknown option; health-checker unit has it",
    );
  }
});
