// A listener on a unix socket: its file never has more rights than it is meant to, is
// never taken from a server that lives, and is removed at the end if it is still ours.

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

/** A server that has not answered a connect by then is busy, so it lives. */
const LIVING_MS = 200;

/** Throws an error whose `code` says why it cannot be done. `mode` says who may connect. */
export async function listenOnPath<Server>(
  address: Address & { family: "unix" },
  serveAt: (at: Address) => Server,
  mode: number,
): Promise<{ readonly server: Server; close(): Promise<void> }> {
  const { path } = address;
  const there = statOf(path);
  if (there && !there.isSocket()) throw withCode("the path exists and is not a socket");
  if (there) {
    const failure = await connect(preparePeer(address), AbortSignal.timeout(LIVING_MS));
    // Without the right to connect nobody can tell whether it is served.
    const isOurs = there.uid === process.geteuid?.();
    if (failure?.reason === "unreachable" && !isOurs) throw withCode("another user's socket is there");
    if (failure?.reason !== "refused") throw withCode("EADDRINUSE");
  }
  // Opened beside its place and put there: it is never seen half made, and the
  // runtime, which removes the path that it opened whoever has it by then, finds nothing.
  // By a name that no other daemon has: in containers that share the folder all have one number.
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

/** Between bind and chmod whoever is quick could connect; the umask leaves no between. */
function withUmask<T>(umask: number, action: () => T): T {
  const before = process.umask(umask);
  try {
    return action();
  } finally {
    process.umask(before);
  }
}

const O_PATH = 0o10000000;

/** The default rights of a folder (ACL) may have taken some away. Whoever may write to the folder may swap what is there. */
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

/** Not over what another daemon has put there meanwhile. */
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

/** A file system may give a new file the number of one just removed, but not its time. */
const isSame = (one: Stats | undefined, other: Stats): boolean =>
  one?.dev === other.dev && one.ino === other.ino && bornAt(one) === bornAt(other);

/** Where that is not known, when its rights were changed last. */
const bornAt = ({ birthtimeMs, ctimeMs }: Stats): number => birthtimeMs || ctimeMs;

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already.
  }
}

const withCode = (code: string): Error => Object.assign(new Error(code), { code });
