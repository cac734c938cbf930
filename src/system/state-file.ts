// A small JSON file in the daemon's RuntimeDirectory, for state that outlives a restart of the daemon.
//
// It is replaced atomically and readable by its owner alone. A file is not used if it is from another boot, belongs to a
// user other than this one and root, or has unexpected content.
//
// All calls are synchronous: the folder is in memory, the file is small, and two writes never overlap. Asynchronous calls
// would wait for the thread pool, which hanging name servers may occupy for seconds.

import { nodeFs, nodePath } from "./builtins.ts";
import { codeOf, describeFileError, FileProblem } from "./errors.ts";
import { isRecord } from "./json.ts";

export interface StateFile {
  /** Never throws. */
  read(): Found;
  /** Replaces the file; undefined removes it. Never throws. */
  write(content: object | undefined): SaveResult;
}

/** Whether the state outlives a restart of the daemon, and if not, why. */
export type SaveResult = { readonly saved: true } | { readonly saved: false; readonly cause: string };

export type Found =
  | { readonly kind: "none" }
  /** `path` is the file that was read. */
  | { readonly kind: "content"; readonly path: string; readonly content: Readonly<Record<string, unknown>> }
  /** `cause` is one line that names the file. */
  | { readonly kind: "unusable"; readonly cause: string }
  /** Valid, but from another boot: the folder is on a disk, or in the image of a host. */
  | { readonly kind: "other boot"; readonly cause: string };

/** In another version the same keys may mean something else. */
const VERSION = 1;

const LARGEST_BYTES = 256 * 1024;

/** `boot` is the id of this boot; undefined on systems without one. */
export function stateFile(path: string, boot: string | undefined): StateFile {
  let exists = true;

  return {
    read() {
      try {
        const text = readText(path);
        exists = text !== undefined;
        return text === undefined ? { kind: "none" } : interpret(path, text, boot);
      } catch (error) {
        return { kind: "unusable", cause: `${path}: ${describeFileError(error)}` };
      }
    },
    write(content) {
      try {
        if (content) replace(path, `${JSON.stringify({ version: VERSION, boot: boot ?? null, ...content })}\n`);
        else if (exists) remove(path);
        exists = content !== undefined;
        return { saved: true };
      } catch (error) {
        exists = true;
        return { saved: false, cause: `${path}: ${describeFileError(error)}` };
      }
    },
  };
}

/** Reads `oldPath`, the name in earlier versions, if there is no file at `path`; removes it once a change is saved. */
export function renamedStateFile(path: string, oldPath: string, boot: string | undefined): StateFile {
  const file = stateFile(path, boot);
  const old = stateFile(oldPath, boot);
  return {
    read() {
      const found = file.read();
      return found.kind === "none" ? old.read() : found;
    },
    write(content) {
      const result = file.write(content);
      if (!result.saved) return result;
      const removed = old.write(undefined);
      // A file at `path` has precedence, so an old one beside it does no harm.
      return content ? result : removed;
    },
  };
}

/** The id of this boot of the host, which its containers share; undefined on systems without one. */
export function readBootId(): string | undefined {
  try {
    return nodeFs().readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Undefined if there is no file. Throws a FileProblem, or the error of the system call. */
function readText(path: string): string | undefined {
  const { closeSync, constants, fstatSync, openSync, readSync } = nodeFs();
  let descriptor: number;
  try {
    // A link is not followed, and a pipe is not waited for.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new FileProblem("it is not a regular file");
    const ourUid = process.geteuid?.();
    if (ourUid !== undefined && stat.uid !== ourUid && stat.uid !== 0) {
      throw new FileProblem(`it belongs to user ${stat.uid}; expected this user (${ourUid}) or root`);
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

function interpret(path: string, text: string, boot: string | undefined): Found {
  const content = parseRecord(text);
  if (!content) return { kind: "unusable", cause: `${path}: it is not a JSON object` };
  const { version, boot: savedBoot } = content;
  if (version !== VERSION) {
    const got = typeof version === "number" ? `version ${version}` : "no version";
    return { kind: "unusable", cause: `${path}: expected version ${VERSION}, got ${got}` };
  }
  if (savedBoot !== (boot ?? null)) return { kind: "other boot", cause: `${path}: it is from another boot` };
  return { kind: "content", path, content };
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
  const { renameSync, unlinkSync, writeFileSync } = nodeFs();
  const { basename, dirname, join } = nodePath();
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  remove(temporary);
  try {
    // "wx" fails if the file exists, so no other process has it open.
    writeFileSync(temporary, text, { flag: "wx", mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // It does not exist, or cannot be removed.
    }
    throw error;
  }
}

function remove(path: string): void {
  try {
    nodeFs().unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
