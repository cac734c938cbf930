// A check of a process passes while the process is alive: by the name that the kernel knows, or by its pid file.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { copyFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { process as named, processName } from "../../../src/checks/process/process.ts";
import { runCheck } from "../../../src/checks/run.ts";
import { checkOf, outcomeOf } from "../../support/checks.ts";
import { type Child, startChild } from "../../support/child.ts";
import { asRoot } from "../../support/needs.ts";
import { statOf } from "../../support/processes.ts";
import * as fc from "../../support/properties.ts";
import { tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const look = (target: string, keys = {}) => outcomeOf(named, { process: target, ...keys });

/** A program name that no other process of this host has. */
const name = (length: number) => `t${crypto.randomUUID().replaceAll("-", "")}${"x".repeat(200)}`.slice(0, length);

/** Starts `sleep` under another name; resolves once it has that name. */
async function startAs(program: string, ...words: string[]): Promise<Child> {
  const child = startChild([program, ...(words.length > 0 ? words : ["1000"])]);
  await until(async () => (await Bun.file(`/proc/${child.pid}/cmdline`).text()).includes(program));
  return child;
}

/** The test's own process does not count. */
const pgrep = (program: string) =>
  Bun.spawnSync(["pgrep", "-x", program])
    .stdout.toString()
    .split("\n")
    .filter((pid) => pid !== "" && Number(pid) !== process.pid).length;

test("a name is up from its start to its end, and a path before it does not matter", async () => {
  await using folder = await tempFolder();
  const short = name(10);
  const program = join(folder.path, short);
  await copyFile("/bin/sleep", program);
  const missing = { ok: false, reason: "missing", message: `no process ${short} is running` };
  expect(await look(short)).toEqual(missing as never);
  {
    await using child = await startAs(program);
    expect(child.hasExited()).toBe(false);
    expect(await look(short)).toEqual({ ok: true, detail: "1 running" });
    // A part of a name, or another case, does not match.
    for (const other of [short.slice(0, -1), short.slice(1), short.toUpperCase(), `${short}x`]) {
      expect(await look(other)).toMatchObject({ reason: "missing" });
    }
  }
  expect(await look(short)).toEqual(missing as never);
});

test("min counts, and the message says what is missing", async () => {
  await using folder = await tempFolder();
  const short = name(15);
  await copyFile("/bin/sleep", join(folder.path, short));
  await using _one = await startAs(join(folder.path, short));
  await using _two = await startAs(join(folder.path, short));
  expect(await look(short, { min: 2 })).toEqual({ ok: true, detail: "2 running" });
  expect(await look(short, { min: 3 })).toEqual({
    ok: false,
    reason: "missing",
    message: `2 processes ${short} running, expected at least 3`,
  });
});

test("a name that the kernel cuts is distinguished from others by its command line", async () => {
  await using folder = await tempFolder();
  const base = name(20);
  const [one, other] = [`${base}-one`, `${base}-other`];
  for (const long of [one, other]) await copyFile("/bin/sleep", join(folder.path, long));
  await using _one = await startAs(join(folder.path, one));
  expect(await look(one)).toEqual({ ok: true, detail: "1 running" });
  expect(await look(other)).toMatchObject({ reason: "missing" });
  expect(await look(base)).toMatchObject({ reason: "missing" });
  // The cut name, which the kernel has, counts too.
  expect(await look(base.slice(0, 15))).toEqual({ ok: true, detail: "1 running" });
  await using _other = await startAs(join(folder.path, other));
  expect(await look(other)).toEqual({ ok: true, detail: "1 running" });
  expect(await look(base.slice(0, 15), { min: 2 })).toMatchObject({ ok: true });
});

test("a script has its own name, short or long, not that of its interpreter", async () => {
  await using folder = await tempFolder();
  for (const length of [9, 40]) {
    const script = name(length);
    const path = await folder.write(script, '#!/bin/sh\necho begun\nread -r _ <"$1"\n', 0o755);
    const fifo = `${path}.fifo`;
    Bun.spawnSync(["mkfifo", fifo]);
    await using child = startChild([path, fifo]);
    await until(() => child.out.includes("begun"));
    expect(await look(script)).toEqual({ ok: true, detail: "1 running" });
  }
});

test("names with blanks, parentheses and other letters are found", async () => {
  await using folder = await tempFolder();
  for (const strange of ["a b) R 1 (c", ") Z (", "größe", "日本語の名前です", "-n"]) {
    const own = `${name(4)}${strange}`;
    const path = join(folder.path, own);
    await copyFile("/bin/sleep", path);
    expect(await look(own)).toMatchObject({ reason: "missing" });
    await using _child = await startAs(path);
    expect(await look(own)).toEqual({ ok: true, detail: "1 running" });
  }
});

test("a zombie does not count, and the message mentions it", async () => {
  await using folder = await tempFolder();
  const short = name(12);
  const program = join(folder.path, short);
  await copyFile("/bin/sleep", program);
  const pidFile = join(folder.path, "pid");
  // The shell becomes `tail` by exec, which never reaps its child.
  await using parent = startChild([
    "/bin/sh",
    "-c",
    '"$0" 1000 & echo $! >"$1"; exec tail -f /dev/null',
    program,
    pidFile,
  ]);
  await until(async () => (await Bun.file(`/proc/${parent.pid}/comm`).text()) === "tail\n");
  const pid = Number(await Bun.file(pidFile).text());
  await until(async () => (await look(short)).ok);
  process.kill(pid, "SIGKILL");
  await until(() => statOf(pid)?.state === "Z");
  expect(parent.hasExited()).toBe(false);
  expect(await look(short)).toEqual({
    ok: false,
    reason: "missing",
    message: `no process ${short} is running (1 zombie does not count)`,
  });
  expect(await look(pidFile)).toEqual({
    ok: false,
    reason: "missing",
    message: `process ${pid} of ${pidFile} is a zombie`,
  });
});

test("it counts as many as pgrep -x finds", async () => {
  for (const common of ["bash", "sh", "kthreadd", "postgres", "bun"]) {
    // Other processes start and end meanwhile.
    await until(async () => {
      const counted = await look(common);
      return (counted.ok ? Number.parseInt(counted.detail ?? "", 10) : 0) === pgrep(common);
    });
  }
});

test("a pid file is up while its process lives", async () => {
  await using folder = await tempFolder();
  await using child = startChild(["sleep", "1000"]);
  const { pid } = child;
  for (const content of [
    `${pid}`,
    `${pid}\n`,
    `  ${pid} \n`,
    `00${pid}\n`,
    `${pid}\n/var/lib/data\n5432\n`,
    `${pid}\r\n`,
  ]) {
    const path = await folder.write("it.pid", content);
    expect(await look(path)).toEqual({ ok: true, detail: `pid ${pid}` });
  }
  const link = join(folder.path, "link.pid");
  await symlink(join(folder.path, "it.pid"), link);
  expect(await look(link)).toMatchObject({ ok: true });
  child.kill("SIGKILL");
  await child.exited;
  const path = join(folder.path, "it.pid");
  expect(await look(path)).toEqual({
    ok: false,
    reason: "missing",
    message: `process ${pid} of ${path} is not running`,
  });
});

test("a file that is not a pid file, or has no number, is down, and the message says so", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "it.pid");
  expect(await look(path)).toEqual({ ok: false, reason: "missing", message: `the pid file ${path} does not exist` });
  for (const junk of ["", "\n", "x", "0", "-1", "1 2", "1.5", "12345678901234", "0x10", "\0\0\0", "1;rm", "self"]) {
    await folder.write("it.pid", junk);
    expect(await look(path)).toEqual({
      ok: false,
      reason: "mismatch",
      message: `${path} does not contain a process number`,
    });
  }
  expect(await look(folder.path)).toMatchObject({
    reason: "mismatch",
    message: `${folder.path} is a directory, expected a pid file`,
  });
});

