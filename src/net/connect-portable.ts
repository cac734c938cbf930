// The same attempt by node:net, where the system calls of Linux are not at hand.
// Slower, and loaded only there; like them it can be called off at once.

import { connect } from "node:net";
import type { Address } from "./address.ts";
import { beginEnding } from "./closing-connections.ts";

/** "connected", "aborted", "met itself" or the code of the error; never rejects. */
export function attemptByNet(address: Address, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve("aborted");
    const socket = connect(
      address.family === "unix"
        ? { path: address.path }
        : { host: address.host, port: address.port, autoSelectFamily: false },
    );
    const settle = (code: string) => {
      signal.removeEventListener("abort", abort);
      resolve(code);
    };
    const abort = () => {
      socket.destroy();
      settle("aborted");
    };
    signal.addEventListener("abort", abort);
    socket.on("connect", () => {
      const itself =
        address.family === "tcp" &&
        socket.localPort === socket.remotePort &&
        socket.localAddress === socket.remoteAddress;
      // The greeting, if any, is read and dropped: bytes left unread would turn the FIN into a reset.
      socket.resume();
      const over = beginEnding();
      socket.on("close", over);
      socket.end(() => socket.destroy());
      settle(itself ? "met itself" : "connected");
    });
    // After the connect an error is the peer's way to close, and no news.
    socket.on("error", (error) => {
      const code = "code" in error ? String(error.code) : "ECONNREFUSED";
      settle(code === "ECONNRESET" || code === "EPIPE" ? "connected" : code);
    });
  });
}
