// A disk check passes while enough of the file system is free, counted as df does.

import { expect, test } from "bun:test";
import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { disk } from "../../src/checks/disk.ts";
import { checkOf, outcomeOf } from "../support/checks.ts";
import { mountTmpfs, remount } from "../support/mounts.ts";
import { asRoot } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";

const room = (path: string, keys: Readonly<Record<string, unknown>>) => outcomeOf(disk, { disk: path, ...keys });
const OK = { ok: true, detail: expect.any(String) } as const;

asRoot(
  "a small disk that fills up is down, by bytes, by percent and by inodes, and up again",
  async () => {
    await using mount = await mountTmpfs("size=1M,nr_inodes=100");
    const { path } = mount;
    const half = { "min-free": "50%" };
    expect(await room(path, half)).toEqual({ ok: true, detail: "1.04 MB of 1.04 MB free (100%)" });
    expect(await room(path, { "min-free": "1MiB" })).toEqual({ ok: true, detail: "1 MiB of 1 MiB free (100%)" });
    expect(await room(path, { "min-free": "1.1MB" })).toMatchObject({ reason: "low" });

    await Bun.write(join(path, "big"), new Uint8Array(600 * 1024));
    expect(await room(path, half)).toEqual({
      ok: false,
      reason: "low",
      message: "434 kB of 1.04 MB free (41%), expected at least 50%",
    });
    expect(await room(path, { "min-free": "400kB" })).toEqual(OK);
    expect(await room(path, { "min-free": "424KiB" })).toEqual(OK);
    expect(await room(path, { "min-free": "425KiB" })).toEqual({
      ok: false,
      reason: "low",
      message: "424 KiB of 1 MiB free (41%), expected at least 425KiB",
    });
    await Bun.write(join(path, "rest"), new Uint8Array(424 * 1024));
    expect(await room(path, { "min-free": "0.1%" })).toMatchObject({
      message: "0 B of 1.04 MB free (0%), expected at least 0.1%",
    });
    await Promise.all([rm(join(path, "big")), rm(join(path, "rest"))]);
    expect(await room(path, half)).toEqual(OK);

    const inodes = { "min-free-inodes": "20%" };
    expect(await room(path, { ...half, ...inodes })).toEqual({
      ok: true,
      detail: "1.04 MB of 1.04 MB free (100%), 99 of 100 inodes free (99%)",
    });
    for (let number = 0; number < 80; number++) await Bun.write(join(path, String(number)), "");
    for (const keys of [inodes, { ...half, ...inodes }]) {
      expect(await room(path, keys)).toMatchObject({
        reason: "low",
        message: expect.stringMatching(/19 of 100 inodes free \(19%\), expected at least 20%$/),
      });
    }
    expect(await room(path, { "min-free-inodes": 19 })).toEqual(OK);
    expect(await room(path, { "min-free-inodes": 20 })).toMatchObject({ reason: "low" });
    await rm(join(path, "0"));
    expect(await room(path, { "min-free-inodes": 20 })).toEqual(OK);
  },
  20_000,
);

asRoot(
  "a folder or a file below the mount point tells of the same disk",
  async () => {
    await using mount = await mountTmpfs("size=4M");
    await mkdir(join(mount.path, "a/b"), { recursive: true });
    await Bun.write(join(mount.path, "a/b/file"), "");
    for (const below of ["a/b", "a/b/file"]) {
      expect(await room(join(mount.path, below), { "min-free": "10%" })).toEqual({
        ok: true,
        detail: expect.stringContaining("of 4.19 MB free"),
      });
    }
  },
  20_000,
);

asRoot(
  "a file system that has become read-only is down; one that is only mounted so is not",
  async () => {
    await using mount = await mountTmpfs("size=4M");
    const { path } = mount;
    await using other = await tempFolder();
    // As a service sees the host under ProtectSystem=.
    expect(Bun.spawnSync(["mount", "--bind", path, other.path]).exitCode).toBe(0);
    try {
      remount(other.path, "remount,bind,ro");
      expect(await room(other.path, { "min-free": "10%" })).toEqual(OK);
      expect(await room(path, { "min-free": "10%" })).toEqual(OK);
    } finally {
      Bun.spawnSync(["umount", other.path]);
    }
    remount(path, "remount,ro");
    expect(await room(path, { "min-free": "10%" })).toEqual({
      ok: false,
      reason: "not-ready",
      message: `the file system of ${path} is read-only`,
    });
    remount(path, "remount,rw");
    expect(await room(path, { "min-free": "10%" })).toEqual(OK);
  },
  20_000,
);

