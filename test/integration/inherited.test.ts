// What a parent process hands on is put right at the start, before a script suffers from it.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { startDaemon } from "../support/daemon.ts";
import { needs } from "../support/needs.ts";

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
