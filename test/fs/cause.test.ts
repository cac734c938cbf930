// One error code has several causes. The folders along the path show which one it is.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { findCause, findSocketCause } from "../../src/fs/cause.ts";
import { listenRaw } from "../net/raw-socket.ts";
import { startChild } from "../support/child.ts";
import { mountTmpfs } from "../support/mounts.ts";
import { asRoot, needs } from "../support/needs.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

let folder: TempFolder;
const at = (name: string) => join(folder.path, name);

beforeAll(async () => {
  folder = await tempFolder();
  await folder.write("file", "x");
  await mkdir(at("closed/deep"), { recursive: true });
  await folder.write("closed/deep/it", "x");
  await folder.write("unreadable", "x", 0o600);
  await chmod(at("closed"), 0o700);
  await chmod(folder.path, 0o755);
  await symlink("nowhere", at("dangling"));
  await symlink("closed/deep", at("to-deep"));
  await symlink("b", at("a"));
  await symlink("a", at("b"));
  for (let number = 0; number < 50; number++) await symlink(`chain${number + 1}`, at(`chain${number}`));
  await folder.write("chain50", "x");
});
afterAll(() => folder[Symbol.asyncDispose]());

/** As a user that is neither root nor the owner of a file. */
function causesForNobody(find: "findCause" | "findSocketCause", paths: readonly string[]): unknown {
  const script = `
    import { ${find} } from ${JSON.stringify(join(import.meta.dir, "../../src/fs/cause.ts"))};
    process.setgroups([]); process.setgid(65534); process.setuid(65534);
    console.log(JSON.stringify(${JSON.stringify(paths)}.map((path) => ${find}(path, "EACCES") ?? null)));`;
  const { stdout } = Bun.spawnSync([process.execPath, "-e", script], { stderr: "inherit" });
  return JSON.parse(stdout.toString()) as unknown;
}

test.each<[string, string, () => string | undefined]>([
  ["none", "ENOENT", () => undefined],
  ["no/such/thing", "ENOENT", () => `the folder ${at("no")} does not exist`],
  ["dangling", "ENOENT", () => `${at("dangling")} is a symbolic link to nowhere, which does not exist`],
  ["dangling/below", "ENOENT", () => `${at("dangling")} is a symbolic link to nowhere, which does not exist`],
  ["to-deep/none", "ENOENT", () => undefined],
  ["file/below", "ENOTDIR", () => `${at("file")} is a regular file, not a folder`],
  ["file/below/it", "ENOTDIR", () => `${at("file")} is a regular file, not a folder`],
  ["a", "ELOOP", () => `the symbolic link ${at("a")} leads back to itself`],
  ["a/below", "ELOOP", () => `the symbolic link ${at("a")} leads back to itself`],
  ["chain0", "ELOOP", () => `${at("chain0")} leads through more symbolic links than the kernel follows`],
  ["file", "ENAMETOOLONG", () => "it is longer than the file system allows"],
  ["file", "EWHATEVER", () => undefined],
])("the cause for %s: %s", (name, code, cause) => {
  expect(findCause(at(name), code)).toBe(cause());
});

test("a socket file fails for the same causes as any file", () => {
  expect(findSocketCause(at("file/s"), "ENOTDIR")).toBe(`${at("file")} is a regular file, not a folder`);
  expect(findSocketCause(at("gone"), "ECONNREFUSED")).toBeUndefined();
});

(await needs("python3"))(
  "a socket file is recognized by its type",
  async () => {
    for (const [type, what] of [
      ["SOCK_DGRAM", "a datagram socket"],
      ["SOCK_SEQPACKET", "a seqpacket socket"],
    ] as const) {
      const path = at(type);
      const script = `import socket,sys,time; s=socket.socket(socket.AF_UNIX,socket.${type}); s.bind(sys.argv[1]); print("ready",flush=True); time.sleep(1000)`;
      await using child = startChild(["python3", "-c", script, path]);
      await until(() => child.out.includes("ready"), 10_000, "a bound socket");
      expect(findSocketCause(path, "EPROTOTYPE")).toBe(`it is ${what}, not a stream socket`);
      expect(findSocketCause(path, "ECONNREFUSED")).toBe("no program listens on it; the file may be left over");
    }
  },
  20_000,
);

asRoot(
  "a socket file that this user may not use has the cause",
  async () => {
    listenRaw({ family: "unix", path: at("own.sock") })[Symbol.dispose]();
    listenRaw({ family: "unix", path: at("closed/x.sock") })[Symbol.dispose]();
    await chmod(at("own.sock"), 0o700);
    await chmod(at("file"), 0o644);
    expect(causesForNobody("findSocketCause", [at("closed/x.sock"), at("own.sock"), at("file")])).toEqual([
      `this user may not enter ${at("closed")}, which belongs to root (uid 0), mode 0700`,
      "this user may not write to it: it belongs to root (uid 0), mode 0700",
      "it is a regular file, not a socket",
    ]);
  },
  20_000,
);

asRoot(
  "a denied access names the folder, or the file itself",
  async () => {
    const enter = `this user may not enter ${at("closed")}, which belongs to root (uid 0), mode 0700`;
    expect(
      causesForNobody("findCause", [
        at("closed/deep/it"),
        at("to-deep/it"),
        at("closed/none"),
        at("unreadable"),
        at("file"),
      ]),
    ).toEqual([
      enter,
      enter,
      enter,
      "this user may not read it: it belongs to root (uid 0), mode 0600",
      "its mode allows it; SELinux, AppArmor or the file server may forbid it",
    ]);
  },
  20_000,
);

asRoot(
  "a failing disk is named, and the server of a mount",
  async () => {
    await using mount = await mountTmpfs("size=1M");
    const path = join(mount.path, "it");
    const named = `${mount.path} (tmpfs, tmpfs)`;
    expect(findCause(path, "EIO")).toBe(`the disk or its server may be failing: ${named}`);
    expect(findCause(path, "ENOTCONN")).toBe(`the server of the mount is gone: ${named}`);
    expect(findCause(path, "ESTALE")).toBe(
      `the file server does not know it any more; mounting it again may help: ${named}`,
    );
    expect(findCause(path, "EHOSTDOWN")).toBe(`the file server may not answer: ${named}`);
  },
  20_000,
);
