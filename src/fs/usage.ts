// How full a file system is. Runs on a thread of filesystem.ts, since it blocks.
//
// A block device stands for what is mounted from it, as for df: its file lies on another file system.

import { realpathSync, type Stats, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Mount, mountAt, parseMounts, readMountinfo } from "./mounts.ts";

export interface FileSystemUsage {
  readonly sizeBytes: number;
  /** Without the blocks that are reserved for root, as df counts. */
  readonly freeBytes: number;
  readonly usedBytes: number;
  /** 0 where the file system has no fixed number of them. */
  readonly inodes: number;
  readonly freeInodes: number;
  /** The file system itself is read-only, and not just this mount of it; undefined where that is not known. */
  readonly readOnly: boolean | undefined;
  /** Its files are gone at the next boot. */
  readonly isInMemory: boolean;
  /** Of a block device, where it is mounted. */
  readonly on: string | undefined;
  /** The mount point that it lies below; itself where something is mounted right there. Undefined on other systems than Linux. */
  readonly below: string | undefined;
  readonly isMountPoint: boolean;
}

/** A file that is neither a folder nor a regular one, so no file system to measure. */
export type NoFileSystem =
  | { readonly special: string }
  /** A block device; `parts` are those of its partitions that are mounted. */
  | { readonly special: "unmounted"; readonly parts: readonly { readonly source: string; readonly point: string }[] };

/** tmpfs and ramfs, by statfs(2). */
const IN_MEMORY: readonly bigint[] = [0x0102_1994n, 0x8584_58f6n];

export function measure(path: string): FileSystemUsage | NoFileSystem {
  const stats = statSync(path);
  if (stats.isBlockDevice()) return measureDevice(path);
  if (!stats.isDirectory() && !stats.isFile()) return { special: typeOf(stats) };
  return measureAt(path);
}

const typeOf = (stats: Stats): string => (stats.isFIFO() ? "FIFO" : stats.isSocket() ? "socket" : "character device");

function measureDevice(path: string): FileSystemUsage | NoFileSystem {
  const { rdev } = statSync(path, { bigint: true });
  const mounts = parseMounts(readMountinfo());
  // A mount that another one covers is not reached by its mount point.
  const seen = mounts.filter((mount) => mountAt(mounts, mount.point)?.id === mount.id);
  const [mount] = seen
    .filter((mount) => mount.device === numbersOf(rdev) || deviceOf(mount) === rdev)
    // All of it rather than a folder of it, which may be a single file.
    .toSorted((one, other) => one.root.length - other.root.length || one.point.length - other.point.length);
  if (mount) return { ...measureAt(mount.point), on: mount.point, isMountPoint: true };
  const parts = seen.filter(({ source }) => source.startsWith(path) && /^p?\d+$/.test(source.slice(path.length)));
  return { special: "unmounted", parts: parts.map(({ source, point }) => ({ source, point })) };
}

/** By its path: the file systems that have several devices, such as btrfs, have numbers of their own. */
function deviceOf({ source }: Mount): bigint | undefined {
  if (!source.startsWith("/")) return undefined;
  try {
    const stats = statSync(source, { bigint: true });
    return stats.isBlockDevice() ? stats.rdev : undefined;
  } catch {
    return undefined;
  }
}

function measureAt(path: string): FileSystemUsage {
  const { dev } = statSync(path, { bigint: true });
  const { type, bsize, blocks, bfree, bavail, files, ffree } = statfsSync(path, { bigint: true });
  // Only now: an automount is mounted by the calls above.
  const mounts = parseMounts(readMountinfo());
  const real = realpathSync(path);
  const below = trueMountAt(mounts, real);
  return {
    sizeBytes: Number(blocks * bsize),
    freeBytes: Number(bavail * bsize),
    usedBytes: Number((blocks - bfree) * bsize),
    inodes: Number(files),
    freeInodes: Number(ffree),
    readOnly: isReadOnly(mounts, dev),
    isInMemory: IN_MEMORY.includes(type),
    on: undefined,
    below: below?.point,
    isMountPoint: below?.point === real && below.type !== "autofs",
  };
}

/** Without those that show a folder where it is anyway: systemd makes such for a service, by ReadWritePaths= and the like. */
function trueMountAt(mounts: readonly Mount[], path: string): Mount | undefined {
  let mount = mountAt(mounts, path);
  for (;;) {
    const parent = mounts.find(({ id }) => id === mount?.parent);
    if (mount === undefined || parent === undefined || parent === mount || !isOfItself(mount, parent)) return mount;
    mount = parent;
  }
}

const isOfItself = (mount: Mount, parent: Mount): boolean =>
  mount.device === parent.device &&
  mount.root === join(parent.root, mount.point.slice(withoutSlash(parent.point).length));

const withoutSlash = (point: string): string => (point === "/" ? "" : point);

/**
 * By the last field of mountinfo(5), which is the file system's own: a service
 * under ProtectSystem= sees all of the host's through mounts that are read-only.
 */
function isReadOnly(mounts: readonly Mount[], dev: bigint): boolean | undefined {
  return mounts.find(({ device }) => device === numbersOf(dev))?.options.includes("ro");
}

/** As mountinfo has it: MAJOR:MINOR. */
function numbersOf(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}