test("the number of a thread is not that of a process", async () => {
  await using folder = await tempFolder();
  const { readdirSync } = await import("node:fs");
  const thread = readdirSync("/proc/self/task").find((id) => Number(id) !== process.pid);
  const path = await folder.write("it.pid", thread ?? "");
  expect(await look(path)).toEqual({
    ok: false,
    reason: "missing",
    message: `${thread} of ${path} is a thread of process ${process.pid}, not a process`,
  });
});

/** How many read system calls this process has made since its start. */
const reads = () => Number(/syscr: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);

test("a thousand checks at once share one scan of /proc", async () => {
  await using _child = await startAs("/bin/sleep");
  await look("warm");
  const before = reads();
  await look("sleep");
  const one = reads() - before;
  const outcomes = await Promise.all(
    Array.from({ length: 1000 }, (_, index) => look(index % 2 ? "none-such" : "sleep")),
  );
  expect(outcomes.filter(({ ok }) => ok)).toHaveLength(500);
  // Up to twice as many if processes were started meanwhile; a thousand scans would be a thousand times as many.
  expect(reads() - before - one).toBeLessThan(10 * one);
});

test("an aborted probe returns at once", async () => {
  const { outcome } = await runCheck(checkOf(named, { process: "bash" }), AbortSignal.abort());
  expect(outcome).toMatchObject({ reason: "deadline" });
});

