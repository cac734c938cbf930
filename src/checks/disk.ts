// disk: passes when as much of the target's file system is left as was asked for, of
// bytes, of inodes or of both.
//
// It counts as df does: what is held back for root is not free, and the whole is
// what others than root can use. A file system without a fixed number of
// inodes has enough of them.

import type { Room } from "../probing/files/filesystem-thread.ts";
import { formatSize, isBinary } from "../size.ts";
import { failed, type Outcome } from "./check.ts";
import { type Amount, count, size } from "./keys/amount.ts";
import { absolutePath, takes } from "./keys/fields.ts";
import { defineKind } from "./kind.ts";
import { cannotLook } from "./paths.ts";

export const disk = defineKind({
  name: "disk",
  value: "PATH",
  rule: "as much of the file system is free as min-free and min-free-inodes say",
  shape: (z) => ({
    disk: takes(z, absolutePath, "a mount point, or any file or folder of the file system"),
    "min-free": takes(z, size, "how many bytes must be left: a size, or a part of all").optional(),
    "min-free-inodes": takes(
      z,
      count,
      "how many inodes, thus files, must be left to make: a number, or a part of all",
    ).optional(),
  }),
  conflict: ({ "min-free": bytes, "min-free-inodes": inodes }) =>
    bytes || inodes
      ? undefined
      : { path: ["disk"], expected: "min-free, min-free-inodes or both beside it", got: "neither" },
  target: ({ disk }) => disk,
  paths: ({ disk }) => [disk],
  probe({ disk: path, "min-free": bytes, "min-free-inodes": inodes }) {
    const loading = import("../probing/files/filesystem.ts");
    return async (signal) => {
      const { askFileSystem } = await loading;
      const told = await askFileSystem({ ask: "room", path }, signal);
      if ("reason" in told) return told;
      return "code" in told ? cannotLook(path, told.code) : judge(path, told.value, bytes, inodes);
    };
  },
});

function judge(path: string, room: Room, bytes: Amount | undefined, inodes: Amount | undefined): Outcome {
  const { sizeBytes, freeBytes, usedBytes } = room;
  if (sizeBytes === 0) return failed("mismatch", `the file system of ${path} has no size`);
  if (room.readOnly) return failed("not-ready", `the file system of ${path} is read-only`);
  const details: string[] = [];
  if (bytes) {
    const binary = isBinary(bytes.text);
    const usableBytes = usedBytes + freeBytes;
    const left = `${formatSize(freeBytes, binary)} of ${formatSize(usableBytes, binary)} free`;
    const share = percentOf(freeBytes, usableBytes);
    details.push(`${left} (${floor(share)}%)`);
    if (isLess(freeBytes, share, bytes)) return tooLittle(details, bytes);
  }
  if (inodes && room.inodes > 0) {
    const share = percentOf(room.freeInodes, room.inodes);
    details.push(`${room.freeInodes} of ${room.inodes} inodes free (${floor(share)}%)`);
    if (isLess(room.freeInodes, share, inodes)) return tooLittle(details, inodes);
  }
  return details.length === 0 ? { ok: true } : { ok: true, detail: details.join(", ") };
}

const tooLittle = (details: readonly string[], { text }: Amount): Outcome =>
  failed("low", `${details.at(-1)}, expected at least ${text}`);

const percentOf = (part: number, whole: number): number => (whole === 0 ? 0 : (100 * part) / whole);

const isLess = (left: number, percent: number, amount: Amount): boolean =>
  "percent" in amount ? percent < amount.percent : left < amount.count;

/** One decimal where it matters; never up to what was expected. */
const floor = (percent: number): number => (percent < 10 ? Math.floor(percent * 10) / 10 : Math.floor(percent));
