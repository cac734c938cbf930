// Why a path could not be used: one code of the kernel has several causes, and the folders along the
// path show most of them. Blocks, so it is for failures, on a thread of filesystem.ts or
// where a few calls may block.

import { accessSync, constants, lstatSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { codeOf } from "../system/errors.ts";
import { describeUser } from "../system/users.ts";
import { mountAt, parseMounts, readMountinfo } from "./mounts.ts";

/** `code` is that of the call that failed. Undefined where the path shows no more than the code says. */
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
      return `the disk, or what serves it, may be failing${describeMount(path)}`;
    case "ENOTCONN":
      return `what serves the mount has gone${describeMount(path)}`;
    case "ESTALE":
      return `the file server does not know it any more; it may help to mount it again${describeMount(path)}`;
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

/** The same of a stream socket's file, where connect(2) failed. The kernel asks for the right to write to it first. */
export function findSocketCause(path: string, code: string): string | undefined {
  const closed = code === "EACCES" ? findClosed(path, 0) : undefined;
  if (closed !== undefined) return mayNotEnter(closed);
  if (!["EACCES", "ECONNREFUSED", "EPROTOTYPE"].includes(code)) return findCause(path, code);
  const stats = attempt(() => statSync(path));
  if (stats === undefined) return undefined;
  if (!stats.isSocket()) return `it is ${nameType(stats)}, not a socket`;
  if (code === "ECONNREFUSED") return "no program listens on it, so its file may be left over";
  if (code === "EPROTOTYPE") return `it is ${nameSocketType(path)}, not a stream socket`;
  return isAllowed(stats, WRITE) ? OTHERS : `this user may not write to it: it ${describeOwner(stats)}`;
}

function nameType(stats: Stats): string {
  if (stats.isFile()) return "a regular file";
  if (stats.isDirectory()) return "a folder";
  return stats.isFIFO() ? "a pipe" : "a device";
}

/** The types in /proc/net/unix that take no stream. */
const SOCKET_TYPES: Readonly<Record<string, string>> = { "0002": "a datagram socket", "0005": "a seqpacket socket" };

/** The kernel lists a socket by the path that it was bound to. */
function nameSocketType(path: string): string {
  const sockets = attempt(() => readFileSync("/proc/net/unix", "utf8")) ?? "";
  const line = sockets.split("\n").find((line) => line.endsWith(` ${path}`));
  return SOCKET_TYPES[line?.split(" ")[4] ?? ""] ?? "a datagram or a seqpacket socket";
}

/** ": /data (nfs4, server:/data)"; empty where it is not known. */
function describeMount(path: string): string {
  const mount = mountAt(parseMounts(readMountinfo()), path);
  return mount === undefined ? "" : `: ${mount.point} (${mount.type}, ${mount.source})`;
}

/** "/a", "/a/b" and so on to the path itself. */
const partsOf = (path: string): readonly string[] => {
  const names = path.split("/").filter((name) => name !== "");
  return names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`);
};

function findMissing(path: string): string | undefined {
  for (const part of partsOf(path)) {
    if (isThere(part, statSync)) continue;
    if (isThere(part, lstatSync)) return `${part} is a symbolic link to ${readlinkSync(part)}, which is not there`;
    return part === resolve(path) ? undefined : `there is no folder ${part}`;
  }
  return undefined;
}

function findNoFolder(path: string): string | undefined {
  for (const part of partsOf(dirname(path))) {
    const stats = attempt(() => statSync(part));
    if (stats && !stats.isDirectory()) return `${part} is a ${stats.isFile() ? "regular" : "special"} file, no folder`;
  }
  return undefined;
}

function findLoop(path: string): string | undefined {
  const part = partsOf(path).find((part) => attempt(() => statSync(part)) === undefined);
  if (part === undefined) return undefined;
  const seen = new Set<string>();
  for (let at = part; ; at = resolve(dirname(at), readlinkSync(at))) {
    if (seen.has(at)) return `the symbolic link ${part} leads back to itself`;
    seen.add(at);
    if (!attempt(() => lstatSync(at))?.isSymbolicLink()) {
      return `${part} leads over more symbolic links than the kernel follows`;
    }
  }
}

/** The first folder on the way that this user may not enter, or the file itself. */
function findForbidden(path: string): string | undefined {
  const folder = findClosed(path, 0);
  if (folder !== undefined) return mayNotEnter(folder);
  const stats = attempt(() => statSync(path));
  if (stats === undefined || mayUse(path, constants.R_OK)) return OTHERS;
  return isAllowed(stats, READ) ? OTHERS : `this user may not read it: it ${describeOwner(stats)}`;
}

const mayNotEnter = (folder: string): string =>
  `this user may not enter ${folder}, which ${describeOwner(statSync(folder))}`;

const OTHERS = "its mode allows it, so it may be SELinux, AppArmor or the file server that does not";

const MOST_LINKS = 40;

/** Links are followed: their folders count too. */
function findClosed(path: string, links: number): string | undefined {
  for (const part of ["/", ...partsOf(path)]) {
    const stats = attempt(() => lstatSync(part));
    if (stats?.isSymbolicLink() && links < MOST_LINKS) {
      const target = resolve(dirname(part), readlinkSync(part));
      return findClosed(join(target, path.slice(part.length)), links + 1);
    }
    if (stats?.isDirectory() && !mayUse(part, constants.X_OK)) return part;
  }
  return undefined;
}

const describeOwner = ({ uid, mode }: Stats): string =>
  `belongs to ${describeUser(uid)}, mode ${(mode & 0o7777).toString(8).padStart(4, "0")}`;

/** The bits of others in a mode. */
export const EXECUTE = 1;
const WRITE = 2;
const READ = 4;

/** By its mode alone. */
export function isAllowed({ uid, gid, mode }: Stats, bit: number): boolean {
  const own = process.geteuid?.();
  if (own === 0) return bit !== EXECUTE || (mode & 0o111) !== 0;
  if (own === uid) return (mode & (bit << 6)) !== 0;
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  return (mode & (groups.includes(gid) ? bit << 3 : bit)) !== 0;
}

function mayUse(path: string, how: number): boolean {
  return attempt(() => accessSync(path, how) ?? true) ?? false;
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
