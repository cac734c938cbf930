// Connections that are being closed politely. If a command exited before they are closed, its last bytes would be lost,
// and servers would log broken connections.

import type { Socket } from "node:net";

/** Each of them ends by itself within about this time. */
const LONGEST_MS = 250;

const underWay = new Set<Promise<void>>();

/** A polite end has begun. Call what is returned when it is over; more than once does no harm. */
export function beginEnding(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  underWay.add(promise);
  return () => {
    underWay.delete(promise);
    resolve();
  };
}

/** Resolves once all are over, those that begin meanwhile too, and after 250 ms at the latest. Call before an exit. */
export async function endingsOver(): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, LONGEST_MS);
  let isLate = false;
  void late.then(() => {
    isLate = true;
  });
  while (underWay.size > 0 && !isLate) await Promise.race([Promise.all(underWay), late]);
  clearTimeout(timer);
}

/** A peer that does not answer the FIN within this time is dropped. */
const CLOSE_GRACE_MS = 250;

/** FIN, and with TLS its close_notify before. */
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
