// Writes a whole file, or leaves it as it was. Only a unit that runs health-checker or an empty file is replaced: a
// mistyped path must not overwrite a config file, a script or the unit of another program.

import { randomUUID } from "node:crypto";
import {
  accessSync,
  constants,
  lstatSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { causeOf, codeOf } from "../../system/errors.ts";
import { isOwnUnit } from "./installed/own-unit.ts";

const MODE = 0o644;

/** Larger than any unit. */
const LARGEST_BYTES = 1024 * 1024;

const EXECUTABLE = 0o111;

const REMEDY = "remove it first, or choose another file";

/** The kernel follows no more. */
const MOST_LINKS = 40;

/** Why `path` must not be written, as a line; undefined if it may. `program` is the program that the unit runs. */
export async function findOutputProblem(path: string, program: string): Promise<string | undefined> {
  try {
    const { file, stats } = statPath(path);
    if (stats === undefined) return findMissingFolder(file);
    if (file === "/dev/null" && file !== path)
      return `${path} is masked (a link to /dev/null); run systemctl unmask first`;
    if (stats.isDirectory()) return `${path} is a folder`;
    if (!stats.isFile()) return `${path} is not a regular file; without --output the unit goes to stdout`;
    if (!isReplaceable(file, stats, program)) return `${path} is not a unit of health-checker; ${REMEDY}`;
    // Renaming needs no right to write to the file itself.
    accessSync(file, constants.W_OK);
    return canKeepOwner(stats) ? undefined : `${path}: the new file would have another owner or group; ${REMEDY}`;
  } catch (error) {
    const code = codeOf(error);
    return (code === "ENOTDIR" ? findMissingFolder(path) : undefined) ?? `${path}: ${causeOf(code)}`;
  }
}

function isReplaceable(file: string, { size, mode }: Stats, program: string): boolean {
  if (size === 0) return true;
  return size <= LARGEST_BYTES && (mode & EXECUTABLE) === 0 && isOwnUnit(readFileSync(file, "utf8"), program);
}

function canKeepOwner({ uid, gid }: Stats): boolean {
  const user = process.geteuid?.() ?? 0;
  if (user === 0) return true;
  return uid === user && [process.getegid?.(), ...(process.getgroups?.() ?? [])].includes(gid);
}

/**
 * Writes `text` and a newline to a temporary file in the same folder and renames it. A symbolic link stays, and so do
 * the owner, group and mode of an existing file. Resolves with a line that says why it could not, or with undefined.
 */
export async function writeOutputFile(path: string, text: string): Promise<string | undefined> {
  let temporary: string | undefined;
  try {
    const { file, stats } = statPath(path);
    // Short, since the file's own name may be as long as the file system allows.
    temporary = join(dirname(file), `.${randomUUID()}`);
    const handle = await open(temporary, "wx", 0o600);
    try {
      if (stats !== undefined) await handle.chown(stats.uid, stats.gid);
      await handle.chmod(stats === undefined ? MODE : stats.mode & 0o777);
      await handle.writeFile(`${text}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    return undefined;
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => undefined);
    return `health-checker: cannot write ${path}: ${findMissingFolder(path) ?? causeOf(codeOf(error))}`;
  }
}

/** The file that the links lead to; `stats` are undefined where there is none yet. */
function statPath(path: string): { readonly file: string; readonly stats: Stats | undefined } {
  return { file: resolveLinks(path), stats: statSync(path, { throwIfNoEntry: false }) };
}

function resolveLinks(path: string): string {
  let at = path;
  for (let links = 0; links < MOST_LINKS && lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink(); links++) {
    const target = readlinkSync(at);
    // The target of a link is relative to its real folder, and so is each ".." in it.
    at = target.startsWith("/") ? target : `${realpathSync(dirname(at))}/${target}`;
  }
  return at;
}

/** Names the first folder of the path that is missing, or that is no folder. */
function findMissingFolder(path: string): string | undefined {
  for (const { index } of path.matchAll(/\/+/g)) {
    if (index === 0) continue;
    const folder = path.slice(0, index);
    const stats = statSync(folder, { throwIfNoEntry: false });
    if (stats === undefined) return `${folder} does not exist`;
    if (!stats.isDirectory()) return `${folder} is not a folder`;
  }
  return undefined;
}
