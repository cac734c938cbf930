// The options of the admin listener: its address, its token file, and the metrics file.

import { expect, test } from "bun:test";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadOptions } from "../../src/config/load.ts";
import { tempFolder } from "../support/temp.ts";

const TOKEN = "0123456789abcdef";

const load = (raw: Readonly<Record<string, string>>) =>
  loadOptions({ port: ["80"], ...Object.fromEntries(Object.entries(raw).map(([name, text]) => [name, [text]])) });

async function warningsOf(raw: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const options = await load(raw);
  if (!("listener" in options)) throw new Error(options.join("\n"));
  return options.warnings;
}

async function tokenFile(content: string, mode = 0o600) {
  const folder = await tempFolder();
  const path = join(folder.path, "token");
  await writeFile(path, content);
  await chmod(path, mode);
  return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

test.each([TOKEN, `${TOKEN}\n`, `${TOKEN}\r\n`])(
  "a newline at the end of %j is not part of the token",
  async (content) => {
    await using file = await tokenFile(content);
    expect(await load({ "admin-listener": ":5002", "admin-token-file": file.path })).toMatchObject({
      adminToken: TOKEN,
      adminTokenFile: file.path,
      warnings: [],
    });
  },
);

test.each([
  ["", "an empty file"],
  ["\n", "an empty file"],
  ["0123456789abcde\n", "15"],
  ["x".repeat(1025), "1025"],
  [`${TOKEN}\n${TOKEN}\n`, "a blank, a line end or a character that is not ASCII"],
  [`${TOKEN} ${TOKEN}`, "a blank, a line end or a character that is not ASCII"],
  [`${TOKEN}é`, "a blank, a line end or a character that is not ASCII"],
])("a token file with %j is refused, and never shown", async (content, got) => {
  await using file = await tokenFile(content);
  expect(await load({ "admin-listener": ":5002", "admin-token-file": file.path })).toEqual([
    `--admin-token-file: expected a token of 16 to 1024 characters in ${file.path}, got ${got}`,
  ]);
});

test("a token file that cannot be read is refused", async () => {
  expect(await load({ "admin-listener": ":5002", "admin-token-file": "/nowhere/token" })).toEqual([
    "--admin-token-file: cannot read /nowhere/token: no such file",
  ]);
  expect(await load({ "admin-listener": ":5002", "admin-token-file": "/" })).toEqual([
    "--admin-token-file: cannot read /: it is a folder",
  ]);
  expect(await load({ "admin-listener": ":5002", "admin-token-file": "token" })).toEqual([
    '--admin-token-file: expected a path that begins with a slash, got "token"',
  ]);
});

test("a token file that any user can read, or without an admin listener, gets a warning", async () => {
  await using file = await tokenFile(TOKEN, 0o644);
  expect(await warningsOf({ "admin-token-file": file.path })).toEqual([
    "--admin-token-file: warning: it has no effect without --admin-listener",
    `--admin-token-file: warning: any user can read ${file.path} (mode 644)`,
  ]);
  await chmod(file.path, 0o602);
  expect(await warningsOf({ "admin-listener": ":5002", "admin-token-file": file.path })).toEqual([
    `--admin-token-file: warning: any user can write ${file.path} (mode 602) and change who can read the status`,
  ]);
});

test.each([
  [{ "admin-listener": "127.0.0.1:5000" }, "listener"],
  [{ "admin-listener": "0.0.0.0:7000", listener: "127.0.0.1:7000" }, "listener"],
  [{ "admin-listener": "unix:/run/hc.sock", listener: "unix:/run/hc.sock" }, "listener"],
  [{ "admin-listener": "[::1]:7000", "agent-listener": "[::1]:7000" }, "agent-listener"],
  [{ "admin-listener": "unix:/run/hc.sock", "control-socket": "/run/hc.sock" }, "control-socket"],
])("%j: two listeners cannot have one address", async (raw, other) => {
  expect(await load(raw)).toEqual([`--admin-listener: expected an address other than that of --${other}`]);
});

test.each([
  { "admin-listener": "127.0.0.1:0", listener: "127.0.0.1:0" },
  { "admin-listener": "127.0.0.1:7001", listener: "127.0.0.1:7000" },
  { "admin-listener": "127.0.0.2:7000", listener: "127.0.0.1:7000" },
  { "admin-listener": "unix:/run/admin.sock", "control-socket": "/run/hc.sock" },
])("%j: two addresses", async (raw) => {
  expect(await warningsOf(raw)).toEqual([]);
});

test("in a config file a problem has its place", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "port: 80\nadmin-listener: :5000\nadmin-token-file: /nowhere/token\n");
  expect(await loadOptions({ config: [file] })).toEqual([
    `${file}:2:17: admin-listener: expected an address other than that of --listener`,
    `${file}:3:19: admin-token-file: cannot read /nowhere/token: no such file`,
  ]);
});

test("a metrics file has a name that only such a file has: the daemon replaces it, and removes it at its stop", async () => {
  expect(await warningsOf({ "metrics-file": "/var/lib/node_exporter/hc.prom" })).toEqual([]);
  for (const path of [
    "/etc/health-checker/config.yaml",
    "/var/lib/hc",
    "/var/lib/hc.prom/",
    "/var/lib/.prom",
    "/x.PROM",
  ]) {
    expect(await loadOptions({ port: ["80"], "metrics-file": [path] })).toEqual([
      `--metrics-file: expected a path that begins with a slash and ends in .prom, got ${JSON.stringify(path)} (node_exporter reads no other file, and this one is removed when the daemon stops)`,
    ]);
  }
});