asRoot(
  "a file system that counts no inodes has enough of them",
  async () => {
    await using mount = await mountTmpfs("size=1M,nr_inodes=0");
    expect(await room(mount.path, { "min-free-inodes": "10%" })).toEqual({ ok: true });
  },
  20_000,
);

/** A block device file with these numbers, whether such a device exists or not. */
function makeDevice(path: string, [major = "", minor = ""]: readonly string[]): string {
  expect(Bun.spawnSync(["mknod", path, "b", major, minor]).exitCode).toBe(0);
  return path;
}

/** MAJOR and MINOR of the mounted file system. */
const numbersOf = (path: string): readonly string[] =>
  Bun.spawnSync(["findmnt", "-rno", "MAJ:MIN", path]).stdout.toString().trim().split("\n")[0]?.split(":") ?? [];

asRoot(
  "a device means what is mounted from it, and not the file system that its file lies on",
  async () => {
    await using folder = await tempFolder();
    await using mount = await mountTmpfs("size=1M");
    const device = makeDevice(join(folder.path, "device"), numbersOf(mount.path));
    const detail = `1.04 MB of 1.04 MB free (100%) on ${mount.path}`;
    expect(await room(device, { "min-free": "50%" })).toEqual({ ok: true, detail });
    const link = join(folder.path, "by-uuid");
    await symlink(device, link);
    expect(await room(link, { "min-free": "50%", mounted: true })).toEqual({ ok: true, detail });
    await Bun.write(join(mount.path, "big"), new Uint8Array(600 * 1024));
    expect(await room(link, { "min-free": "50%" })).toEqual({
      ok: false,
      reason: "low",
      message: `434 kB of 1.04 MB free (41%) on ${mount.path}, expected at least 50%`,
    });

    // It is mounted at a second place, and something else covers the first.
    await using other = await tempFolder();
    expect(Bun.spawnSync(["mount", "--bind", mount.path, other.path]).exitCode).toBe(0);
    expect(Bun.spawnSync(["mount", "-t", "tmpfs", "tmpfs", mount.path]).exitCode).toBe(0);
    try {
      expect(await room(device, { "min-free": "1%" })).toMatchObject({
        detail: expect.stringContaining(` on ${other.path}`),
      });
    } finally {
      Bun.spawnSync(["umount", mount.path]);
      Bun.spawnSync(["umount", other.path]);
    }
    Bun.spawnSync(["umount", mount.path]);
    expect(await room(device, { "min-free": "1%" })).toEqual({
      ok: false,
      reason: "mismatch",
      message: `${device} is a block device that is not mounted`,
    });
  },
  20_000,
);

asRoot(
  "a disk whose partition is mounted says which",
  async () => {
    await using folder = await tempFolder();
    const disk = makeDevice(join(folder.path, "sdx"), ["7", "251"]);
    const part = join(folder.path, "sdx1");
    await using target = await tempFolder();
    expect(Bun.spawnSync(["mount", "-t", "tmpfs", part, target.path]).exitCode).toBe(0);
    try {
      expect(await room(disk, { "min-free": "1%" })).toMatchObject({
        reason: "mismatch",
        message: `${disk} is a block device that is not mounted (${part} is mounted on ${target.path})`,
      });
    } finally {
      Bun.spawnSync(["umount", target.path]);
    }
  },
  20_000,
);

test("other special files are refused", async () => {
  await using folder = await tempFolder();
  const fifo = join(folder.path, "fifo");
  Bun.spawnSync(["mkfifo", fifo]);
  for (const [path, type] of [
    ["/dev/null", "character device"],
    [fifo, "FIFO"],
  ] as const) {
    expect(await room(path, { "min-free": "1%" })).toEqual({
      ok: false,
      reason: "mismatch",
      message: `${path} is a ${type}, expected a folder, a file or a block device`,
    });
  }
});

