// The file of a unix socket listener, which the runtime neither opens to others nor removes.

import { chmodSync, lstatSync, unlinkSync } from "node:fs";

/** A socket file that nobody serves any more is removed; a live one, or another file, is left and refused. */
export async function clearStaleSocket(path: string): Promise<void> {
  try {
    if (!lstatSync(path).isSocket())
      throw Object.assign(new Error("not a socket"), { code: "the path exists and is not a socket" });
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  try {
    const connection = await Bun.connect({ unix: path, socket: { data() {} } });
    connection.end();
  } catch {
    removeSocket(path);
    return;
  }
  throw Object.assign(new Error("in use"), { code: "EADDRINUSE" });
}

export function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already.
  }
}

/** As open as a port is: whoever may reach the path may ask. */
export function openToAll(path: string): void {
  chmodSync(path, 0o666);
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);
