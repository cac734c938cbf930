// disk: passes when the target's file system has enough free bytes, inodes or both; with `mounted`, when something is mounted on
// the target itself.
//
// For a block device it measures the file system that is mounted from it. It counts as df does: blocks reserved for root are
// neither free nor part of the total. A file system without a fixed number of inodes has enough of them.

import { type Amount, count, size } from "../fields/amount.ts";
import { absolutePath, flag } from "../fields/field.ts";
import { optional, required, withDefault } from "../fields/keys.ts";
import { hiddenBy, whyHidden } from "../fs/hidden.ts";
import { explainUnusable } from "../fs/missing.ts";
import { readMountinfo } from "../fs/mounts.ts";
import type { FileSystemUsage, NoFileSystem } from "../fs/usage.ts";
import { type Failure, failed, type Outcome } from "../outcome.ts";
import { formatSize, isBinary } from "../text/size.ts";
import { defineKind } from "./kind.ts";

export const disk = defineKind({
  name: "disk",
  value: "PATH",
  rule: "the file system has at least min-free and min-free-inodes left; with mounted, when the path is a mount point too",
  example: "disk: /var",
  aliases: ["path", "mount", "filesystem"],
  keys: {
    disk: required(absolutePath, "a mount point, any path on the file system, or its block device"),
    "min-free": optional(size, "the free space that is required: a size or a percentage"),
    "min-free-inodes": optional(count, "the free inodes that are required: a number or a percentage"),
    mounted: withDefault(flag, "require that the path itself is a mount point", false),
  },
  texts: { disk: "file" },
  conflict: ({ "min-free": bytes, "min-free-inodes": inodes, mounted }) =>
    bytes || inodes || mounted
      ? undefined
      : { path: ["disk"], expected: "min-free, min-free-inodes or mounted: true as well", got: "none" },
  target: ({ disk }) => disk,
  files: ({ disk }) => [{ path: disk, isRead: false, mayBeMissing: false }],
  async probe({ disk: path, "min-free": bytes, "min-free-inodes": inodes, mounted }) {
    const { askFileSystem } = await import("../fs/filesystem.ts");
    return async ({ signal }) => {
      const answer = await askFileSystem({ ask: "usage", path }, signal);
      if (!answer.ok) return answer.code === undefined ? answer : explainUnusable(path, answer.code, signal);
      if ("special" in answer.value) return explainSpecial(path, answer.value);
      const failure = mounted ? judgeMount(path, answer.value) : undefined;
      return failure ?? judge(path, answer.value, bytes, inodes);
    };
  },
});

function explainSpecial(path: string, found: NoFileSystem): Failure {
  if (!("parts" in found)) {
    return failed("mismatch", `${path} is a ${found.special}, expected a folder, a file or a block device`);
  }
  const parts = found.parts.map(({ source, point }) => `${source} is mounted on ${point}`).join("; ");
  return failed("mismatch", `${path} is a block device that is not mounted${parts === "" ? "" : ` (${parts})`}`);
}

function judgeMount(path: string, { isMountPoint, below }: FileSystemUsage): Failure | undefined {
  if (below === undefined) return failed("unreachable", `cannot find the mounts of ${path}: only Linux lists them`);
  // A mount that the sandbox of the service makes does not count.
  const isHidden = hiddenBy(readMountinfo(), path) !== undefined;
  if (isMountPoint && !isHidden) return undefined;
  const seen = isHidden ? whyHidden(path, "ENOENT") : `; it is on the file system of ${below}`;
  return failed("mismatch", `nothing is mounted on ${path}${seen}`);
}

function judge(path: string, usage: FileSystemUsage, bytes: Amount | undefined, inodes: Amount | undefined): Outcome {
  const { sizeBytes, freeBytes, usedBytes, on } = usage;
  if (!bytes && !inodes) return { ok: true };
  if (sizeBytes === 0) return failed("mismatch", `the file system of ${path} has no size`);
  if (usage.readOnly) return failed("not-ready", `the file system of ${path} is read-only`);
  const where = on === undefined ? "" : ` on ${on}`;
  const details: string[] = [];
  if (bytes) {
    const binary = isBinary(bytes.text);
    const usableBytes = usedBytes + freeBytes;
    const left = `${formatSize(freeBytes, binary)} of ${formatSize(usableBytes, binary)} free`;
    const share = percentOf(freeBytes, usableBytes);
    details.push(`${left} (${floor(share)}%)${where}`);
    if (isLess(freeBytes, share, bytes)) return tooLittle(details, bytes);
  }
  if (inodes && usage.inodes > 0) {
    const share = percentOf(usage.freeInodes, usage.inodes);
    details.push(`${usage.freeInodes} of ${usage.inodes} inodes free (${floor(share)}%)${where}`);
    if (isLess(usage.freeInodes, share, inodes)) return tooLittle(details, inodes);
  }
  return details.length === 0 ? { ok: true } : { ok: true, detail: details.join(", ") };
}

const tooLittle = (details: readonly string[], { text }: Amount): Outcome =>
  failed("low", `${details.at(-1)}, expected at least ${text}`);

const percentOf = (part: number, whole: number): number => (whole === 0 ? 0 : (100 * part) / whole);

const isLess = (left: number, percent: number, amount: Amount): boolean =>
  "percent" in amount ? percent < amount.percent : left < amount.count;

/** Rounds down, so that a failure never shows the expected percentage; below 10 to one decimal. */
const floor = (percent: number): number => (percent < 10 ? Math.floor(percent * 10) / 10 : Math.floor(percent));
