// How full a file system is. It blocks, so it runs on a thread of filesystem.ts.
//
// For a block device it measures what is mounted from it, as df does; the file of the device is on another file system.

import { realpathSync, type Stats, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Mount, mountAt, parseMounts, readMountinfo } from "./mounts.ts";

export interface FileSystemUsage {
  readonly sizeBytes: number;
  /** Without the blocks that are reserved for root, as df counts. */
  readonly freeBytes: number;
  readonly usedBytes: number;
  /** 0 if the file system has no fixed number of inodes. */
  readonly inodes: number;
  readonly freeInodes: number;
  /** Whether the file system itself is read-only, not just this mount of it; undefined if unknown. */
  readonly readOnly: boolean | undefined;
  /** Whether it is lost at the next boot. */
  readonly isInMemory: boolean;
  /** For a block device: where it is mounted. */
  readonly on: string | undefined;
  /** The mount point at or above the path; undefined on systems other than Linux. */
  readonly below: string | undefined;
  readonly isMountPoint: boolean;
}

/** The path is a special file, so there is nothing to measure. */
export type NoFileSystem =
  | { readonly special: string }
  /** A block device that is not mounted; `parts` are its mounted partitions. */
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
  // A mount that another one covers cannot be reached by its mount point.
  const seen = mounts.filter((mount) => mountAt(mounts, mount.point)?.id === mount.id);
  const [mount] = seen
    .filter((mount) => mount.device === formatDevice(rdev) || deviceOf(mount) === rdev)
    // Prefer all of the file system to a part of it, which may be a single file.
    .toSorted((one, other) => one.root.length - other.root.length || one.point.length - other.point.length);
  if (mount) return { ...measureAt(mount.point), on: mount.point, isMountPoint: true };
  const parts = seen.filter(({ source }) => source.startsWith(path) && /^p?\d+$/.test(source.slice(path.length)));
  return { special: "unmounted", parts: parts.map(({ source, point }) => ({ source, point })) };
}

/** The number of the device file; `Mount.device` is invented by file systems with several devices, such as btrfs. */
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
  // After the calls above, which trigger automounts.
  const mounts = parseMounts(readMountinfo());
  const real = realpathSync(path);
  const below = realMountAt(mounts, real);
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

/** Skips mounts of a folder on itself, which systemd makes for ReadWritePaths= and the like. */
function realMountAt(mounts: readonly Mount[], path: string): Mount | undefined {
  let mount = mountAt(mounts, path);
  for (;;) {
    const parent = mounts.find(({ id }) => id === mount?.parent);
    if (mount === undefined || parent === undefined || parent === mount || !isSelfMount(mount, parent)) return mount;
    mount = parent;
  }
}

const isSelfMount = (mount: Mount, parent: Mount): boolean =>
  mount.device === parent.device &&
  mount.root === join(parent.root, mount.point.slice(withoutSlash(parent.point).length));

const withoutSlash = (point: string): string => (point === "/" ? "" : point);

/**
 * By the options of the file system itself, since under ProtectSystem= a service sees the host's file systems through
 * read-only mounts.
 */
function isReadOnly(mounts: readonly Mount[], dev: bigint): boolean | undefined {
  return mounts.find(({ device }) => device === formatDevice(dev))?.options.includes("ro");
}

/** MAJOR:MINOR, as in mountinfo. */
function formatDevice(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}
