// What a parent process hands on is put right at the start, before a script suffers from it.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { startDaemon } from "../support/daemon.ts";
import { needs } from "../support/needs.ts";
import { descriptorsOf } from "../support/processes.ts";
import { until } from "../support/until.ts";

/** `prepare` is what a shell does before it becomes the command. */
const after = async (prepare: string): Promise<readonly string[]> => [
  "/bin/bash",
  "-c",
  `${prepare}; exec "$0" "$@"`,
  await binary(),
];

/** With every signal that can be blocked blocked. */
const BLOCKED = [
  "python3",
  "-c",
  "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); os.execv(sys.argv[1], sys.argv[1:])",
];

async function run(command: readonly string[]): Promise<{ readonly out: string; readonly exitCode: number }> {
  await using child = startChild(command);
  await child.ended;
  return { out: [...child.out, ...child.err].join("\n"), exitCode: await child.exited };
}

const IGNORES_CHILDREN = "trap '' CHLD";

test("with SIGCHLD ignored by the parent a script that exits 0 is up, time after time", async () => {
  const scripts = Array.from({ length: 10 }, () => ["--script", "/bin/true"]).flat();
  const { out, exitCode } = await run([...(await after(IGNORES_CHILDREN)), "check", ...scripts]);
  expect(out).toContain("healthy, 10 of 10 up");
  expect(exitCode).toBe(0);
}, 30_000);

test("with SIGCHLD ignored by the parent the status of a script that fails is reported", async () => {
  const command = await after(IGNORES_CHILDREN);
  const { out } = await run([...command, "check", "--script", "sh -c 'exit 3'"]);
  expect(out).toContain("exit: exited with status 3");
}, 30_000);

test("with SIGCHLD ignored by the parent a daemon ends its scripts and stops", async () => {
  await using daemon = await startDaemon(["--script", "/bin/true"], { command: await after(IGNORES_CHILDREN) });
  for (let count = 0; count < 5; count++) expect((await daemon.ask()).status).toBe(200);
  expect(await daemon.stop()).toBe(0);
  expect([...daemon.log(), ...daemon.errors()].join("\n")).not.toContain("fault");
}, 30_000);

const withPython = await needs("python3");

withPython(
  "signals that the parent has blocked are not blocked in scripts, and still stop the daemon",
  async () => {
    const script = ["--script", "grep -qE '^SigBlk:.0+$' /proc/self/status"];
    await using daemon = await startDaemon(script, { command: [...BLOCKED, await binary()] });
    expect((await daemon.ask()).status).toBe(200);
    expect(await daemon.stop()).toBe(0);
  },
  30_000,
);

test("a status that is lost all the same is said to be lost, and the script is down", async () => {
  const { out } = await run([process.execPath, join(import.meta.dir, "../fixtures/loses-status.ts")]);
  const lost = { ok: false, reason: "exit", message: "ended, and its exit status was lost", output: "x" };
  expect(JSON.parse(out)).toEqual([lost, lost, lost, lost, lost]);
}, 30_000);

describe("the soft limit of descriptors that the daemon was started with", () => {
  const limited = (limits: string) => ["prlimit", `--nofile=${limits}`];
  const limitsOf = (pid: number) =>
    /^Max open files +(\d+) +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.slice(1);

  test.each(["64:4096", "1024:8192", "2000:2000"])(
    "%s is that of its scripts",
    async (limits) => {
      const [, hard = ""] = limits.split(":");
      const script = `sh -c 'test "$(ulimit -Sn):$(ulimit -Hn)" = ${limits}'`;
      await using daemon = await startDaemon(["--script", script], { command: [...limited(limits), await binary()] });
      for (let count = 0; count < 3; count++) expect((await daemon.ask()).status).toBe(200);
      // For itself it takes all there are.
      expect(limitsOf(daemon.pid)).toEqual([hard, hard]);
    },
    30_000,
  );

  test("is that of scripts also where a shell sets it and becomes the daemon", async () => {
    const command = await after("ulimit -Sn 256");
    const { out } = await run([...command, "check", "--script", "sh -c 'ulimit -Sn; exit 1'"]);
    expect(out).toContain("its output ends in: 256");
  }, 30_000);

  test("is that of scripts while more descriptors are in use than it allows, and the daemon serves on", async () => {
    // The limit may come right after the start then.
    const script = "sh -c 'until test $(ulimit -Sn) = 64; do sleep 0.01; done'";
    await using daemon = await startDaemon(["--script", script], { command: [...limited("64:4096"), await binary()] });
    const sockets = Array.from({ length: 100 }, () => connect(daemon.port, "127.0.0.1"));
    try {
      for (const socket of sockets) socket.on("error", () => {}).write("GET / HTTP/1.1\r\n");
      await until(() => descriptorsOf(daemon.pid) > 100);
      for (let count = 0; count < 3; count++) expect((await daemon.ask()).status).toBe(200);
      expect(limitsOf(daemon.pid)).toEqual(["4096", "4096"]);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  }, 30_000);
});
