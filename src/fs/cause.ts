// Finds out why a path could not be used: one error code has several causes, and the folders along the path show most of
// them. The calls block, so this is for failures: on a thread of filesystem.ts, or where a few blocking calls do no harm.

import type { Stats } from "node:fs";
import { nodeFs, nodePath } from "../system/builtins.ts";
import { codeOf } from "../system/errors.ts";
import { describeUser } from "../system/users.ts";
import { mountAt, parseMounts, readMountinfo } from "./mounts.ts";

/** `code` is that of the failed call. Undefined if the path shows no more than the code. */
export function findCause(path: string, code: string): string | undefined {
  switch (code) {
    case "ENOENT":
      return findMissing(path);
    case "ENOTDIR":
      return findNoFolder(path);
    case "ELOOP":
      return findLoop(path);
    case "EACCES":
      return findForbidden(path);
    case "EPERM":
      return "the kernel, a security module or an attribute of the file may forbid it";
    case "ENAMETOOLONG":
      return "it is longer than the file system allows";
    case "EIO":
      return `the disk or its server may be failing${describeMount(path)}`;
    case "ENOTCONN":
      return `the server of the mount is gone${describeMount(path)}`;
    case "ESTALE":
      return `the file server does not know it any more; mounting it again may help${describeMount(path)}`;
    case "ETIMEDOUT":
    case "EHOSTDOWN":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ECONNREFUSED":
    case "ECONNRESET":
      return `the file server may not answer${describeMount(path)}`;
    default:
      return undefined;
  }
}

/** The same for the file of a stream socket after connect(2) failed. The kernel checks the right to write to it first. */
export function findSocketCause(path: string, code: string): string | undefined {
  const folder = code === "EACCES" ? findForbiddenFolder(path, 0) : undefined;
  if (folder !== undefined) return mayNotEnter(folder);
  if (!["EACCES", "ECONNREFUSED", "EPROTOTYPE"].includes(code)) return findCause(path, code);
  const stats = attempt(() => nodeFs().statSync(path));
  if (stats === undefined) return undefined;
  if (!stats.isSocket()) return `it is ${nameType(stats)}, not a socket`;
  if (code === "ECONNREFUSED") return "no program listens on it; the file may be left over";
  if (code === "EPROTOTYPE") return `it is ${nameSocketType(path)}, not a stream socket`;
  return isAllowed(stats, WRITE) ? OTHER_CAUSES : `this user may not write to it: it ${describeOwner(stats)}`;
}

function nameType(stats: Stats): string {
  if (stats.isFile()) return "a regular file";
  if (stats.isDirectory()) return "a folder";
  return stats.isFIFO() ? "a pipe" : "a device";
}

/** The types in /proc/net/unix that are not stream sockets. */
const SOCKET_TYPES: Readonly<Record<string, string>> = { "0002": "a datagram socket", "0005": "a seqpacket socket" };

/** The kernel lists a socket by the path that it was bound to. */
function nameSocketType(path: string): string {
  const sockets = attempt(() => nodeFs().readFileSync("/proc/net/unix", "utf8")) ?? "";
  const line = sockets.split("\n").find((line) => line.endsWith(` ${path}`));
  return SOCKET_TYPES[line?.split(" ")[4] ?? ""] ?? "a datagram or a seqpacket socket";
}

/** ": /data (nfs4, server:/data)"; empty if unknown. */
function describeMount(path: string): string {
  const mount = mountAt(parseMounts(readMountinfo()), path);
  return mount === undefined ? "" : `: ${mount.point} (${mount.type}, ${mount.source})`;
}