asRoot(
  "mounted: true wants a mount point, and no bind of the folder itself makes it one",
  async () => {
    await using mount = await mountTmpfs("size=1M");
    const { path } = mount;
    const mounted = { mounted: true };
    expect(await room(path, mounted)).toEqual({ ok: true });
    expect(await room(path, { ...mounted, "min-free": "50%" })).toMatchObject({ ok: true });
    await using links = await tempFolder();
    const link = join(links.path, "link");
    await symlink(path, link);
    expect(await room(link, mounted)).toEqual({ ok: true });

    const below = join(path, "below");
    await mkdir(below);
    const notMounted = (folder: string, on: string) => ({
      ok: false,
      reason: "mismatch",
      message: `nothing is mounted on ${folder}; it is on the file system of ${on}`,
    });
    expect(await room(below, mounted)).toEqual(notMounted(below, path) as never);
    expect(await room(below, { "min-free": "50%" })).toMatchObject({ ok: true });
    // As ReadWritePaths= mounts it for a service.
    expect(Bun.spawnSync(["mount", "--bind", below, below]).exitCode).toBe(0);
    expect(await room(below, mounted)).toEqual(notMounted(below, path) as never);
    Bun.spawnSync(["umount", below]);
    // Mounting a folder on itself changes nothing; another folder of the same file system counts as a mount.
    expect(Bun.spawnSync(["mount", "--bind", path, path]).exitCode).toBe(0);
    expect(await room(path, mounted)).toEqual({ ok: true });
    Bun.spawnSync(["umount", path]);
    const elsewhere = join(path, "elsewhere");
    await mkdir(elsewhere);
    expect(Bun.spawnSync(["mount", "--bind", below, elsewhere]).exitCode).toBe(0);
    expect(await room(elsewhere, mounted)).toEqual({ ok: true });
    Bun.spawnSync(["umount", elsewhere]);

    Bun.spawnSync(["umount", path]);
    expect(await room(path, mounted)).toEqual(notMounted(path, "/") as never);
    expect(await room("/", mounted)).toEqual({ ok: true });
    expect(await room("/no/such", mounted)).toMatchObject({ reason: "missing" });
  },
  20_000,
);

test("it counts free bytes as df does", async () => {
  const df = () => {
    const { stdout } = Bun.spawnSync(["df", "-B1", "--output=avail,pcent", "/"]);
    const [avail, used] = (stdout.toString().split("\n")[1] ?? "").trim().split(/\s+/);
    return { avail: Number(avail), percent: 100 - Number.parseInt(used ?? "", 10) };
  };
  // Other programs write to it meanwhile; df rounds its percentage up.
  const { avail, percent } = df();
  expect(await room("/", { "min-free": `${Math.floor(avail * 0.9)}B` })).toEqual(OK);
  expect(await room("/", { "min-free": `${Math.ceil(avail * 1.1)}B` })).toMatchObject({ reason: "low" });
  if (percent > 3) expect(await room("/", { "min-free": `${percent - 2}%` })).toEqual(OK);
  if (percent < 98) expect(await room("/", { "min-free": `${percent + 2}%` })).toMatchObject({ reason: "low" });
});

test("a path that does not exist, or is on no disk, is down", async () => {
  expect(await room("/no/such", { "min-free": "10%" })).toEqual({
    ok: false,
    reason: "missing",
    message: "/no/such does not exist: the folder /no does not exist",
  });
  expect(await room("/proc", { "min-free": "10%" })).toEqual({
    ok: false,
    reason: "mismatch",
    message: "the file system of /proc has no size",
  });
});

test.each([
  [{ disk: "/" }, "disk: expected min-free, min-free-inodes or mounted: true as well, got none"],
  [{ disk: "var", "min-free": "10%" }, "begins with a slash"],
  [{ disk: "/", "min-free": 10 }, "add a unit: 10GB, 10GiB or 10%"],
  [{ disk: "/", "min-free": "0%" }, "a percentage above 0%"],
  [{ disk: "/", "min-free-inodes": "10MB" }, "a whole number, or a percentage"],
])("refuses %j", (keys, message) => {
  expect(() => checkOf(disk, keys)).toThrow(message);
});