test.each([
  [{ process: "" }, "the name of a program"],
  [{ process: "./x" }, "a path begins with a slash"],
  [{ process: "bin/x" }, "a path begins with a slash"],
  [{ process: 5 }, "in quotes"],
  [{ process: "x".repeat(256) }, "at most 255 bytes"],
  [{ process: "x", min: -1 }, "a whole number from 0"],
  [{ process: "/run/x.pid", min: 2 }, "min: expected no min with a pid file, got both"],
])("refuses %j", (keys, message) => {
  expect(() => checkOf(named, keys)).toThrow(message);
});

test("any name is read or refused, and any content of a pid file is judged", async () => {
  fc.assert(fc.property(fc.anything(), (given) => void processName.read(given)));
  await using folder = await tempFolder();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
      const path = join(folder.path, "it.pid");
      await Bun.write(path, bytes);
      expect(["missing", "mismatch", undefined]).toContain(((await look(path)) as { reason?: "missing" }).reason);
    }),
    { numRuns: 50 },
  );
});

asRoot(
  "a message says that /proc hides processes, for a name and for a pid file",
  async () => {
    await using folder = await tempFolder();
    await using child = startChild(["setpriv", "--reuid=65534", "--clear-groups", "sleep", "1000"]);
    const path = await folder.write("it.pid", `${child.pid}`);
    const script = `
      import { process as named } from ${JSON.stringify(join(import.meta.dir, "../../../src/checks/process/process.ts"))};
      import { outcomeOf } from ${JSON.stringify(join(import.meta.dir, "../../support/checks.ts"))};
      const look = (process) => outcomeOf(named, { process });
      console.log(JSON.stringify([await look("no-such"), await look(${JSON.stringify(path)})])); process.exit();`;
    // Without that capability, and outside the group of root, root sees no more than other users.
    const { stdout } = Bun.spawnSync(
      [
        ...["unshare", "--mount", "/bin/sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"],
        ...["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", "--regid=65534", "--clear-groups"],
        ...[process.execPath, "-e", script],
      ],
      { stderr: "inherit" },
    );
    const hidden = "(/proc is mounted with hidepid=invisible, which hides the processes of other users)";
    expect(JSON.parse(stdout.toString())).toEqual([
      { ok: false, reason: "missing", message: `no process no-such is running ${hidden}` },
      { ok: false, reason: "missing", message: `process ${child.pid} of ${path} is not running ${hidden}` },
    ]);
  },
  10_000,
);
