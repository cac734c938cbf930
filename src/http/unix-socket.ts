// A listener on a unix socket: its file never has more rights than it is meant to, is
// never taken from a server that lives, and is removed at the end if it is still ours.

import { chmodSync, lstatSync, renameSync, type Stats, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Address } from "../probing/network/address.ts";
import { connect, preparePeer } from "../probing/network/connect.ts";

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
    if (failure?.reason !== "refused") throw withCode("EADDRINUSE");
  }
  // Opened beside its place and moved there: it is never seen half made, and the
  // runtime, which removes the path that it opened whoever has it by then, finds nothing.
  const beside = join(dirname(path), `.${process.pid}`);
  remove(beside);
  const server = withUmask(0o777 & ~mode, () => serveAt({ family: "unix", path: beside }));
  try {
    // The default rights of a folder (ACL) may have taken some more away.
    chmodSync(beside, mode);
    renameSync(beside, path);
  } catch (error) {
    remove(beside);
    throw error;
  }
  const ours = statOf(path);
  return {
    server,
    async close() {
      const now = statOf(path);
      // A file system may give a new file the number of one just removed, but not its time.
      const same = now?.dev === ours?.dev && now?.ino === ours?.ino && now?.ctimeMs === ours?.ctimeMs;
      if (now && same) remove(path);
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
