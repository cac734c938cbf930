// Who may change a config file, a script, a file with a secret or a certificate decides what the daemon does. That
// should be root and the daemon's own user alone.

import { readlinkSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describeUser } from "../../system/users.ts";
import { onOneLine } from "../../text/printable.ts";

/** A file that is believed. */
export interface Believed {
  /** As it was written: absolute, from `cwd`, or a name that is looked for in PATH. */
  readonly path: string;
  readonly cwd?: string | undefined;
  readonly searchPath?: string | undefined;
  /** What its content decides: "what the daemon runs". */
  readonly decides: string;
  /** Another user may own it, as the user of a service its certificates. */
  readonly mayBeOwned?: boolean;
  /** How the warning is told; its words come without "warning: ". */
  readonly tell: (warning: string) => string;
}

/**
 * Each file and folder is told of once; what cannot be looked at, or is not there, is the check's to tell.
 * Blocks for a few file system calls, as the start of a script does.
 */
export function lintOwners(files: readonly Believed[]): readonly string[] {
  const own = process.geteuid?.();
  if (own === undefined) return [];
  const looks = new Map<string, Stats | undefined>();
  const look = (path: string) => {
    if (!looks.has(path)) looks.set(path, statOf(path));
    return looks.get(path);
  };
  const told = new Set<string>();
  return files.flatMap((file) => {
    const flaw = findFlaw(file, look, file.mayBeOwned ? undefined : own);
    if (flaw === undefined || told.has(flaw)) return [];
    told.add(flaw);
    return [file.tell(`${flaw} decides ${file.decides}`)];
  });
}

type Look = (path: string) => Stats | undefined;

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Of the file, or of the first folder above it or above a link to it, without the last words. `own` is undefined where any user may own it. */
function findFlaw({ path, cwd, searchPath }: Believed, look: Look, own: number | undefined): string | undefined {
  const file = path.includes("/") ? inFolder(path, cwd) : findIn(searchPath ?? "", path, look);
  const real = file === undefined ? undefined : realPathOf(file);
  const found = real === undefined ? undefined : look(real);
  if (file === undefined || real === undefined || !found?.isFile()) return undefined;
  const flaw = flawOf(onOneLine(real), found, own);
  if (flaw !== undefined) return flaw;
  for (const folder of new Set([real, ...linksFrom(file)].flatMap(foldersAbove))) {
    const above = look(folder);
    const flaw = above && flawOfFolder(onOneLine(folder), above, own);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

/** The innermost first. */
function foldersAbove(path: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = dirname(path); folders.at(-1) !== folder; folder = dirname(folder)) folders.push(folder);
  return folders;
}

/** The path itself and, where it is a link, each that it leads to. */
function linksFrom(file: string): readonly string[] {
  const paths = [file];
  try {
    for (let path = file; paths.length <= MOST_LINKS; paths.push(path))
      path = resolve(dirname(path), readlinkSync(path));
  } catch {
    // No link any more.
  }
  return paths;
}

/** As the kernel has it. */
const MOST_LINKS = 40;

/** Without `cwd` a relative path begins where the daemon is started, which is not known here. */
const inFolder = (path: string, cwd: string | undefined): string | undefined =>
  path.startsWith("/") ? path : cwd === undefined ? undefined : resolve(cwd, path);

function findIn(searchPath: string, name: string, look: Look): string | undefined {
  const files = searchPath.split(":").flatMap((folder) => (folder.startsWith("/") ? [join(folder, name)] : []));
  return files.find((file) => look(file)?.isFile());
}

const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;

function flawOf(file: string, { uid, gid, mode }: Stats, own: number | undefined): string | undefined {
  const shown = `${file} (mode ${(mode & 0o7777).toString(8)}), and so`;
  if (mode & OTHERS_WRITE) return `any user may write ${shown}`;
  if (isStranger(uid, own)) return `${file} is owned by ${describeUser(uid)}, who so`;
  // One's own group is often of that user alone.
  if (own !== undefined && mode & GROUP_WRITES && gid !== 0 && gid !== process.getegid?.())
    return `the group with gid ${gid} may write ${shown}`;
  return undefined;
}

/** In one with the sticky bit, as /tmp, users may replace only what is their own. Some distributions let a group of admins write to /usr/local. */
function flawOfFolder(folder: string, { uid, mode }: Stats, own: number | undefined): string | undefined {
  if (mode & OTHERS_WRITE && !(mode & STICKY)) {
    return `any user may write in the folder ${folder} (mode ${(mode & 0o7777).toString(8)}), and so`;
  }
  return isStranger(uid, own) ? `the folder ${folder} is owned by ${describeUser(uid)}, who so` : undefined;
}

const isStranger = (uid: number, own: number | undefined): boolean => own !== undefined && uid !== 0 && uid !== own;
