// Scripts that a killed daemon leaves are ended by the next one, and nothing else is ever signalled: real daemons,
// killed by SIGKILL, with real scripts.

import { describe, expect, test } from "bun:test";
import { chown, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { asRoot } from "../support/needs.ts";
import { isAlive, processesRunning, statOf } from "../support/processes.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

/** A word of its own for a command line. */
const mark = () => `30000.${Math.floor(Math.random() * 1e9)}`;

const KILLED = "killed a script left running by a previous daemon";

const argvOf = (folder: TempFolder, script: string) => [
  ...["--state-directory", folder.path, "--script-timeout", "5m"],
  ...["--interval", "5m", "--script", script],
];

const savedIn = async (folder: TempFolder) =>
  (await readdir(folder.path)).filter((name) => name.startsWith("running-scripts-"));

const running = (command: string) =>
  until(() => {
    const [pid, ...others] = processesRunning(command);
    return others.length === 0 ? pid : undefined;
  });

/** So many scripts are in files of the folder: a process is there a moment before it is saved. */
const areSaved = (folder: TempFolder, count: number) =>
  until(async () => {
    const texts = (await savedIn(folder)).map((name) => readFile(join(folder.path, name), "utf8"));
    const lines = (await Promise.all(texts)).flatMap((text) => text.split("\n"));
    return lines.filter((line) => /^\d+ \d+ \S+ *$/.test(line)).length === count;
  });

/** A daemon with the script, killed while that runs; `others` are scripts of other daemons that run in the same folder. */
async function killedWhile(
  folder: TempFolder,
  script: string,
  isRunning: () => Promise<unknown>,
  others = 0,
): Promise<void> {
  await using daemon = await startDaemon(argvOf(folder, script));
  await isRunning();
  await areSaved(folder, others + 1);
  expect(await daemon.stop("SIGKILL")).toBe(137);
}

/** The next one, that has looked at what was left. */
const next = (folder: TempFolder): Promise<Daemon> => startDaemon(argvOf(folder, "/bin/true"));

/** A process that is no script of any daemon, the leader of a group and a session of its own. */
function stranger(command: string) {
  const child = Bun.spawn(["/bin/sh", "-c", command], { stdio: ["ignore", "ignore", "ignore"], detached: true });
  return {
    pid: child.pid,
    exited: child.exited,
    async [Symbol.asyncDispose]() {
      process.kill(-child.pid, "SIGKILL");
      await child.exited;
    },
  };
}

async function rewrite(folder: TempFolder, change: (text: string) => string): Promise<void> {
  const [name = ""] = await savedIn(folder);
  const path = join(folder.path, name);
  const text = await readFile(path, "utf8");
  const changed = change(text);
  expect(changed).not.toBe(text);
  await writeFile(path, changed);
}

/** Of the first line after the header: the number of the group, the start time of its leader, the run. */
const GROUP = /(?<=\n)(\d+) (\d+) (\S+)/;

describe("the next daemon", () => {
  test("ends the script of a daemon that was killed, with its children, before it runs its own", async () => {
    await using folder = await tempFolder();
    const [one, other] = [mark(), mark()];
    await killedWhile(folder, `sh -c 'sleep ${one} & sleep ${other}; exit 0'`, async () => {
      await running(`sleep ${one}`);
      await running(`sleep ${other}`);
    });
    expect(processesRunning(`sleep ${one}`)).toHaveLength(1);
    await using daemon = await next(folder);
    await daemon.logged(new RegExp(`WARNING ${KILLED} group=\\d+ processes=3`));
    await until(() => processesRunning(`sleep ${one}`).length + processesRunning(`sleep ${other}`).length === 0);
    // The file of the one that is gone is gone too.
    expect(await savedIn(folder)).toHaveLength(1);
    expect((await daemon.ask()).status).toBe(200);
  }, 60_000);

  test("ends what is left of a script whose leader has ended", async () => {
    await using folder = await tempFolder();
    const [child, leader] = [mark(), mark()];
    await killedWhile(folder, `sh -c 'sleep ${child} >/dev/null 2>&1 & exec sleep ${leader}'`, async () => {
      await running(`sleep ${child}`);
      await running(`sleep ${leader}`);
    });
    const pid = await running(`sleep ${leader}`);
    process.kill(pid, "SIGKILL");
    await until(() => statOf(pid) === undefined);
    await using daemon = await next(folder);
    await daemon.logged(`${KILLED} group=${pid} processes=1`);
    await until(() => processesRunning(`sleep ${child}`).length === 0);
  }, 60_000);

  test("ends the script of a reload that was tried when the daemon was killed", async () => {
    await using folder = await tempFolder();
    const seconds = mark();
    const socket = join(folder.path, "control.sock");
    const config = await folder.write("c.yaml", "checks: [{ name: a, script: /bin/true }]\n");
    const argv = ["--config", config, "--state-directory", folder.path, "--control-socket", socket];
    {
      await using daemon = await startDaemon(argv);
      await folder.write("c.yaml", `checks: [{ name: b, script: [sleep, "${seconds}"], timeout: 5m }]\n`);
      await using _ = startChild([await binary(), "reload", "--control-socket", socket]);
      await running(`sleep ${seconds}`);
      await areSaved(folder, 1);
      await daemon.stop("SIGKILL");
    }
    await using daemon = await next(folder);
    await daemon.logged(KILLED);
    await until(() => processesRunning(`sleep ${seconds}`).length === 0);
  }, 60_000);
});

describe("what is no script of a daemon that is gone is left alone", () => {
  test.each([
    [
      "led by another process that has got the number",
      (text: string, pid: number) => text.replace(GROUP, `${pid} $2 $3`),
    ],
    ["of another boot", (text: string) => text.replace(/"boot":"[^"]+"/, '"boot":"another"')],
    ["of another PID namespace", (text: string) => text.replaceAll(/(?<="id":"|\d )\d+(?=-)/g, "1")],
    ["of a run that is not of that daemon", (text: string) => text.replace(GROUP, "$1 $2 1-1-1-1")],
    ["of a file that is cut short", (text: string) => text.slice(0, 20)],
  ])(
    "a group %s",
    async (_, change) => {
      await using folder = await tempFolder();
      const seconds = mark();
      await using other = stranger(`sleep ${mark()}`);
      await killedWhile(folder, `sleep ${seconds}`, () => running(`sleep ${seconds}`));
      const script = await running(`sleep ${seconds}`);
      await rewrite(folder, (text) => change(text, other.pid));
      const [name = ""] = await savedIn(folder);
      // The name of the file has the same id as its first line.
      const [, id] = /"id":"([-\d]+)"/.exec(await readFile(join(folder.path, name), "utf8")) ?? [];
      if (id !== undefined) await rename(join(folder.path, name), join(folder.path, `running-scripts-${id}`));
      await using daemon = await next(folder);
      expect((await daemon.ask()).status).toBe(200);
      expect(daemon.log().join("\n")).not.toContain(KILLED);
      expect([isAlive(other.pid), isAlive(script)]).toEqual([true, true]);
      process.kill(-script, "SIGKILL");
    },
    60_000,
  );

  test("a group of the same number whose leader has ended, and which is another", async () => {
    await using folder = await tempFolder();
    const [seconds, left] = [mark(), mark()];
    await using other = stranger(`sleep ${left} & exit 0`);
    await other.exited;
    const pid = await running(`sleep ${left}`);
    await killedWhile(folder, `sleep ${seconds}`, () => running(`sleep ${seconds}`));
    process.kill(-(await running(`sleep ${seconds}`)), "SIGKILL");
    await rewrite(folder, (text) => text.replace(GROUP, `${other.pid} $2 $3`));
    await using daemon = await next(folder);
    expect((await daemon.ask()).status).toBe(200);
    expect(daemon.log().join("\n")).not.toContain(KILLED);
    expect(isAlive(pid)).toBe(true);
  }, 60_000);

  test("a script of a daemon that lives and has the same folder", async () => {
    await using folder = await tempFolder();
    const [one, other] = [mark(), mark()];
    await using living = await startDaemon(argvOf(folder, `sleep ${one}`));
    const script = await running(`sleep ${one}`);
    await killedWhile(folder, `sleep ${other}`, () => running(`sleep ${other}`), 1);
    await using daemon = await next(folder);
    await until(() => processesRunning(`sleep ${other}`).length === 0);
    expect((await daemon.ask()).status).toBe(200);
    expect(isAlive(script)).toBe(true);
    expect(await living.stop("SIGINT")).toBe(0);
    await until(() => !isAlive(script));
  }, 60_000);

  test("a script of a daemon beside which a check is run by hand", async () => {
    await using folder = await tempFolder();
    const seconds = mark();
    await using _ = await startDaemon(argvOf(folder, `sleep ${seconds}`));
    const script = await running(`sleep ${seconds}`);
    const before = await savedIn(folder);
    const words = ["check", "--state-directory", folder.path, "--script", "/bin/true"];
    await using check = startChild([await binary(), ...words], { env: { RUNTIME_DIRECTORY: folder.path } });
    expect(await check.exited).toBe(0);
    expect(isAlive(script)).toBe(true);
    expect(await savedIn(folder)).toEqual(before);
  }, 60_000);

  asRoot(
    "a group in a file of another user",
    async () => {
      await using folder = await tempFolder();
      const seconds = mark();
      await killedWhile(folder, `sleep ${seconds}`, () => running(`sleep ${seconds}`));
      const script = await running(`sleep ${seconds}`);
      const [name = ""] = await savedIn(folder);
      await chown(join(folder.path, name), 4242, 4242);
      await using daemon = await next(folder);
      await daemon.logged(/cannot look for scripts of a previous daemon cause=".*it belongs to user 4242"/);
      expect(isAlive(script)).toBe(true);
      process.kill(-script, "SIGKILL");
    },
    60_000,
  );
});

test("a daemon that stops leaves no file", async () => {
  await using folder = await tempFolder();
  await using daemon = await startDaemon(argvOf(folder, "/bin/true"));
  expect((await daemon.ask()).status).toBe(200);
  expect(await savedIn(folder)).toHaveLength(1);
  expect(await daemon.stop()).toBe(0);
  expect(await savedIn(folder)).toEqual([]);
}, 30_000);

test("a folder that is not there is a warning, and the daemon serves", async () => {
  await using daemon = await startDaemon(["--state-directory", "/nowhere", "--script", "/bin/true"]);
  await daemon.logged(/WARNING cannot save running scripts.* cause="\/nowhere: /);
  expect((await daemon.ask()).status).toBe(200);
}, 30_000);
