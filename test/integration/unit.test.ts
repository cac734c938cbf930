// The compiled binary prints a unit that starts itself.

import { expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { asRoot, needs } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";
import { commandOf, readUnitFile } from "../support/unit-file.ts";

async function run(...command: readonly string[]) {
  await using child = startChild(command);
  const [exitCode] = await Promise.all([child.exited, child.ended]);
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
  expect(err).toEqual([expect.stringContaining("install the program as /usr/local/bin/health-checker")]);
}, 60_000);

test("what is wrong goes to stderr, with exit status 2 and no unit", async () => {
  expect(await run(await binary(), "unit", "--port", "http")).toEqual({
    exitCode: 2,
    out: "",
    err: [expect.stringContaining("--port: expected"), "Try 'health-checker unit --help'."],
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
    expect(err.at(-1)).toBe("health-checker: cannot write to stdout: no space is left");
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

test("an installed unit is compared: exit status 0 where it is good, 1 with a line for each difference, 2 where there is none", async () => {
  await using folder = await tempFolder();
  const program = await binary();
  const config = await folder.write("hc.yaml", "checks: [{ tcp: 1 }]\n");
  const printed = await run(program, "unit", "--config", config);
  const file = await folder.write("health-checker.service", `${printed.out}\n`);
  expect(await run(program, "unit", "--check", file)).toEqual({
    ...{ exitCode: 0, out: `${file} fits these options`, err: [] },
  });
  await folder.write("hc.yaml", "checks: [{ name: ready, file: /home/app/ready }, { process: nginx }]\n");
  expect(await run(program, "unit", "--check", file, "--config", config)).toEqual({
    exitCode: 1,
    out: [
      'ProtectHome=: needed read-only, installed yes; for /home/app/ready (check "ready")',
      'ProtectProc=: needed default, installed invisible; for the processes of check "process nginx"',
    ].join("\n"),
    err: [expect.stringContaining("print it again with health-checker unit")],
  });
  expect(await run(program, "unit", "--check", `${file}.none`)).toEqual({
    exitCode: 2,
    out: "",
    err: [`health-checker: unit: cannot read ${file}.none: no such file`],
  });
}, 60_000);

asRoot(
  "without a file it is the one that systemd finds, with the drop-ins of each of its folders",
  async () => {
    await using folder = await tempFolder();
    const { out } = await run(await binary(), "unit", "--port", "1");
    await folder.write("usr/lib/systemd/system/health-checker.service", `${out}\n`);
    const dropIn = "etc/systemd/system/health-checker.service.d/override.conf";
    await folder.write(dropIn, "[Service]\nMemoryDenyWriteExecute=yes\n");
    // The same folders of this host are covered, for this one program alone.
    const script = `for at in etc usr/lib; do mount --bind "$1/$at/systemd/system" "/$at/systemd/system"; done; exec "$2" unit --check`;
    const found = await run(
      ...["unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "sh", folder.path, await binary()],
    );
    expect(found).toMatchObject({
      exitCode: 1,
      out: `MemoryDenyWriteExecute=: needed no, installed yes (in /${dropIn}); for the runtime, which otherwise cannot report that it is ready`,
      err: [expect.stringContaining("health-checker: /usr/lib/systemd/system/health-checker.service does not fit")],
    });
  },
  60_000,
);
