// Sends one datagram to one numeric address and waits for the answer. Nothing is sent twice; datagrams from other addresses
// are ignored.

import { type Failure, failed } from "../outcome.ts";
import { codeOf } from "../system/errors.ts";
import { refillReserve, withReserve } from "../system/fd-reserve.ts";
import { isLacking, retryWhileLacking } from "../system/retry.ts";
import { formatAddress } from "./address.ts";

export interface DatagramPeer {
  readonly family: "tcp";
  /** Numeric. */
  readonly host: string;
  readonly port: number;
}

/**
 * Resolves with the first value that `take` returns for a datagram of the peer; with a failure "timeout" once `signal`
 * aborts. Never rejects. Tries again while this host lacks a resource, as long as nothing was sent.
 */
export async function askByDatagram<T>(
  peer: DatagramPeer,
  data: Uint8Array,
  take: (datagram: Uint8Array) => T | undefined,
  signal: AbortSignal,
): Promise<T | Failure> {
  const { createSocket } = await import("node:dgram");
  return retryWhileLacking(signal, () => askOnce(createSocket, peer, data, take, signal));
}

function askOnce<T>(
  createSocket: typeof import("node:dgram").createSocket,
  peer: DatagramPeer,
  data: Uint8Array,
  take: (datagram: Uint8Array) => T | undefined,
  signal: AbortSignal,
): Promise<T | Failure> {
  return new Promise((resolve) => {
    const late = () => failed("timeout", `${formatAddress(peer)} has not answered`);
    if (signal.aborted) return resolve(late());
    const family = peer.host.includes(":") ? 6 : 4;
    // The address is numeric, so nothing is looked up; the runtime would do it on its thread pool.
    const lookup = (host: string, _: unknown, found: (error: null, host: string, family: number) => void) =>
      found(null, host, family);
    const socket = createSocket({ type: family === 6 ? "udp6" : "udp4", lookup: lookup as never });
    let isOver = false;
    const finish = (result: T | Failure) => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener("abort", abort);
      close(socket);
      resolve(result);
    };
    const abort = () => finish(late());
    const fail = (error: unknown) => finish(explain(peer, codeOf(error)));
    signal.addEventListener("abort", abort);
    socket.on("error", fail);
    socket.on("message", (datagram, { port }) => {
      // It may have arrived before the socket was connected, when any host could send to it.
      if (isOver || port !== peer.port) return;
      const taken = take(datagram);
      if (taken !== undefined) finish(taken);
    });
    const connected = () => {
      if (isOver) return;
      try {
        const { address, port } = socket.address();
        if (port === peer.port && address === socket.remoteAddress().address) {
          return finish(failed("refused", `nothing listens on ${formatAddress(peer)}; the probe connected to itself`));
        }
        socket.send(data, (error) => error && fail(error));
      } catch (error) {
        // The runtime does not report that a connect failed: these calls throw then.
        fail(error);
      }
    };
    try {
      withReserve(() => socket.connect(peer.port, peer.host, connected));
    } catch (error) {
      fail(error);
    }
  });
}

function close(socket: import("node:dgram").Socket): void {
  try {
    socket.close();
  } catch {
    // It was never open.
  }
  refillReserve();
}

function explain(peer: DatagramPeer, code: string): Failure {
  const to = formatAddress(peer);
  if (code === "ECONNREFUSED") return failed("refused", `${to} refused the datagram`);
  if (code === "EMSGSIZE") return failed("unreachable", `a datagram of that size cannot be sent to ${to}`);
  if (isLacking(code)) return failed("resource", `no descriptor, port or memory left to reach ${to} (${code})`);
  return failed("unreachable", `${to} cannot be reached (${code.startsWith("ERR_") ? "no route" : code})`);
}
