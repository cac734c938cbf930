// A connection to talk over, plain or with TLS: opened to one of the target's
// addresses, read in pieces, closed as a polite client does, and gone at once when
// its signal aborts.

import { readFile } from "node:fs/promises";
import { connect as connectNet, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Failure, failed } from "../checks/check.ts";
import type { TlsSettings } from "../checks/tls.ts";
import { type Address, formatAddress, isIPv4, isIPv6 } from "./address.ts";
import { withReserve } from "./descriptors.ts";
import { isFailure, race } from "./race.ts";
import { resolve } from "./resolve.ts";
import { pause } from "./turns.ts";

export interface StreamOptions {
  /** How long a name may take to be resolved before its last good address is used; half the check's timeout. */
  readonly patienceMs: number;
  readonly tls?: TlsSettings | undefined;
  /** Protocols to offer by ALPN; none by default. */
  readonly alpn?: readonly string[];
}

export interface Stream {
  /** For what reads and writes by itself, such as HTTP/2; who uses it must not use `read`. */
  readonly socket: Socket | TLSSocket;
  /** Set where a remembered address was used. */
  readonly warning: string | undefined;
  write(data: string | Uint8Array): void;
  /** What comes next; undefined once the peer has ended. After an abort a failure "timeout" that says what was waited for. */
  read(waitingFor: string): Promise<Uint8Array | undefined | Failure>;
  /** FIN, and nothing more is read. May be called twice. */
  close(): void;
}

const RESOURCE_RETRY_MS = 10;

/** A peer that does not answer the FIN is not waited for longer. */
const CLOSE_GRACE_MS = 250;

/** Never rejects. What is returned must be closed; an abort closes it too. */
export async function openStream(
  target: Address,
  { patienceMs, tls, alpn }: StreamOptions,
  signal: AbortSignal,
): Promise<Stream | Failure> {
  const found = await addressesOf(target, signal, patienceMs);
  if (isFailure(found)) return found;
  const socket = await race<Address, Socket>(found.addresses, connectTo, signal, (late) => late.destroy());
  if (isFailure(socket)) return socket;
  if (!tls) return streamOn(socket, target, found.warning, signal);
  const secured = await secure(socket, target, tls, alpn, signal);
  return isFailure(secured) ? secured : streamOn(secured, target, found.warning, signal);
}

async function addressesOf(target: Address, signal: AbortSignal, patienceMs: number) {
  if (target.family === "unix" || isIPv4(target.host) || isIPv6(target.host)) {
    return { addresses: [target], warning: undefined };
  }
  const resolution = await resolve(target.host, signal, patienceMs);
  if ("reason" in resolution) return resolution;
  const { addresses, warning } = resolution;
  return { addresses: addresses.map((host): Address => ({ ...target, host })), warning };
}

/** One numeric address. Want of a resource here is tried again until the signal aborts. */
async function connectTo(address: Address, signal: AbortSignal): Promise<Socket | Failure> {
  for (;;) {
    const connected = await connectOnce(address, signal);
    const again = isFailure(connected) && connected.reason === "resource";
    if (!again || signal.aborted) return connected;
    await pause(RESOURCE_RETRY_MS, signal);
  }
}

function connectOnce(address: Address, signal: AbortSignal): Promise<Socket | Failure> {
  return new Promise((resolve) => {
    const peer = formatAddress(address);
    if (signal.aborted) return resolve(failed("timeout", `${peer} did not accept`));
    const open = () =>
      connectNet(
        address.family === "unix"
          ? { path: address.path }
          : { host: address.host, port: address.port, autoSelectFamily: false },
      );
    const socket = withReserve(open);
    const settle = (result: Socket | Failure) => {
      signal.removeEventListener("abort", abort);
      socket.removeListener("error", onError);
      socket.removeListener("connect", onConnect);
      // An error that comes between two listeners must not end the process.
      socket.on("error", () => {});
      if (isFailure(result)) socket.destroy();
      resolve(result);
    };
    const abort = () => settle(failed("timeout", `${peer} did not accept`));
    const onConnect = () => {
      const itself =
        address.family === "tcp" &&
        socket.localPort === socket.remotePort &&
        socket.localAddress === socket.remoteAddress;
      settle(itself ? failed("refused", `nothing listens on ${peer}; the probe met itself`) : socket);
    };
    const onError = (error: Error) => settle(explainConnect(peer, codeOf(error)));
    signal.addEventListener("abort", abort);
    socket.on("connect", onConnect);
    socket.on("error", onError);
  });
}

