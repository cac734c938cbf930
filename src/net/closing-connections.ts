// Connections that are being closed politely. If a command exited before they are closed, its last bytes would be lost and
// servers would log broken connections.

import type { Socket } from "node:net";

/** Each connection closes by itself within about this time. */
const MAX_WAIT_MS = 250;

const closing = new Set<Promise<void>>();

/** Registers a connection that begins to close. Call the returned function when it is closed; later calls do nothing. */
export function beginEnding(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  closing.add(promise);
  return () => {
    closing.delete(promise);
    resolve();
  };
}

/** Resolves when all are closed, including those that begin to close meanwhile, or after 250 ms. Call before an exit. */
export async function connectionsClosed(): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, MAX_WAIT_MS);
  let isLate = false;
  void late.then(() => {
    isLate = true;
  });
  while (closing.size > 0 && !isLate) await Promise.race([Promise.all(closing), late]);
  clearTimeout(timer);
}

/** A peer that does not answer the FIN within this time is dropped. */
const CLOSE_GRACE_MS = 250;

/** Sends FIN; with TLS, close_notify first. */
export function closePolitely(socket: Socket): void {
  if (socket.destroyed) return;
  const over = beginEnding();
  const destroy = () => socket.destroy();
  // Unread bytes would turn the FIN into a reset.
  socket.resume();
  socket.end();
  const giveUp = setTimeout(destroy, CLOSE_GRACE_MS);
  socket.on("close", () => {
    clearTimeout(giveUp);
    over();
  });
  socket.on("end", destroy);
}
