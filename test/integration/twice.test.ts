// What is given twice on the command line of the compiled binary: an option that takes one value
// is refused before anything is listened on, and the same check gets a warning.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { startDaemon } from "../support/daemon.ts";
import { freePort, listener } from "../support/listeners.ts";
import { tempFolder } from "../support/temp.ts";

/** Runs it to its end. */
async function run(...args: readonly string[]) {
  await using child = startChild([await binary(), ...args]);
  const [exitCode] = await Promise.all([child.exited, child.ended]);
  return { exitCode, out: child.out, err: child.err };
}

test("a daemon with two listeners listens on neither", async () => {
  await using folder = await tempFolder();
  const [one, other] = [join(folder.path, "one.sock"), join(folder.path, "other.sock")];
  const port = `${await freePort()}`;
  expect(await run("--port", port, "--listener", `unix:${one}`, "--listener", `unix:${other}`)).toEqual({
    exitCode: 2,
    out: [],
    err: [
      `health-checker: --listener: expected once, got "unix:${one}" and "unix:${other}"`,
      "Try 'health-checker --help'.",
    ],
  });
  expect([one, other].filter((path) => existsSync(path))).toEqual([]);
});

test.each([
  ["check", "--deadline"],
  ["check", "--wait"],
  ["explain", "--interval"],
  ["unit", "--config"],
  ["status", "--control-socket"],
  ["reload", "--control-socket"],
  ["drain", "--control-socket"],
  ["undrain", "--control-socket"],
  ["maint", "--for"],
  ["maint", "--reason"],
])("%s %s given twice is refused", async (command, option) => {
  const { exitCode, out, err } = await run(command, option, "/a", `${option}=/b`);
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: [] });
  expect(err[0]).toBe(`health-checker: ${option}: expected once, got "/a" and "/b"`);
});

test("a file to validate and another by --config are refused, and both are named", async () => {
  const { exitCode, out, err } = await run("validate", "/no/one.yaml", "--config", "/no/other.yaml");
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: [] });
  expect(err[0]).toBe('health-checker: --config: expected once, got "/no/one.yaml" and "/no/other.yaml"');
});

test("a daemon that checks one port twice answers, and its log has a warning", async () => {
  await using peer = await listener();
  await using daemon = await startDaemon(["--port", `${peer.port}`, "--port", `127.0.0.1:${peer.port}`]);
  expect((await daemon.ask()).status).toBe(200);
  const line = await daemon.logged("WARNING");
  expect(line).toContain(
    `--port ${peer.port}: warning: the same check is given twice (also --port 127.0.0.1:${peer.port})`,
  );
});