function explainConnect(peer: string, code: string): Failure {
  switch (code) {
    case "ECONNREFUSED":
      return failed("refused", `${peer} refused the connection`);
    case "ENOENT":
      return failed("refused", `${peer} does not exist`);
    case "ETIMEDOUT":
      return failed("timeout", `${peer} did not accept before the kernel gave up`);
    case "ECONNRESET":
    case "EPIPE":
      return failed("closed", `${peer} reset the connection`);
    case "EMFILE":
    case "ENFILE":
    case "EADDRNOTAVAIL":
    case "ENOBUFS":
    case "EAGAIN":
      return failed("resource", `no descriptor, port or memory left to reach ${peer} (${code})`);
    default:
      return failed("unreachable", `${peer} cannot be reached (${code})`);
  }
}

/** TLS over a connected socket, verified as `settings` say; who wants to judge for himself sets `verify: false`. */
async function secure(
  socket: Socket,
  target: Address,
  settings: TlsSettings,
  alpn: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<TLSSocket | Failure> {
  const peer = formatAddress(target);
  const ca = settings.ca === undefined ? undefined : await readAuthority(settings.ca);
  if (isFailure(ca)) {
    socket.destroy();
    return ca;
  }
  const { checkServerIdentity, connect: connectTls } = await import("node:tls");
  const host = settings["server-name"] ?? (target.family === "tcp" ? target.host : "localhost");
  const numeric = isIPv4(host) || isIPv6(host);
  return new Promise((resolve) => {
    const secured = connectTls({
      socket,
      // RFC 6066 allows no address as a server name.
      ...(numeric ? {} : { servername: host }),
      ...(ca !== undefined && { ca }),
      ...(alpn && { ALPNProtocols: [...alpn] }),
      rejectUnauthorized: false,
    });
    const settle = (result: TLSSocket | Failure) => {
      signal.removeEventListener("abort", abort);
      secured.removeListener("secureConnect", onSecure);
      secured.removeListener("error", onError);
      secured.removeListener("close", onClose);
      secured.on("error", () => {});
      if (isFailure(result)) {
        secured.destroy();
        socket.destroy();
      }
      resolve(result);
    };
    const abort = () => settle(failed("timeout", `the TLS handshake with ${peer}`));
    const onSecure = () => {
      if (!settings.verify) return settle(secured);
      const chain = secured.authorized ? undefined : String(secured.authorizationError ?? "not authorized");
      const name = checkServerIdentity(host, secured.getPeerCertificate())?.message;
      const flaw = chain ?? name;
      settle(flaw === undefined ? secured : failed("tls", `the certificate of ${peer} does not hold: ${flaw}`));
    };
    const onError = (error: Error) =>
      settle(failed("tls", `no TLS could be agreed on with ${peer} (${"code" in error ? error.code : error.message})`));
    const onClose = () => settle(failed("closed", `${peer} closed the connection during the TLS handshake`));
    secured.on("secureConnect", onSecure);
    secured.on("error", onError);
    secured.on("close", onClose);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
  });
}

async function readAuthority(file: string): Promise<string | Failure> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    return failed("tls", `the certificates of ${file} cannot be read (${codeOf(error)})`);
  }
}

function streamOn(
  socket: Socket | TLSSocket,
  target: Address,
  warning: string | undefined,
  signal: AbortSignal,
): Stream {
  const peer = formatAddress(target);
  const destroy = () => socket.destroy();
  signal.addEventListener("abort", destroy);
  let closed = false;
  return {
    socket,
    warning,
    write: (data) => void socket.write(data),
    read(waitingFor) {
      return new Promise((resolve) => {
        const settle = (result: Uint8Array | undefined | Failure) => {
          for (const [event, listener] of Object.entries(listeners)) socket.removeListener(event, listener);
          socket.pause();
          resolve(result);
        };
        const ended = () =>
          settle(signal.aborted ? failed("timeout", `${peer}: waiting for ${waitingFor}`) : undefined);
        const listeners = {
          data: (chunk: Buffer) => settle(chunk),
          end: ended,
          close: ended,
          error: (error: Error) =>
            settle(
              signal.aborted
                ? failed("timeout", `${peer}: waiting for ${waitingFor}`)
                : failed("closed", `${peer} broke the connection before ${waitingFor} (${codeOf(error)})`),
            ),
        };
        if (socket.destroyed || socket.readableEnded) return ended();
        for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
        socket.resume();
      });
    },
    close() {
      if (closed) return;
      closed = true;
      signal.removeEventListener("abort", destroy);
      if (socket.destroyed) return;
      // What is left unread would turn the FIN into a reset.
      socket.resume();
      socket.end();
      const giveUp = setTimeout(destroy, CLOSE_GRACE_MS);
      socket.on("close", () => clearTimeout(giveUp));
      socket.on("end", destroy);
    },
  };
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);
