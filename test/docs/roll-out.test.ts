// The script of docs/fleet.md that takes a new config file, run as it stands against a daemon. aws copies a file, and the
// unit is good or not as the test says.

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { binary, ROOT } from "../support/binary.ts";
import { plainEnvironment, startChild } from "../support/child.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const PAGE = await Bun.file(join(ROOT, "docs/fleet.md")).text();
const [, SCRIPT = ""] = /^## Many hosts with SSM\n.*?^```sh\n(#!\/bin\/sh\n.*?)^```$/ms.exec(PAGE) ?? [];

const OLD = "checks:\n  - { name: old, script: [/bin/true] }\n";
const NEW = "checks:\n  - { name: new, script: [/bin/true] }\n";

interface Host extends AsyncDisposable {
  readonly folder: TempFolder;
  readonly daemon: Daemon;
  readonly file: string;
}

async function startHost(): Promise<Host> {
  const folder = await tempFolder();
  const file = await folder.write("etc/health-checker/config.yaml", OLD);
  const daemon = await startDaemon(["--config", file, "--control-socket", join(folder.path, "control.sock")]);
  expect((await daemon.ask()).status).toBe(200);
  return {
    folder,
    daemon,
    file,
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Rolls `content` out; resolves with the exit status and the config file after it. */
async function rollOut({ folder }: Host, content: string, { hash = hashOf(content), unitStatus = 0 } = {}) {
  const root = folder.path;
  const sent = await folder.write("sent.yaml", content);
  await folder.write("bin/aws", `#!/bin/sh\nfor last; do :; done\ncp ${sent} "$last"\n`, 0o755);
  const program = `case $1 in
unit) exit ${unitStatus} ;;
reload) exec ${await binary()} "$@" --control-socket ${root}/control.sock ;;
*) exec ${await binary()} "$@" ;;
esac`;
  await folder.write("bin/health-checker", `#!/bin/sh\n${program}\n`, 0o755);
  const script = SCRIPT.replace("0".repeat(64), hash).replace("/etc/", `${root}/etc/`);
  const path = await folder.write("roll-out.sh", script, 0o755);
  const { PATH = "" } = plainEnvironment();
  await using child = startChild([path], { env: { PATH: `${root}/bin:${PATH}` } });
  const [exitCode] = await Promise.all([child.exited, child.ended]);
  return { exitCode, printed: [...child.out, ...child.err].join("\n") };
}

const hashOf = (content: string): string => createHash("sha256").update(content).digest("hex");

test("a good file is taken, and the old one is kept beside it", async () => {
  await using host = await startHost();
  expect(await rollOut(host, NEW)).toMatchObject({ exitCode: 0 });
  await host.daemon.logged("configuration reloaded");
  expect(await readFile(host.file, "utf8")).toBe(NEW);
  expect(await readFile(`${host.file}.old`, "utf8")).toBe(OLD);
}, 60_000);

const HARMFUL = "checks:\n  - { name: new, script: [/bin/false] }\n";

test.each([
  ["has another hash", NEW, { hash: "1".repeat(64) }, "FAILED"],
  ["has an error", "checks:\n  - { name: new, scirpt: [/bin/true] }\n", {}, "scirpt"],
  ["would turn the host unhealthy", HARMFUL, {}, "new"],
  ["needs another unit", NEW, { unitStatus: 1 }, "OK"],
] as const)(
  "a file that %s is not taken",
  async (_why, content, options, printed) => {
    await using host = await startHost();
    const ran = await rollOut(host, content, options);
    expect(ran.exitCode).not.toBe(0);
    expect(ran.printed).toContain(printed);
    expect(await readFile(host.file, "utf8")).toBe(OLD);
    expect(host.daemon.log().join("\n")).not.toContain("configuration reloaded");
    expect((await host.daemon.ask()).status).toBe(200);
  },
  60_000,
);
