// Only root and the daemon's user should be able to write config files, scripts and secrets; else there is a warning.

import { expect, test } from "bun:test";
import { chmod, chown, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { RawValues } from "../../../src/config/command-line.ts";
import { loadOptions } from "../../../src/config/load.ts";
import { asRoot } from "../../support/needs.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";

/** The folder is called /t in the warnings. */
async function lint(folder: TempFolder, raw: RawValues): Promise<readonly string[]> {
  const options = await loadOptions(raw, { PATH: `/nowhere:${folder.path}/bin:/bin` });
  if (!("listener" in options)) throw new Error(options.join("\n"));
  return options.warnings.map((line) => line.replaceAll(folder.path, "/t"));
}

const SCRIPT = "#!/bin/sh\nexit 0\n";
const NOBODY = 65534;

test("files that only this user may write get no warning", async () => {
  await using folder = await tempFolder();
  const script = await folder.write("bin/check", SCRIPT, 0o755);
  const secret = await folder.write("token", "s3cret", 0o644);
  const file = await folder.write("hc.yaml", `checks: [{ script: [${script}, "\${file:${secret}}"] }]`, 0o644);
  expect(await lint(folder, { config: [file], script: [script, "check", `sh ${script}`, "/no/such/script"] })).toEqual(
    [],
  );
});

test("a config file that any user can write gets a warning", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "port: 80", 0o666);
  expect(await lint(folder, { config: [file] })).toEqual([
    "/t/hc.yaml:1:1: warning: any user can write /t/hc.yaml (mode 666) and change what the daemon runs",
  ]);
});

test("a config file in a folder that any user can write gets a warning, also behind a link", async () => {
  await using folder = await tempFolder();
  await folder.write("open/hc.yaml", "port: 80", 0o644);
  await symlink(join(folder.path, "open/hc.yaml"), join(folder.path, "link.yaml"));
  await chmod(join(folder.path, "open"), 0o777);
  const warning = "any user can write in the folder /t/open (mode 777) and change what the daemon runs";
  expect(await lint(folder, { config: [join(folder.path, "link.yaml")] })).toEqual([
    `/t/link.yaml:1:1: warning: ${warning}`,
  ]);
  // Like /tmp, where users may replace only their own files.
  await chmod(join(folder.path, "open"), 0o1777);
  expect(await lint(folder, { config: [join(folder.path, "link.yaml")] })).toEqual([]);
});

test.each([
  ["by its path", (script: string) => script],
  ["with words", (script: string) => `${script} --all`],
  ["in PATH", () => "check --all"],
  ["by a shell", (script: string) => `sh -e ${script}`],
  ["by an interpreter", (script: string) => `/usr/bin/python3 ${script} x`],
  ["by sudo", (script: string) => `sudo -n ${script}`],
  ["within a shell's text", (script: string) => `sh -c 'test -e / && ${script} || exit 1'`],
])("a script that any user can write gets a warning, run %s", async (_how, command) => {
  await using folder = await tempFolder();
  const script = await folder.write("bin/check", SCRIPT, 0o777);
  const [warning, ...more] = await lint(folder, { script: [command(script)] });
  expect(more).toEqual([]);
  expect(warning).toStartWith("--script ");
  expect(warning).toEndWith("warning: any user can write /t/bin/check (mode 777) and change what the daemon runs");
});

test("a relative script is found from its cwd", async () => {
  await using folder = await tempFolder();
  await folder.write("bin/check", SCRIPT, 0o757);
  const content = JSON.stringify({ checks: [{ script: "bin/check", cwd: folder.path }] });
  const file = await folder.write("hc.yaml", content, 0o644);
  expect(await lint(folder, { config: [file] })).toEqual([
    "/t/hc.yaml:1:22: checks[0].script: warning: any user can write /t/bin/check (mode 757) and change what the daemon runs",
  ]);
});

test("a secret's file that any user can write gets a warning", async () => {
  await using folder = await tempFolder();
  const secret = await folder.write("token", "s3cret", 0o602);
  const content = `checks: [{ redis: "redis://127.0.0.1", password: "\${file:${secret}}" }]`;
  const file = await folder.write("hc.yaml", content, 0o644);
  expect(await lint(folder, { config: [file] })).toEqual([
    "/t/hc.yaml:1:50: checks[0].password: warning: any user can write /t/token (mode 602) and change which secret the daemon uses",
  ]);
});

