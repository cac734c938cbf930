// Writes a file whole, or leaves it as it was. Only a systemd unit or an empty file is replaced:
// a mistyped path must not overwrite a config file or a program.

import { randomUUID } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync, realpathSync, type Stats, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { causeOf, codeOf } from "../../system/errors.ts";

const MODE = 0o644;

/** No unit is larger. */
const MOST_BYTES = 1024 * 1024;

const UNIT_SECTION = /^\[(Unit|Service)\][ \t\r]*$/m;

/** As many as the kernel follows. */
const MOST_LINKS = 40;

/** Why `path` must not be written, as a line; undefined where it may be. */
export async function findOutputProblem(path: string): Promise<string | undefined> {
  try {
    const { file, stats } = statPath(path);
    if (stats === undefined) return findNoFolder(file);
    if (file === "/dev/null" && file !== path)
      return `${path} is masked, a link to /dev/null; systemctl unmask ends that`;
    if (stats.isDirectory()) return `${path} is a folder`;
    if (!stats.isFile()) return `${path} is no regular file; without --output the unit goes to stdout`;
    if (stats.size === 0 || (stats.size <= MOST_BYTES && UNIT_SECTION.test(readFileSync(file, "utf8")))) {
      return undefined;
    }
    return `${path} is no systemd unit, so it is not replaced`;
  } catch (error) {
    const code = codeOf(error);
    return (code === "ENOTDIR" ? findNoFolder(path) : undefined) ?? `${path}: ${causeOf(code)}`;
  }
}

/**
 * Writes `text` and a newline beside the file and renames it; a symbolic link stays, and so do the owner and the
 * mode of a file that is there. Resolves with why it could not, a line, or undefined.
 */
export async function writeOutputFile(path: string, text: string): Promise<string | undefined> {
  let beside: string | undefined;
  try {
    const { file, stats } = statPath(path);
    // Short, since the file's own name may be as long as the file system allows.
    beside = join(dirname(file), `.${randomUUID()}`);
    const handle = await open(beside, "wx", 0o600);
    try {
      if (stats !== undefined && process.geteuid?.() === 0) await handle.chown(stats.uid, stats.gid);
      await handle.chmod(stats === undefined ? MODE : stats.mode & 0o777);
      await handle.writeFile(`${text}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
    return undefined;
  } catch (error) {
    if (beside !== undefined) await rm(beside, { force: true }).catch(() => undefined);
    return `health-checker: cannot write ${path}: ${findNoFolder(path) ?? causeOf(codeOf(error))}`;
  }
}

/** Where the links end; `stats` are undefined where no file is there yet. */
function statPath(path: string): { readonly file: string; readonly stats: Stats | undefined } {
  return { file: endOf(path), stats: statSync(path, { throwIfNoEntry: false }) };
}

function endOf(path: string): string {
  let at = path;
  for (let links = 0; links < MOST_LINKS && lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink(); links++) {
    const target = readlinkSync(at);
    // The target of a link is relative to its real folder, and so is each ".." in it.
    at = target.startsWith("/") ? target : `${realpathSync(dirname(at))}/${target}`;
  }
  return at;
}

/** The first folder of the path that is missing or no folder. */
function findNoFolder(path: string): string | undefined {
  for (const { index } of path.matchAll(/\/+/g)) {
    if (index === 0) continue;
    const folder = path.slice(0, index);
    const stats = statSync(folder, { throwIfNoEntry: false });
    if (stats === undefined) return `${folder} does not exist`;
    if (!stats.isDirectory()) return `${folder} is no folder`;
  }
  return undefined;
}
