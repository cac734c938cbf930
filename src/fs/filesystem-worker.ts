// The thread that answers the questions of filesystem.ts: one at a time, by blocking calls. It opens only regular files:
// opening a FIFO or a device may block for ever or have an effect.

import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { codeOf } from "../system/errors.ts";
import { findCause } from "./cause.ts";
import {
  countProcesses,
  findNearMisses,
  inspectProcess,
  type Matching,
  type NearMisses,
  type ProcessCounts,
  type ProcessFacts,
  type ProcessQuery,
} from "./proc.ts";
import { type FileSystemUsage, measure, type NoFileSystem } from "./usage.ts";

declare const self: Worker;

export type Question =
  | { readonly ask: "stat"; readonly path: string }
  | { readonly ask: "read"; readonly path: string; readonly limitBytes: number }
  | { readonly ask: "usage"; readonly path: string }
  /** Why a call for the path failed with that code. */
  | { readonly ask: "cause"; readonly path: string; readonly code: string }
  /** How many processes there are of each; `scripts` are the leaders of the running process groups. */
  | ({
      readonly ask: "process-counts";
      readonly path: "/proc";
      readonly queries: readonly ProcessQuery[];
    } & WithScripts)
  /** Processes that the user may have meant by names that no process has. */
  | ({ readonly ask: "near-misses"; readonly path: "/proc"; readonly names: readonly string[] } & WithScripts)
  /** One process by its number. */
  | ({
      readonly ask: "process";
      readonly path: `/proc/${number}`;
      readonly matching: Matching | undefined;
    } & WithScripts);

interface WithScripts {
  readonly scripts: readonly number[];
}

export interface Answers {
  readonly stat: Stat;
  readonly read: Content;
  readonly usage: FileSystemUsage | NoFileSystem;
  readonly cause: { readonly text: string | undefined };
  readonly "process-counts": ProcessCounts;
  readonly "near-misses": readonly NearMisses[];
  readonly process: ProcessFacts;
}

export interface Stat {
  /** "regular file", "directory"…; symbolic links are followed. */
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly changedAt: number;
}

/** `text` is the start of a regular file; absent for anything else. */
export interface Content extends Stat {
  readonly text?: string;
  /** Whether the file is longer than `text`. */
  readonly cut: boolean;
}

export type Reply =
  | { readonly ok: true; readonly value: Answers[keyof Answers] }
  | { readonly ok: false; readonly code: string };

function answer(question: Question): Answers[keyof Answers] {
  switch (question.ask) {
    case "stat":
      return describe(statSync(question.path));
    case "read":
      return readStart(question.path, question.limitBytes);
    case "usage":
      return measure(question.path);
    case "cause":
      return { text: findCause(question.path, question.code) };
    case "process-counts":
      return countProcesses(question.queries, question.scripts);
    case "near-misses":
      return findNearMisses(question.names, question.scripts);
    case "process":
      return inspectProcess(Number(question.path.slice("/proc/".length)), question.matching, question.scripts);
  }
}

type Stats = ReturnType<typeof statSync> & object;

function describe(stats: Stats): Stat {
  const type = stats.isFile()
    ? "regular file"
    : stats.isDirectory()
      ? "directory"
      : stats.isFIFO()
        ? "FIFO"
        : stats.isSocket()
          ? "socket"
          : "device";
  return { type, changedAt: Number(stats.mtimeMs) };
}

function readStart(path: string, limitBytes: number): Content {
  const before = statSync(path);
  if (!before.isFile()) return { ...describe(before), cut: false };
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0));
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return { ...describe(stats), cut: false };
    // Files of /proc and /sys report no size, so a file ends where a read returns nothing.
    const bytes = Buffer.alloc(limitBytes + 1);
    let length = 0;
    while (length < bytes.byteLength) {
      const count = readMore(fd, bytes, length);
      if (count === 0) break;
      length += count;
    }
    const text = new TextDecoder().decode(bytes.subarray(0, Math.min(length, limitBytes)));
    return { ...describe(stats), text, cut: length > limitBytes };
  } finally {
    closeSync(fd);
  }
}

/** 0 at the end, and if more would have to be waited for; throws if there was nothing at all. */
function readMore(fd: number, bytes: Buffer, length: number): number {
  try {
    return readSync(fd, bytes, length, bytes.byteLength - length, null);
  } catch (error) {
    if (codeOf(error) === "EAGAIN" && length > 0) return 0;
    throw error;
  }
}

self.onmessage = ({ data }: MessageEvent<Question>) => {
  let reply: Reply;
  try {
    reply = { ok: true, value: answer(data) };
  } catch (error) {
    reply = { ok: false, code: codeOf(error) };
  }
  self.postMessage(reply);
};
