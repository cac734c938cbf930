// The mount that is found for a path is the one that the kernel uses.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { mountAt, parseMounts, readMountinfo } from "../../src/fs/mounts.ts";

const pointOf = (mountinfo: string, path: string) => mountAt(parseMounts(mountinfo), path)?.point;

test("the last of several mounts at one point counts, and the covered ones do not", async () => {
  const text = await Bun.file(join(import.meta.dir, "../testdata/mountinfo/protect-home-read-only.txt")).text();
  const mounts = parseMounts(text);
  // /home/data exists twice: once below the mount that now covers /home.
  expect(mounts.filter(({ point }) => point === "/home/data").map(({ id }) => id)).toEqual(["208", "210"]);
  expect(mountAt(mounts, "/home/data/x")?.id).toBe("210");
  const stacked = "10 1 0:1 / / rw - ext4 a rw\n11 10 0:2 / /x rw - ext4 b rw\n12 11 0:3 / /x rw - tmpfs c rw\n";
  expect(mountAt(parseMounts(stacked), "/x/y")?.id).toBe("12");
  const covered = "10 1 0:1 / / rw - ext4 a rw\n11 10 0:2 / /x/y rw - ext4 b rw\n12 10 0:3 / /x rw - tmpfs c rw\n";
  expect(mountAt(parseMounts(covered), "/x/y/z")?.id).toBe("12");
});

test("a mount point is a whole name, and may hold blanks", () => {
  const text = "10 1 0:1 / / rw - ext4 a rw\n11 10 0:2 / /a\\040b rw - nfs srv:/x rw\n";
  expect(pointOf(text, "/a b/c")).toBe("/a b");
  expect(pointOf(text, "/a b")).toBe("/a b");
  expect(pointOf(text, "/a bc")).toBe("/");
});

test("without a mount at the root, as in a chroot, those below it are found", () => {
  expect(pointOf("11 10 0:2 / /proc rw - proc proc rw\n", "/proc/1")).toBe("/proc");
  expect(pointOf("11 10 0:2 / /proc rw - proc proc rw\n", "/etc")).toBeUndefined();
  // The first mount is mounted on itself.
  expect(pointOf("1 1 0:2 / / rw - rootfs none rw\n", "/etc")).toBe("/");
});

test("on this host it is the mount that df prints", () => {
  for (const path of ["/", "/proc", "/dev", "/usr/bin"]) {
    const df = Bun.spawnSync(["df", "--output=target", path]).stdout.toString().trim().split("\n").at(-1);
    expect(pointOf(readMountinfo(), path)).toBe(df);
  }
});
