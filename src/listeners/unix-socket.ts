// A listener on a unix socket. Its file never has more permissions than `mode`, never replaces the file of a running
// server, and is removed at the end unless another server has replaced it.

import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  type Stats,
  unlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Address } from "../net/address.ts";
import { connect, preparePeer } from "../net/connect.ts";
import { codeOf } from "../system/errors.ts";

/** A server that has not accepted by then is busy, so it is running. */
const ACCEPT_MS = 200;

/** Throws an error whose `code` is the reason. */
export async function listenOnPath<Server>(
  address: Address & { family: "unix" },
  serveAt: (at: Address) => Server,
  mode: number,
): Promise<{ readonly server: Server; close(): Promise<void> }> {
  const { path } = address;
  const there = statOf(path);
  if (there && !there.isSocket()) throw withCode("the path exists and is not a socket");
  if (there) {
    const failure = await connect(preparePeer(address), { signal: AbortSignal.timeout(ACCEPT_MS) });
    // Without permission to connect we cannot know whether a server is running.
    const isOurs = there.uid === process.geteuid?.();
    if (failure?.reason === "unreachable" && !isOurs) throw withCode("another user's socket is there");
    if (failure?.reason !== "refused") throw withCode("EADDRINUSE");
  }
  // Bind under a temporary name, then link it to the path: no client sees the socket before its mode is set. And the
  // runtime removes the path that it has bound, even if another server has replaced it; it finds only the temporary
  // name. That name is random: in containers that share the folder every daemon may have the same pid.
  const beside = join(dirname(path), `.${randomUUID().slice(0, 8)}`);
  const server = withUmask(0o777 & ~mode, () => serveAt({ family: "unix", path: beside }));
  try {
    setMode(beside, mode);
    if (there && isSame(statOf(path), there)) remove(path);
    putInPlace(beside, path);
  } catch (error) {
    remove(beside);
    throw error;
  }
  const ours = statOf(path);
  return {
    server,
    async close() {
      if (ours && isSame(statOf(path), ours)) remove(path);
    },
  };
}

/** Between bind and chmod any user could connect; the umask sets the mode at bind. */
function withUmask<T>(umask: number, action: () => T): T {
  const before = process.umask(umask);
  try {
    return action();
  } finally {
    process.umask(before);
  }
}

const O_PATH = 0o10000000;

/**
 * A default ACL of the folder may have removed permissions. Any user who may write to the folder may replace the file,
 * so the mode is changed by the descriptor.
 */
function setMode(path: string, mode: number): void {
  if (process.platform !== "linux") {
    if (modeOf(lstatSync(path)) !== mode) chmodSync(path, mode);
    return;
  }
  const descriptor = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    const made = fstatSync(descriptor);
    if (!made.isSocket()) throw withCode("it was replaced while it was made");
    if (modeOf(made) !== mode) chmodSync(`/proc/self/fd/${descriptor}`, mode);
  } finally {
    closeSync(descriptor);
  }
}

const modeOf = ({ mode }: Stats): number => mode & 0o777;

/** Does not replace a socket that another daemon has created meanwhile. */
function putInPlace(beside: string, path: string): void {
  try {
    linkSync(beside, path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw withCode("EADDRINUSE");
    renameSync(beside, path); // a file system without hard links
    return;
  }
  remove(beside);
}

/** A file system may reuse the inode number of a file just removed, but not its birth time. */
const isSame = (one: Stats | undefined, other: Stats): boolean =>
  one?.dev === other.dev && one.ino === other.ino && bornAt(one) === bornAt(other);

/** When the file was created, or if that is not known, when its inode last changed. */
const bornAt = ({ birthtimeMs, ctimeMs }: Stats): number => birthtimeMs || ctimeMs;

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Already removed.
  }
}

const withCode = (code: string): Error => Object.assign(new Error(code), { code });
