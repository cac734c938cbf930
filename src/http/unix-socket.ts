// A listener on a unix socket: its file is opened to all, never taken from a server
// that lives, and removed at the end if it is still ours.

import { chmodSync, lstatSync, renameSync, type Stats, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Address } from "../probing/network/address.ts";
import { connect, preparePeer } from "../probing/network/connect.ts";

/** A server that has not answered a connect by then is busy, so it lives. */
const LIVING_MS = 200;

/** Throws an error whose `code` says why it cannot be done. */
export async function listenOnPath<Server>(
  address: Address & { family: "unix" },
  serveAt: (at: Address) => Server,
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
  const server = serveAt({ family: "unix", path: beside });
  try {
    // As open as a port is: whoever may reach the path may ask.
    chmodSync(beside, 0o666);
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
