// What a restart of the daemon must find again: a small JSON file in its RuntimeDirectory.
//
// It is written whole or not at all, readable to its owner alone. What another boot left there, or
// anybody but us and root, or what is not such a file, counts for nothing.
//
// All calls are synchronous: the folder is in memory, the file small, writes never cross, and the
// thread pool, which hung name servers may hold for seconds, is not waited for.

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf, describeFileError, FileProblem } from "../system/errors.ts";
import { isRecord } from "../system/json.ts";
import type { Keeping } from "./state.ts";

export interface KeptFile {
  /** Never throws. */
  read(): Found;
  /** In the place of what is there; undefined removes it. Never throws. */
  write(content: object | undefined): Keeping;
}

export type Found =
  | { readonly kind: "nothing" }
  | { readonly kind: "content"; readonly content: Readonly<Record<string, unknown>> }
  /** Of no use; `because` is one line that names the file. */
  | { readonly kind: "unusable"; readonly because: string }
  /** As it should be, but left by another boot: an image of a host, or a folder on a disk. */
  | { readonly kind: "other boot"; readonly because: string };

/** A file of another version may mean something else by the same words. */
const VERSION = 1;

const LARGEST_BYTES = 256 * 1024;

/** `boot` is the id of this boot; undefined where hosts have none. */
export function keptFile(path: string, boot: string | undefined): KeptFile {
  let isThere = true;

  return {
    read() {
      try {
        const text = readText(path);
        isThere = text !== undefined;
        return text === undefined ? { kind: "nothing" } : understand(path, text, boot);
      } catch (error) {
        return { kind: "unusable", because: `${path}: ${describeFileError(error)}` };
      }
    },
    write(content) {
      try {
        if (content) replace(path, `${JSON.stringify({ version: VERSION, boot: boot ?? null, ...content })}\n`);
        else if (isThere) remove(path);
        isThere = content !== undefined;
        return { kept: true };
      } catch (error) {
        isThere = true;
        return { kept: false, because: `${path}: ${describeFileError(error)}` };
      }
    },
  };
}

/** The id of this boot of the host, which a container shares; undefined where there is none. */
export function readBootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where there is no file. Throws a FileProblem, or what the system says. */
function readText(path: string): string | undefined {
  let descriptor: number;
  try {
    // A link leads elsewhere, and opening a pipe would wait for a writer.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new FileProblem("it is not a regular file");
    const us = process.geteuid?.();
    if (us !== undefined && stat.uid !== us && stat.uid !== 0) {
      throw new FileProblem(`it belongs to user ${stat.uid}, neither to us (${us}) nor to root`);
    }
    const bytes = Buffer.alloc(LARGEST_BYTES + 1);
    let size = 0;
    for (let read = -1; read !== 0 && size < bytes.length; size += read) {
      read = readSync(descriptor, bytes, size, bytes.length - size, null);
    }
    if (size > LARGEST_BYTES) throw new FileProblem(`it has more than ${LARGEST_BYTES / 1024} KiB`);
    return bytes.toString("utf8", 0, size);
  } finally {
    closeSync(descriptor);
  }
}

function understand(path: string, text: string, boot: string | undefined): Found {
  const content = parseRecord(text);
  if (!content) return { kind: "unusable", because: `${path}: it is not a JSON object` };
  const { version, boot: itsBoot } = content;
  if (version !== VERSION) {
    const itsVersion = typeof version === "number" ? `version ${version}` : "no version";
    return { kind: "unusable", because: `${path}: expected version ${VERSION}, got ${itsVersion}` };
  }
  if (itsBoot !== (boot ?? null)) return { kind: "other boot", because: `${path}: it is of another boot` };
  return { kind: "content", content };
}

function parseRecord(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function replace(path: string, text: string): void {
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}`);
  remove(beside);
  try {
    // Made anew, so that nobody else has it open: "wx" refuses what is there.
    writeFileSync(beside, text, { flag: "wx", mode: 0o600 });
    renameSync(beside, path);
  } catch (error) {
    try {
      unlinkSync(beside);
    } catch {
      // It is not there, or cannot be helped.
    }
    throw error;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
