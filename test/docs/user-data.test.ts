// The user-data of docs/fleet.md installs what has the right hash, and nothing else.
// It is run as it stands, on a host of its own: a folder for /etc and /usr/local, and
// stand-ins for what would leave that folder.

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { binary, ROOT } from "../support/binary.ts";
import { plainEnvironment, startChild } from "../support/child.ts";
import { tempFolder } from "../support/temp.ts";
import { commandOf, readUnitFile } from "../support/unit-file.ts";

const HASH = "0".repeat(64);

async function userData(): Promise<string> {
  const text = await Bun.file(join(ROOT, "docs/fleet.md")).text();
  const [, script = ""] = /^## EC2 user-data\n.*?^```bash\n(.*?)^```$/ms.exec(text) ?? [];
  expect(script).toStartWith("#!/bin/bash\n");
  return script;
}

/** Runs it where the release's file has the hash `sha256`, on such a machine. */
async function boot(sha256: string, machine: string) {
  const folder = await tempFolder();
  const root = folder.path;
  const script = (await userData())
    .replaceAll(HASH, sha256)
    .replaceAll("/etc/", `${root}/etc/`)
    .replaceAll("/usr/local/bin/", `${root}/usr/local/bin/`);
  const note = `printf '%s\\n' "\${0##*/} $*" >> ${root}/calls`;
  await folder.write("stand-ins/uname", `#!/bin/sh\necho ${machine}\n`, 0o755);
  await folder.write(
    "stand-ins/curl",
    `#!/bin/sh\n${note}\nfor last; do :; done\ncp ${await binary()} "\${last##*/}"\n`,
    0o755,
  );
  for (const name of ["systemctl", "useradd"]) await folder.write(`stand-ins/${name}`, `#!/bin/sh\n${note}\n`, 0o755);
  for (const path of ["etc/systemd/system", "usr/local/bin", "tmp"]) await mkdir(join(root, path), { recursive: true });
  const file = await folder.write("user-data", script, 0o755);
  const { PATH = "" } = plainEnvironment();
  const env = { PATH: `${root}/stand-ins:${root}/usr/local/bin:${PATH}`, TMPDIR: join(root, "tmp") };
  await using child = startChild([file], { env });
  const [exitCode] = await Promise.all([child.exited, child.ended]);
  const calls = existsSync(join(root, "calls")) ? (await readFile(join(root, "calls"), "utf8")).trim().split("\n") : [];
  return { folder, root, exitCode, calls, err: child.err };
}

const sha256 = async () =>
  createHash("sha256")
    .update(await Bun.file(await binary()).bytes())
    .digest("hex");

test("what has its hash is installed, with the unit for its config file, and started", async () => {
  const { folder, root, exitCode, calls } = await boot(await sha256(), "x86_64");
  await using _ = folder;
  expect(exitCode).toBe(0);
  expect(calls).toEqual([
    expect.stringMatching(
      /^curl .* https:\/\/github\.com\/OWNER\/health-checker\/releases\/download\/v1\.0\.0\/health-checker_linux_amd64$/,
    ),
    "useradd --system --no-create-home --shell /usr/sbin/nologin health-checker",
    "systemctl daemon-reload",
    "systemctl enable --now health-checker",
  ]);
  const unit = readUnitFile(await readFile(join(root, "etc/systemd/system/health-checker.service"), "utf8"));
  expect(commandOf(unit.get("Service.ExecStart")?.[0] ?? "")).toEqual([
    join(root, "usr/local/bin/health-checker"),
    ...["--config", join(root, "etc/health-checker/config.yaml")],
    ...["--control-socket", "/run/health-checker/control.sock"],
  ]);
  // 30 s of drain, and what runs.
  expect(unit.get("Service.TimeoutStopSec")).toEqual(["45"]);
}, 60_000);

for (const [why, hash, machine] of [
  ["with another hash", "1".repeat(64), "aarch64"],
  ["on a machine that there is no file for", "1".repeat(64), "riscv64"],
] as const) {
  test(`nothing is installed or started ${why}`, async () => {
    const { folder, root, exitCode, calls } = await boot(hash, machine);
    await using _ = folder;
    expect(exitCode).not.toBe(0);
    expect(existsSync(join(root, "usr/local/bin/health-checker"))).toBe(false);
    expect(calls.filter((call) => !call.startsWith("curl "))).toEqual([]);
  }, 60_000);
}

test("the files that it downloads are the release's", async () => {
  const builder = await Bun.file(join(ROOT, "build.ts")).text();
  const assets = [...(await userData()).matchAll(/asset=(\S+)/g)].map(([, asset = ""]) => asset);
  expect(assets).toEqual(["health-checker_linux_amd64", "health-checker_linux_arm64"]);
  for (const asset of assets) expect(builder).toContain(`asset: "${asset}"`);
});
