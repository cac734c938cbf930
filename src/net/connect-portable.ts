// The same attempt by node:net, where the system calls of Linux are not at hand.
// Slower, and loaded only there; like them it can be cancelled at once.

import { connect, type Socket } from "node:net";
import { codeOf } from "../system/errors.ts";
import { withReserve } from "../system/fd-reserve.ts";
import type { Address } from "./address.ts";
import { beginEnding } from "./closing-connections.ts";

/** "connected", "aborted", "met itself" or the code of the error; never rejects. The connection is closed. */
export async function attemptByNet(address: Address, signal: AbortSignal): Promise<string> {
  const connected = await connectByNet(address, signal);
  // A peer that accepted and then reset had completed the handshake.
  if (connected === "ECONNRESET" || connected === "EPIPE") return "connected";
  if (typeof connected === "string") return connected;
  const over = beginEnding();
  connected.on("close", over);
  // The greeting, if any, is read and dropped: bytes left unread would turn the FIN into a reset.
  connected.resume();
  connected.end(() => connected.destroy());
  return "connected";
}

/** The connection, or "aborted", "met itself" or the code of the error; never rejects. */
export function connectByNet(address: Address, signal: AbortSignal): Promise<Socket | string> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve("aborted");
    const socket = withReserve(() =>
      connect(
        address.family === "unix"
          ? { path: address.path }
          : { host: address.host, port: address.port, autoSelectFamily: false },
      ),
    );
    const finish = (result: Socket | string) => {
      signal.removeEventListener("abort", abort);
      if (typeof result === "string") socket.destroy();
      resolve(result);
    };
    const abort = () => finish("aborted");
    signal.addEventListener("abort", abort);
    socket.on("connect", () => {
      const itself =
        address.family === "tcp" &&
        socket.localPort === socket.remotePort &&
        socket.localAddress === socket.remoteAddress;
      // On Windows a refused connect may be reported as connected; then there is no peer.
      if (process.platform === "win32" && socket.remotePort === undefined) finish("ECONNREFUSED");
      else finish(itself ? "met itself" : socket);
    });
    // Stays after the connect: an error that comes between two listeners must not end the process.
    socket.on("error", (error) => finish(codeOf(error)));
  });
}
