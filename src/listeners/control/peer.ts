// Whether the process that serves a control socket can be trusted: a process of another user would get the commands for
// the daemon, and could answer that they are done.

import { lstatSync, realpathSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { preparePeer } from "../../net/connect.ts";
import { AF_UNIX, libc, SO_PEERCRED, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET } from "../../system/libc.ts";
import { describeUser } from "../../system/users.ts";
import { onOneLine } from "../../text/printable.ts";

const ROOT = 0;
const STICKY = 0o1000;
const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;

/**
 * Why the process that serves the path is not trusted, on one line. Undefined if it is trusted, if there is none, and if
 * that cannot be determined. It is trusted if its user is root, this user, or the owner of the socket's folder, and if no
 * other user may replace the socket: the request goes over a connection of its own, later. In a folder with the sticky
 * bit only the socket's owner can replace it.
 */
export function distrust(path: string): string | undefined {
  const uid = peerUser(path);
  if (uid === undefined) return undefined;
  const shown = onOneLine(path);
  const folders = foldersOf(path);
  const [folder] = folders;
  if (!folder) return undefined;
  const open = folders.find(({ stats }) => othersMayWrite(stats) && !isSticky(stats));
  if (open) {
    return `${shown} is not trusted: other users may write to ${onOneLine(open.path)} and replace the socket; set its sticky bit, or use a directory of mode 0755`;
  }
  const isOwner = uid === folder.stats.uid && !othersMayWrite(folder.stats);
  if (uid === ROOT || uid === process.geteuid?.() || isOwner) return undefined;
  return `${shown} is not trusted: its process runs as ${describeUser(uid)}, which is neither root, nor this user, nor the owner of the folder`;
}

/** The user of the process that listens; undefined if none does, and if system calls are not available. */
function peerUser(path: string): number | undefined {
  const { sockaddr } = preparePeer({ family: "unix", path });
  if (!libc || !sockaddr) return undefined;
  const fd = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return undefined;
  try {
    if (libc.connect(fd, sockaddr, sockaddr.byteLength) !== 0) return undefined;
    const credentials = new Int32Array(3); // pid, uid, gid
    const size = new Uint32Array([credentials.byteLength]);
    if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, size) !== 0) return undefined;
    return (credentials[1] ?? 0) >>> 0;
  } finally {
    libc.close(fd);
  }
}

interface Folder {
  readonly path: string;
  readonly stats: Stats;
}

/** From the folder of the socket up to the root. */
function foldersOf(path: string): readonly Folder[] {
  const folders: Folder[] = [];
  try {
    for (
      let folder = dirname(realpathSync(path)), last = "";
      folder !== last;
      last = folder, folder = dirname(folder)
    ) {
      folders.push({ path: folder, stats: lstatSync(folder) });
    }
  } catch {
    // A folder that this user may not read cannot be judged.
  }
  return folders;
}

/** In such a folder only its owner may replace a file. */
const isSticky = ({ mode }: Stats): boolean => (mode & STICKY) !== 0;

/** The group of a single user usually has the number of the user. */
const othersMayWrite = ({ mode, uid, gid }: Stats): boolean =>
  (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITES) !== 0 && gid !== uid);