/** "/a", "/a/b" and so on, up to the path itself. */
const prefixesOf = (path: string): readonly string[] => {
  const names = path.split("/").filter((name) => name !== "");
  return names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`);
};

function findMissing(path: string): string | undefined {
  for (const part of prefixesOf(path)) {
    if (isThere(part, nodeFs().statSync)) continue;
    if (isThere(part, nodeFs().lstatSync))
      return `${part} is a symbolic link to ${nodeFs().readlinkSync(part)}, which does not exist`;
    return part === nodePath().resolve(path) ? undefined : `the folder ${part} does not exist`;
  }
  return undefined;
}

function findNoFolder(path: string): string | undefined {
  for (const part of prefixesOf(nodePath().dirname(path))) {
    const stats = attempt(() => nodeFs().statSync(part));
    if (stats && !stats.isDirectory())
      return `${part} is a ${stats.isFile() ? "regular" : "special"} file, not a folder`;
  }
  return undefined;
}

function findLoop(path: string): string | undefined {
  const part = prefixesOf(path).find((part) => attempt(() => nodeFs().statSync(part)) === undefined);
  if (part === undefined) return undefined;
  const seen = new Set<string>();
  for (let at = part; ; at = nodePath().resolve(nodePath().dirname(at), nodeFs().readlinkSync(at))) {
    if (seen.has(at)) return `the symbolic link ${part} leads back to itself`;
    seen.add(at);
    if (!attempt(() => nodeFs().lstatSync(at))?.isSymbolicLink()) {
      return `${part} leads through more symbolic links than the kernel follows`;
    }
  }
}

/** Names the first folder on the way that this user may not enter, or the file if this user may not read it. */
function findForbidden(path: string): string | undefined {
  const folder = findForbiddenFolder(path, 0);
  if (folder !== undefined) return mayNotEnter(folder);
  const stats = attempt(() => nodeFs().statSync(path));
  if (stats === undefined || mayUse(path, nodeFs().constants.R_OK)) return OTHER_CAUSES;
  return isAllowed(stats, READ) ? OTHER_CAUSES : `this user may not read it: it ${describeOwner(stats)}`;
}

const mayNotEnter = (folder: string): string =>
  `this user may not enter ${folder}, which ${describeOwner(nodeFs().statSync(folder))}`;

const OTHER_CAUSES = "its mode allows it; SELinux, AppArmor or the file server may forbid it";

const MAX_LINKS = 40;

/** Follows symbolic links: the folders of their targets count too. */
function findForbiddenFolder(path: string, links: number): string | undefined {
  for (const part of ["/", ...prefixesOf(path)]) {
    const stats = attempt(() => nodeFs().lstatSync(part));
    if (stats?.isSymbolicLink() && links < MAX_LINKS) {
      const target = nodePath().resolve(nodePath().dirname(part), nodeFs().readlinkSync(part));
      return findForbiddenFolder(nodePath().join(target, path.slice(part.length)), links + 1);
    }
    if (stats?.isDirectory() && !mayUse(part, nodeFs().constants.X_OK)) return part;
  }
  return undefined;
}

const describeOwner = ({ uid, mode }: Stats): string =>
  `belongs to ${describeUser(uid)}, mode ${(mode & 0o7777).toString(8).padStart(4, "0")}`;

/** The bits of a mode for other users. */
export const EXECUTE = 1;
const WRITE = 2;
const READ = 4;

/** Judges by the mode alone. */
export function isAllowed({ uid, gid, mode }: Stats, bit: number): boolean {
  const own = process.geteuid?.();
  if (own === 0) return bit !== EXECUTE || (mode & 0o111) !== 0;
  if (own === uid) return (mode & (bit << 6)) !== 0;
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  return (mode & (groups.includes(gid) ? bit << 3 : bit)) !== 0;
}

function mayUse(path: string, how: number): boolean {
  return attempt(() => nodeFs().accessSync(path, how) ?? true) ?? false;
}

function isThere(path: string, stat: (path: string) => unknown): boolean {
  try {
    stat(path);
    return true;
  } catch (error) {
    return !["ENOENT", "ENOTDIR"].includes(codeOf(error));
  }
}

function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
