// Who may change a config file, a script or a file with a secret decides what the daemon runs. That should be
// root and the daemon's own user alone.

import type { Stats } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { describeUser } from "../user.ts";
import { within } from "../within.ts";
import { onOneLine } from "./problem.ts";

/** A file that is believed. */
export interface Believed {
  /** As it was written: absolute, from `cwd`, or a name that is looked for in PATH. */
  readonly path: string;
  readonly cwd?: string | undefined;
  readonly searchPath?: string | undefined;
  /** How the warning is told; its words come without "warning: ". */
  readonly tell: (warning: string) => string;
}

/** A file system that hangs holds up no start. */
const LONGEST_LOOK_MS = 1000;

/** Never rejects: what cannot be looked at, or is not there, is the check's to tell. Each file and folder is told of once. */
export async function lintOwners(files: readonly Believed[]): Promise<readonly string[]> {
  const own = process.geteuid?.();
  if (own === undefined) return [];
  const looks = new Map<string, Promise<Stats | undefined>>();
  const look = (path: string) => {
    const known = looks.get(path) ?? stat(path).catch(() => undefined);
    looks.set(path, known);
    return known;
  };
  const judging = Promise.all(files.map((file) => findFlaw(file, look, own)));
  const found = (await within(judging, LONGEST_LOOK_MS)) ?? [];
  const told = new Set<string>();
  return found.flatMap((flaw, index) => {
    const file = files[index];
    if (!flaw || !file || told.has(flaw)) return [];
    told.add(flaw);
    return [file.tell(`${flaw} decides what the daemon runs`)];
  });
}

type Look = (path: string) => Promise<Stats | undefined>;

/** Of the file, or of the first folder above it, without the last words. */
async function findFlaw({ path, cwd, searchPath }: Believed, look: Look, own: number): Promise<string | undefined> {
  const file = path.includes("/") ? inFolder(path, cwd) : await findIn(searchPath ?? "", path, look);
  const real = file === undefined ? undefined : await realpath(file).catch(() => undefined);
  if (real === undefined) return undefined;
  const found = await look(real);
  if (!found?.isFile()) return undefined;
  const flaw = flawOf(onOneLine(real), found, own);
  if (flaw !== undefined) return flaw;
  for (let folder = dirname(real); ; folder = dirname(folder)) {
    const above = await look(folder);
    const flaw = above && flawOfFolder(onOneLine(folder), above, own);
    if (flaw !== undefined || folder === dirname(folder)) return flaw;
  }
}

/** Without `cwd` a relative path begins where the daemon is started, which is not known here. */
const inFolder = (path: string, cwd: string | undefined): string | undefined =>
  path.startsWith("/") ? path : cwd === undefined ? undefined : resolve(cwd, path);

async function findIn(searchPath: string, name: string, look: Look): Promise<string | undefined> {
  for (const folder of searchPath.split(":")) {
    const file = join(folder, name);
    if (folder.startsWith("/") && (await look(file))?.isFile()) return file;
  }
  return undefined;
}

const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;

function flawOf(file: string, { uid, gid, mode }: Stats, own: number): string | undefined {
  const shown = `${file} (mode ${(mode & 0o7777).toString(8)}), and so`;
  if (mode & OTHERS_WRITE) return `any user may write ${shown}`;
  if (isStranger(uid, own)) return `${file} is owned by ${describeUser(uid)}, who so`;
  // One's own group is often of that user alone.
  if (mode & GROUP_WRITES && gid !== 0 && gid !== process.getegid?.())
    return `the group with gid ${gid} may write ${shown}`;
  return undefined;
}

/** In one with the sticky bit, as /tmp, users may replace only what is their own. Some distributions let a group of admins write to /usr/local. */
function flawOfFolder(folder: string, { uid, mode }: Stats, own: number): string | undefined {
  if (mode & OTHERS_WRITE && !(mode & STICKY)) {
    return `any user may write in the folder ${folder} (mode ${(mode & 0o7777).toString(8)}), and so`;
  }
  return isStranger(uid, own) ? `the folder ${folder} is owned by ${describeUser(uid)}, who so` : undefined;
}

const isStranger = (uid: number, own: number): boolean => uid !== 0 && uid !== own;
