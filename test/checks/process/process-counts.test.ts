// Which processes count: also by command line, at most `max`, none in containers, none of health-checker's own, and each one
// that still has a living thread.

import { expect, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { process as named } from "../../../src/checks/process/process.ts";
import { script } from "../../../src/checks/script.ts";
import { checkOf, outcomeOf } from "../../support/checks.ts";
import { startChild } from "../../support/child.ts";
import { asRoot } from "../../support/needs.ts";
import { childrenOf, statOf } from "../../support/processes.ts";
import { makeProgram, newName } from "../../support/sleeper.ts";
import { tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const look = (target: string, keys = {}) => outcomeOf(named, { process: target, ...keys });

test("matching distinguishes programs of one name by their whole command lines", async () => {
  await using folder = await tempFolder();
  const { name, start } = await makeProgram(folder);
  // Longer than one read of /proc, as a Java class path may be.
  const classPath = `/opt/lib/${"x".repeat(100_000)}.jar`;
  await using _one = await start("-cp", classPath, "org.example.QuorumPeerMain", "zoo.cfg");
  await using _other = await start("-cp", classPath, "kafka.Kafka", "server.properties");
  expect(await look(name)).toEqual({ ok: true, detail: "2 running" });
  expect(await look(name, { matching: "/QuorumPeerMain/" })).toEqual({ ok: true, detail: "1 running" });
  expect(await look(name, { matching: "QuorumPeerMain zoo.cfg" })).toEqual({ ok: true, detail: "1 running" });
  expect(await look(name, { matching: "/kafka\\.kafka/i" })).toEqual({ ok: true, detail: "1 running" });
  expect(await look(name, { matching: "/jar (org|kafka)\\./", min: 2 })).toEqual({ ok: true, detail: "2 running" });
  expect(await look(name, { matching: "/Elasticsearch/" })).toEqual({
    ok: false,
    reason: "missing",
    message: `no process ${name} with a command line that matches is running (2 of that name do not match)`,
  });
});

test("a pid file may be checked by the command line too", async () => {
  await using folder = await tempFolder();
  const { start } = await makeProgram(folder);
  await using child = await start("--serve");
  const pidFile = await folder.write("it.pid", `${child.pid}\n`);
  expect(await look(pidFile, { matching: "--serve" })).toMatchObject({ ok: true });
  expect(await look(pidFile, { matching: "/--work$/" })).toEqual({
    ok: false,
    reason: "mismatch",
    message: `the command line of process ${child.pid} of ${pidFile} does not match`,
  });
});

test("max: none may run, exactly one, at most some", async () => {
  await using folder = await tempFolder();
  const { name, start } = await makeProgram(folder);
  expect(await look(name, { max: 0 })).toEqual({ ok: true, detail: "0 running" });
  expect(await look(name, { max: 1 })).toMatchObject({ reason: "missing" });
  expect(await look(name, { min: 0, max: 1 })).toMatchObject({ ok: true });
  await using _one = await start();
  expect(await look(name, { max: 0 })).toEqual({
    ok: false,
    reason: "missing",
    message: `1 process ${name} running, expected none`,
  });
  expect(await look(name, { max: 1 })).toEqual({ ok: true, detail: "1 running" });
  await using _two = await start();
  expect(await look(name, { max: 1 })).toEqual({
    ok: false,
    reason: "missing",
    message: `2 processes ${name} running, expected at most 1`,
  });
  expect(await look(name, { min: 1, max: 2 })).toMatchObject({ ok: true });
  expect(await look(name, { max: 0, matching: name })).toMatchObject({
    message: `2 processes ${name} with a command line that matches running, expected none`,
  });
  expect(await look(name, { min: 3, max: 4 })).toMatchObject({
    message: `2 processes ${name} running, expected at least 3`,
  });
});

test.each([
  [{ min: 0 }, "min: expected max as well, because 0 always passes, got none"],
  [{ min: 3, max: 2 }, "max: expected at least min (3), got 2"],
  [{ process: "/run/x.pid", max: 1 }, "max: expected no max with a pid file, got both"],
  [{ process: "/run/x.pid", min: 1 }, "min: expected no min with a pid file, got both"],
  [{ matching: "/(/" }, "the regular expression is not valid"],
  [{ max: -1 }, "a whole number from 0"],
])("refuses %j", (keys, message) => {
  expect(() => checkOf(named, { process: "x", ...keys })).toThrow(message);
});

asRoot(
  "where /proc hides processes, that none is visible does not mean that none runs",
  async () => {
    const script = `
      import { process as named } from ${JSON.stringify(join(import.meta.dir, "../../../src/checks/process/process.ts"))};
      import { outcomeOf } from ${JSON.stringify(join(import.meta.dir, "../../support/checks.ts"))};
      console.log(JSON.stringify(await outcomeOf(named, { process: "no-such", max: 0 }))); process.exit();`;
    const { stdout } = Bun.spawnSync(
      [
        ...["unshare", "--mount", "/bin/sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"],
        ...["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", "--regid=65534", "--clear-groups"],
        ...[process.execPath, "-e", script],
      ],
      { stderr: "inherit" },
    );
    expect(JSON.parse(stdout.toString())).toEqual({
      ok: false,
      reason: "unreachable",
      message:
        "cannot count all processes no-such (/proc is mounted with hidepid=invisible, which hides the processes of other users)",
    });
  },
  10_000,
);

asRoot(
  "what runs in a container does not count, unless that is asked for",
  async () => {
    await using folder = await tempFolder();
    const { name, path, start, wait } = await makeProgram(folder);
    await using outer = startChild(["unshare", "--pid", "--fork", "--kill-child", path, "-c", `echo begun; ${wait}`]);
    await until(() => outer.out.includes("begun"));
    const seen = `no process ${name} is running (1 in a container does not count)`;
    expect(await look(name)).toEqual({ ok: false, reason: "missing", message: seen });
    expect(await look(name, { containers: true })).toEqual({ ok: true, detail: "1 running" });
    expect(await look(name, { max: 0 })).toEqual({
      ok: true,
      detail: "0 running (1 in a container does not count)",
    });
    await using _here = await start();
    expect(await look(name)).toEqual({ ok: true, detail: "1 running (1 in a container does not count)" });
    expect(await look(name, { containers: true, min: 2 })).toEqual({ ok: true, detail: "2 running" });

    const [inner = 0] = childrenOf(outer.pid);
    const pidFile = await folder.write("it.pid", `${inner}\n`);
    expect(await look(pidFile)).toEqual({
      ok: true,
      detail: `pid ${inner}`,
      warning: `process ${inner} of ${pidFile} runs in a container; set containers: true if that is intended`,
    });
    expect(await look(pidFile, { containers: true })).toEqual({ ok: true, detail: `pid ${inner}` });
  },
  10_000,
);

test("its own process and the processes of its scripts do not count", async () => {
  await using folder = await tempFolder();
  const { name, path, start, wait } = await makeProgram(folder);
  const ready = join(folder.path, "ready");
  // The script, its child, and what the child left in the background.
  const text = `"$0" -c '${wait}' & "$0" -c '("$0" -c "${wait}" &) ; : >"$1"; ${wait}' "$0" ${ready}; :`;
  const running = checkOf(script, { script: [path, "-c", text, path] });
  const end = new AbortController();
  const ended = running.probe(end);
  await until(() => Bun.file(ready).exists());
  await until(async () => JSON.stringify(await look(name)).includes("4 of"));
  expect(await look(name)).toEqual({
    ok: false,
    reason: "missing",
    message: `no process ${name} is running (4 of health-checker's own processes do not count)`,
  });
  expect(await look(name, { max: 0 })).toMatchObject({ ok: true });
  await using _service = await start();
  expect(await look(name)).toMatchObject({ ok: true, detail: expect.stringMatching(/^1 running/) });
  end.abort();
  await ended;

  const self = await Bun.file("/proc/self/comm").text();
  const own = await look(self.trim(), { matching: process.argv.slice(1).join(" ") });
  expect(own).toMatchObject({ ok: false, reason: "missing" });
  const pidFile = await folder.write("self.pid", `${process.pid}`);
  expect(await look(pidFile)).toEqual({
    ok: false,
    reason: "missing",
    message: `process ${process.pid} of ${pidFile} is health-checker itself`,
  });
});

test("a service that a script has started does count", async () => {
  await using folder = await tempFolder();
  const { name, path, wait } = await makeProgram(folder);
  const pidFile = join(folder.path, "it.pid");
  // As daemons do: in a session of its own, without a parent.
  const text = `setsid "$0" -c 'echo $$ >"$1"; exec 1>&- 2>&-; ${wait}' sh ${pidFile} & until [ -s ${pidFile} ]; do sleep 0.01; done`;
  expect(await outcomeOf(script, { script: ["/bin/sh", "-c", text, path] })).toMatchObject({ ok: true });
  await until(async () => (await Bun.file(pidFile).exists()) && (await Bun.file(pidFile).text()).endsWith("\n"));
  const pid = Number(await Bun.file(pidFile).text());
  try {
    await until(async () => (await look(name)).ok);
    expect(await look(name)).toMatchObject({ ok: true, detail: "1 running" });
  } finally {
    process.kill(-pid, "SIGKILL");
  }
});

test("a process whose first thread has ended runs as long as another thread does", async () => {
  await using folder = await tempFolder();
  // Longer than the kernel's limit, so that the command line counts too, which is read from a living thread.
  const name = newName(20);
  const path = join(folder.path, name);
  await symlink(process.execPath, path);
  // It does not wait for its child, so that the child stays a zombie.
  const fixture = join(import.meta.dir, "../../fixtures/leaderless.ts");
  const text = '"$0" "$1" --serve & echo $!; exec tail -f /dev/null';
  await using parent = startChild(["/bin/sh", "-c", text, path, fixture]);
  await until(() => parent.out.length > 0);
  const pid = Number(parent.out[0]);
  await until(() => statOf(pid)?.state === "Z");
  const pidFile = await folder.write("it.pid", `${pid}\n`);
  expect(await look(name)).toEqual({ ok: true, detail: "1 running" });
  expect(await look(name, { matching: "/--serve$/" })).toEqual({ ok: true, detail: "1 running" });
  expect(await look(pidFile, { matching: "--serve" })).toEqual({ ok: true, detail: `pid ${pid}` });
  process.kill(pid, "SIGKILL");
  // Its threads end one after another.
  await until(async () => JSON.stringify(await look(pidFile)).includes("zombie"));
  expect(await look(pidFile)).toMatchObject({ message: `process ${pid} of ${pidFile} is a zombie` });
  expect(await look(name)).toMatchObject({
    message: `no process ${name} is running (1 zombie does not count)`,
  });
  expect(await look(name, { max: 0 })).toMatchObject({ ok: true });
}, 20_000);
