// The thread that filesystem.ts has its questions answered by: one at a time, by
// calls that block. Only regular files are opened: to open a FIFO or a device may
// block for ever, or do something.

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statfsSync,
  statSync,
} from "node:fs";
import { codeOf } from "../../thrown.ts";

declare const self: Worker;

export type Question =
  | { readonly ask: "stat"; readonly path: string }
  | { readonly ask: "read"; readonly path: string; readonly limitBytes: number }
  | { readonly ask: "room"; readonly path: string }
  /** How many processes go by these names. */
  | { readonly ask: "census"; readonly path: "/proc"; readonly names: readonly string[] };

export interface Answers {
  readonly stat: Stat;
  readonly read: Content;
  readonly room: Room;
  readonly census: Census;
}

export interface Stat {
  /** "regular file", "directory"…; of what a symbolic link leads to. */
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly changedAt: number;
}

/** `text` is the start of a regular file, and absent of anything else. */
export interface Content extends Stat {
  readonly text?: string;
  /** There is more of it. */
  readonly cut: boolean;
}

export interface Room {
  readonly sizeBytes: number;
  /** Without what is held back for root, as df says it. */
  readonly freeBytes: number;
  readonly usedBytes: number;
  /** 0 where the file system has no fixed number of them. */
  readonly inodes: number;
  readonly freeInodes: number;
  /** The file system itself is read-only, and not just this mount of it; undefined where that cannot be told. */
  readonly readOnly: boolean | undefined;
}

export interface Census {
  /** In the order of the names. */
  readonly counts: readonly { readonly alive: number; readonly zombies: number }[];
  /** The first process is always there: who does not see it does not see all. */
  readonly complete: boolean;
}

export type Reply = { readonly value: Answers[keyof Answers] } | { readonly code: string };

/** What the kernel keeps of a process's name. */
const COMM_BYTES = 15;

/** Room for any /proc/PID/stat. */
const buffer = Buffer.alloc(4096);

function answer(question: Question): Answers[keyof Answers] {
  switch (question.ask) {
    case "stat":
      return describe(statSync(question.path));
    case "read":
      return readStart(question.path, question.limitBytes);
    case "room":
      return measure(question.path);
    case "census":
      return takeCensus(question.names);
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
    // What /proc and /sys hold has no size beforehand, so the end is where a read ends.
    const bytes = Buffer.alloc(limitBytes + 1);
    let length = 0;
    while (length < bytes.byteLength) {
      const count = readSync(fd, bytes, length, bytes.byteLength - length, null);
      if (count === 0) break;
      length += count;
    }
    const text = new TextDecoder().decode(bytes.subarray(0, Math.min(length, limitBytes)));
    return { ...describe(stats), text, cut: length > limitBytes };
  } finally {
    closeSync(fd);
  }
}

function measure(path: string): Room {
  const { dev } = statSync(path, { bigint: true });
  const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(path, { bigint: true });
  return {
    sizeBytes: Number(blocks * bsize),
    freeBytes: Number(bavail * bsize),
    usedBytes: Number((blocks - bfree) * bsize),
    inodes: Number(files),
    freeInodes: Number(ffree),
    readOnly: isReadOnly(dev),
  };
}

/**
 * By the last field of mountinfo(5), which is the file system's own: a service
 * under ProtectSystem= sees all of the host's through mounts that are read-only.
 */
function isReadOnly(dev: bigint): boolean | undefined {
  if (process.platform !== "linux") return undefined;
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const device = ` ${major}:${minor} `;
  try {
    const line = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .find((line) => line.includes(device));
    const options = line?.split(" - ")[1]?.split(" ").at(-1);
    return options?.split(",").includes("ro");
  } catch {
    return undefined;
  }
}

/** A process counts by the name that the kernel keeps of it, as for `pgrep -x`; a longer name by its command line too. */
function takeCensus(names: readonly string[]): Census {
  const counts = names.map(() => ({ alive: 0, zombies: 0 }));
  const wanted = new Map<string, { readonly index: number; readonly longer: string | undefined }[]>();
  for (const [index, name] of names.entries()) {
    const bytes = Buffer.from(name);
    const longer = bytes.byteLength > COMM_BYTES ? name : undefined;
    const add = (key: string, entry: { index: number; longer: string | undefined }) =>
      wanted.set(key, [...(wanted.get(key) ?? []), entry]);
    add(bytes.toString("latin1", 0, COMM_BYTES), { index, longer });
    // Of its own threads the kernel keeps the whole name.
    if (longer !== undefined) add(bytes.toString("latin1"), { index, longer: undefined });
  }
  let complete = false;
  for (const entry of readdirSync("/proc")) {
    const first = entry.charCodeAt(0);
    if (first < 48 || first > 57) continue;
    const stat = readStat(entry);
    if (stat === undefined) continue;
    if (entry === "1") complete = true;
    const matches = wanted.get(stat.comm);
    if (matches === undefined) continue;
    for (const { index, longer } of matches) {
      const count = counts[index];
      if (count === undefined) continue;
      // Of a zombie the command line is gone.
      if (!stat.alive) count.zombies++;
      else if (longer === undefined || runsAs(entry, longer)) count.alive++;
    }
  }
  return { counts, complete };
}

function readStat(pid: string): { readonly comm: string; readonly alive: boolean } | undefined {
  const length = readProc(`/proc/${pid}/stat`);
  if (length === undefined) return undefined;
  // The name may hold anything, parentheses and spaces too.
  const open = buffer.indexOf(40);
  const close = buffer.subarray(0, length).lastIndexOf(41);
  if (open < 0 || close < open) return undefined;
  const state = String.fromCharCode(buffer[close + 2] ?? 0);
  return { comm: buffer.toString("latin1", open + 1, close), alive: !"ZXx".includes(state) };
}

/** Whether a word of the command line says the whole name: the program's, or a script's behind its interpreter. */
function runsAs(pid: string, name: string): boolean {
  const length = readProc(`/proc/${pid}/cmdline`) ?? 0;
  const words = buffer.toString("utf8", 0, length).split("\0", 3);
  return words.some((word) => {
    // A title such as "name: worker" is set over the first word.
    const [program = ""] = word.split(" ", 1);
    return [name, `${name}:`].includes(baseOf(program)) || baseOf(word) === name;
  });
}

const baseOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** Reads into `buffer`; undefined for a process that has ended meanwhile or is not ours to see. */
function readProc(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY);
  } catch (error) {
    return passOver(error);
  }
  try {
    return readSync(fd, buffer, 0, buffer.byteLength, 0);
  } catch (error) {
    return passOver(error);
  } finally {
    closeSync(fd);
  }
}

function passOver(error: unknown): undefined {
  const code = codeOf(error);
  // For want of a descriptor nothing is seen, which must not look like nothing being there.
  if (!["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(code)) throw error;
}

self.onmessage = ({ data }: MessageEvent<Question>) => {
  let reply: Reply;
  try {
    reply = { value: answer(data) };
  } catch (error) {
    reply = { code: codeOf(error) };
  }
  self.postMessage(reply);
};