test("a link in a folder that any user can write gets a warning", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "port: 80", 0o644);
  const script = await folder.write("check", SCRIPT, 0o755);
  await folder.write("open/x", "");
  const at = (name: string) => join(folder.path, name);
  await symlink(file, at("open/hc.yaml"));
  await symlink(script, at("open/check"));
  await symlink(at("open/check"), at("link"));
  await chmod(at("open"), 0o777);
  const warning = "any user can write in the folder /t/open (mode 777) and change what the daemon runs";
  expect(await lint(folder, { config: [at("open/hc.yaml")] })).toEqual([`/t/open/hc.yaml:1:1: warning: ${warning}`]);
  expect(await lint(folder, { script: [at("open/check")] })).toEqual([`--script /t/open/check: warning: ${warning}`]);
  expect(await lint(folder, { script: [at("link")] })).toEqual([`--script /t/link: warning: ${warning}`]);
  await chmod(at("open"), 0o755);
  expect(await lint(folder, { config: [at("open/hc.yaml")], script: [at("link")] })).toEqual([]);
});

test("certificates that any user can write get a warning", async () => {
  await using folder = await tempFolder();
  const [ca, cert, key] = [
    await folder.write("ca.pem", "x", 0o666),
    await folder.write("cert.pem", "x", 0o666),
    await folder.write("key.pem", "x", 0o666),
  ];
  const check = { http: "https://127.0.0.1/", tls: { ca, cert, key } };
  const file = await folder.write("hc.yaml", JSON.stringify({ checks: [check, { certificate: 443, ca }] }), 0o644);
  const lines = async () => (await lint(folder, { config: [file] })).map((line) => line.replace(/^\S+ /, ""));
  const warningsOf = (key: string, name: string, what: string) =>
    `checks[0].tls.${key}: warning: any user can write /t/${name} (mode 666) and change ${what}`;
  expect(await lines()).toEqual([
    warningsOf("ca", "ca.pem", "which servers the daemon trusts"),
    warningsOf("cert", "cert.pem", "which certificate the daemon presents"),
    warningsOf("key", "key.pem", "which certificate the daemon presents"),
  ]);
  for (const path of [ca, cert, key]) await chmod(path, 0o640);
  expect(await lines()).toEqual([]);
});

test("a file or folder is reported once, however many checks use it", async () => {
  await using folder = await tempFolder();
  const script = await folder.write("bin/check", SCRIPT, 0o777);
  expect(await lint(folder, { script: [`${script} a`, `${script} b`] })).toHaveLength(1);
});

test("files that a script only reads get no warning", async () => {
  await using folder = await tempFolder();
  const state = await folder.write("state", "ok", 0o666);
  expect(await lint(folder, { script: [`grep -q ok ${state}`, `sh -c 'cat ${state}'`] })).toEqual([]);
});

asRoot(
  "a file that belongs to another user, or to a group that may write it",
  async () => {
    await using folder = await tempFolder();
    const script = await folder.write("bin/check", SCRIPT, 0o755);
    const other = await folder.write("other", SCRIPT, 0o775);
    await chown(script, NOBODY, 0);
    await chown(other, 0, NOBODY);
    expect(await lint(folder, { script: [script, other] })).toEqual([
      "--script /t/bin/check: warning: /t/bin/check is owned by nobody (uid 65534), who can change what the daemon runs",
      "--script /t/other: warning: the group with gid 65534 can write /t/other (mode 775) and change what the daemon runs",
    ]);
    // A service often owns its certificates.
    const config = { checks: [{ certificate: 443, ca: script }] };
    const file = await folder.write("hc.yaml", JSON.stringify(config), 0o644);
    expect(await lint(folder, { config: [file] })).toEqual([]);
    // The group with gid 0 is root's own.
    await chown(other, 0, 0);
    expect(await lint(folder, { script: [other] })).toEqual([]);
  },
  10_000,
);

asRoot(
  "a folder that belongs to another user",
  async () => {
    await using folder = await tempFolder();
    const script = await folder.write("app/bin/check", SCRIPT, 0o755);
    await chown(join(folder.path, "app"), NOBODY, 0);
    expect(await lint(folder, { script: [script] })).toEqual([
      "--script /t/app/bin/check: warning: the folder /t/app is owned by nobody (uid 65534), who can change what the daemon runs",
    ]);
  },
  10_000,
);
