// A user who may write a config file, a script, a secret or a certificate decides what the daemon does. Only root and
// the daemon's own user should.

import { readlinkSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describeUser } from "../../system/users.ts";
import { onOneLine } from "../../text/printable.ts";

/** A file whose content the daemon trusts. */
export interface TrustedFile {
  /** As written: absolute, relative to `cwd`, or a name to search in `searchPath`. */
  readonly path: string;
  readonly cwd?: string | undefined;
  readonly searchPath?: string | undefined;
  /** What its content decides: "what the daemon runs". */
  readonly decides: string;
  /** Another user may own it: a service's certificates belong to its user. */
  readonly mayBeOwned?: boolean;
  /** Makes the line of a warning, whose text comes without "warning: ". */
  readonly warningOf: (warning: string) => string;
}

/**
 * Each file and folder is reported once. A file that is missing or cannot be read is not: its check reports that.
 * Blocks for a few file system calls, as the start of a script does.
 */
export function lintOwners(files: readonly TrustedFile[]): readonly string[] {
  const own = process.geteuid?.();
  if (own === undefined) return [];
  const found = new Map<string, Stats | undefined>();
  const stat = (path: string) => {
    if (!found.has(path)) found.set(path, statOf(path));
    return found.get(path);
  };
  const reported = new Set<string>();
  return files.flatMap((file) => {
    const risk = findRisk(file, stat, file.mayBeOwned ? undefined : own);
    if (risk === undefined || reported.has(risk)) return [];
    reported.add(risk);
    return [file.warningOf(`${risk} change ${file.decides}`)];
  });
}

type Stat = (path: string) => Stats | undefined;

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

/**
 * What is wrong with the file, or with the first folder above it or above a link to it: the beginning of a sentence.
 * `own` is undefined where any user may own the file.
 */
function findRisk({ path, cwd, searchPath }: TrustedFile, stat: Stat, own: number | undefined): string | undefined {
  const file = path.includes("/") ? inFolder(path, cwd) : findIn(searchPath ?? "", path, stat);
  const real = file === undefined ? undefined : realPathOf(file);
  const found = real === undefined ? undefined : stat(real);
  if (file === undefined || real === undefined || !found?.isFile()) return undefined;
  const risk = riskOfFile(onOneLine(real), found, own);
  if (risk !== undefined) return risk;
  for (const folder of new Set([real, ...linksFrom(file)].flatMap(foldersAbove))) {
    const above = stat(folder);
    const risk = above && riskOfFolder(onOneLine(folder), above, own);
    if (risk !== undefined) return risk;
  }
  return undefined;
}

/** From the innermost. */
function foldersAbove(path: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = dirname(path); folders.at(-1) !== folder; folder = dirname(folder)) folders.push(folder);
  return folders;
}

/** The path itself and, where it is a link, each path that it leads to. */
function linksFrom(file: string): readonly string[] {
  const paths = [file];
  try {
    for (let path = file; paths.length <= MOST_LINKS; paths.push(path))
      path = resolve(dirname(path), readlinkSync(path));
  } catch {
    // The last path is no link.
  }
  return paths;
}

/** The kernel's limit. */
const MOST_LINKS = 40;

/** Without `cwd` a relative path begins in the daemon's working directory, which is not known here. */
const inFolder = (path: string, cwd: string | undefined): string | undefined =>
  path.startsWith("/") ? path : cwd === undefined ? undefined : resolve(cwd, path);

function findIn(searchPath: string, name: string, stat: Stat): string | undefined {
  const files = searchPath.split(":").flatMap((folder) => (folder.startsWith("/") ? [join(folder, name)] : []));
  return files.find((file) => stat(file)?.isFile());
}

const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;

function riskOfFile(file: string, { uid, gid, mode }: Stats, own: number | undefined): string | undefined {
  const shown = `${file} (mode ${(mode & 0o7777).toString(8)}) and`;
  if (mode & OTHERS_WRITE) return `any user can write ${shown}`;
  if (isForeign(uid, own)) return `${file} is owned by ${describeUser(uid)}, who can`;
  // The daemon's own group often has only its user.
  if (own !== undefined && mode & GROUP_WRITES && gid !== 0 && gid !== process.getegid?.())
    return `the group with gid ${gid} can write ${shown}`;
  return undefined;
}

/**
 * In a folder with the sticky bit, such as /tmp, users may replace only their own files. The group is ignored:
 * some distributions let a group of admins write to /usr/local.
 */
function riskOfFolder(folder: string, { uid, mode }: Stats, own: number | undefined): string | undefined {
  if (mode & OTHERS_WRITE && !(mode & STICKY)) {
    return `any user can write in the folder ${folder} (mode ${(mode & 0o7777).toString(8)}) and`;
  }
  return isForeign(uid, own) ? `the folder ${folder} is owned by ${describeUser(uid)}, who can` : undefined;
}

const isForeign = (uid: number, own: number | undefined): boolean => own !== undefined && uid !== 0 && uid !== own;
