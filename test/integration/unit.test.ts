// The compiled binary prints a unit that starts itself.

import { expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { needs } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";
import { commandOf, readUnitFile } from "../support/unit-file.ts";

async function run(...command: readonly string[]) {
  await using child = startChild(command);
  const exitCode = await child.exited;
  return { exitCode, out: child.out.join("\n"), err: child.err };
}

test("the unit starts the binary that printed it, wherever that lies", async () => {
  await using folder = await tempFolder();
  const program = join(folder.path, "health checker 100%");
  await cp(await binary(), program);
  const { exitCode, out, err } = await run(program, "unit", "--port", "5432");
  expect(exitCode).toBe(0);
  const unitFile = readUnitFile(out);
  const [start = ""] = unitFile.get("Service.ExecStart") ?? [];
  expect(commandOf(start)).toEqual([
    ...[program, "--port", "5432", "--control-socket", "/run/health-checker/control.sock"],
  ]);
  // It lies below /tmp, which the unit must not hide then.
  expect(unitFile.get("Service.PrivateTmp")).toEqual(["no"]);
  expect(err).toEqual([expect.stringContaining("install it where it can stay")]);
}, 60_000);

test("what is wrong goes to stderr, with exit status 2 and no unit", async () => {
  expect(await run(await binary(), "unit", "--port", "http")).toEqual({
    exitCode: 2,
    out: "",
    err: [expect.stringContaining("--port: expected"), "Try 'health-checker --help'."],
  });
}, 60_000);

test.each([
  ["the unit", ["unit", "--port", "5432"]],
  ["the plan", ["explain", "--port", "5432"]],
  ["the schema", ["schema"]],
])(
  "%s on a full disk is no success",
  async (_, words) => {
    const command = ["sh", "-c", '"$0" "$@" > /dev/full', await binary(), ...words];
    const { exitCode, out, err } = await run(...command);
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: "" });
    expect(err.at(-1)).toBe("health-checker: cannot write to stdout (ENOSPC)");
  },
  60_000,
);

test("a reader that has seen enough is no failure, and gets no words of it", async () => {
  const command = ["bash", "-c", 'set -o pipefail; "$0" schema | head -c 1 > /dev/null', await binary()];
  expect(await run(...command)).toEqual({ exitCode: 0, out: "", err: [] });
}, 60_000);

const withAnalyze = await needs("systemd-analyze");

withAnalyze(
  "systemd finds nothing wrong with what the binary prints",
  async () => {
    await using folder = await tempFolder();
    const script = "/bin/sh -c 'test 50% = \"$x\"; exit \\ 0'";
    const { out } = await run(await binary(), "unit", "--script", script, "--listener", ":80", "--drain-delay", "30s");
    const file = await folder.write("health-checker.service", `${out}\n`);
    const verify = await run("systemd-analyze", "verify", "--man=no", file);
    expect(verify).toEqual({ exitCode: 0, out: "", err: [] });
  },
  60_000,
);
