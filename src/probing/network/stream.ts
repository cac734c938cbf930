// A connection to talk over, plain or with TLS: opened to one of the target's
// addresses, read in pieces, closed as a polite client does, and gone at once when
// its signal aborts.

import { connect as connectNet, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Failure, failed } from "../../checks/check.ts";
import type { TlsSettings } from "../../checks/keys/tls.ts";
import { codeOf } from "../../thrown.ts";
import { refillReserve, withReserve } from "../system/descriptors.ts";
import { beginEnding } from "../system/endings.ts";
import { libc } from "../system/libc.ts";
import { pause } from "../system/turns.ts";
import { type Address, formatAddress, isIPv4, isIPv6 } from "./address.ts";
import { describeFlaws, type Judgement, judge } from "./certificate.ts";
import { dial, preparePeer, whyHiddenAt } from "./connect.ts";
import { isFailure, race } from "./race.ts";
import { resolve } from "./resolve.ts";
import { explainOffer } from "./tls-offer.ts";
import { loadTrust, type Trust } from "./trust.ts";

export interface StreamOptions {
  /** How long a name may take to be resolved before its last good address is used; half the check's timeout. */
  readonly patienceMs: number;
  readonly tls?: TlsSettings | undefined;
  /** Protocols to offer by ALPN; none by default. */
  readonly alpn?: readonly string[];
  /** What is agreed on in plain before TLS begins; must leave nothing unread. A failure ends it. */
  readonly beforeTls?: (plain: Stream) => Promise<Failure | undefined>;
}

export interface Stream {
  /** For what reads and writes by itself, such as HTTP/2; who uses it must not use `read`. */
  readonly socket: Socket | TLSSocket;
  /** Set where a remembered address was used. */
  readonly warning: string | undefined;
  write(data: string | Uint8Array): void;
  /** What comes next; undefined once the peer has ended. After an abort a failure "timeout" that says what was waited for. */
  read(waitingFor: string): Promise<Uint8Array | undefined | Failure>;
  /** On TLS, what is to be said of the peer's certificate. */
  readonly judgement: Judgement | undefined;
  /** FIN, and nothing more is read. May be called twice. */
  close(): void;
}

const RESOURCE_RETRY_MS = 10;

/** A peer that does not answer the FIN is not waited for longer. */
const CLOSE_GRACE_MS = 250;

/** Never rejects. What is returned must be closed; an abort closes it too. */
export async function openStream(
  target: Address,
  { patienceMs, tls, alpn, beforeTls }: StreamOptions,
  signal: AbortSignal,
): Promise<Stream | Failure> {
  const trust = tls && loadTrust(tls.ca);
  const found = await addressesOf(target, signal, patienceMs);
  if (isFailure(found)) return found;
  const socket = await race<Address, Socket>(found.addresses, connectTo, signal, (late) => late.destroy(), patienceMs);
  if (isFailure(socket)) return socket;
  if (!tls || !trust) return streamOn(socket, target, found.warning, undefined, signal);
  if (beforeTls) {
    const plain = streamOn(socket, target, found.warning, undefined, signal);
    const refusal = await beforeTls(plain);
    if (refusal) {
      plain.close();
      return refusal;
    }
  }
  const secured = await secure(socket, target, tls, trust, alpn, signal);
  return isFailure(secured) ? secured : streamOn(secured.socket, target, found.warning, secured.judgement, signal);
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
  const { sockaddr } = preparePeer(address);
  if (libc && sockaddr) {
    const fd = await dial({ address, sockaddr }, libc, signal);
    return isFailure(fd) ? fd : adopt(fd);
  }
  for (;;) {
    const connected = await connectOnce(address, signal);
    const again = isFailure(connected) && connected.reason === "resource";
    if (!again || signal.aborted) return connected;
    await pause(RESOURCE_RETRY_MS, signal);
  }
}

/**
 * The runtime's socket on a connection of ours. Its own connect opens the socket only when the
 * reserve is back, and calls whatever fails, a want of descriptors too, "refused" (Bun 1.4.5).
 */
function adopt(fd: number): Socket {
  const socket = connectNet({ fd } as never);
  // An error that comes between two listeners must not end the process.
  socket.on("error", () => {});
  socket.on("close", refillReserve);
  return socket;
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
    const onError = (error: Error) => settle(explainConnect(address, codeOf(error)));
    signal.addEventListener("abort", abort);
    socket.on("connect", onConnect);
    socket.on("error", onError);
  });
}

function explainConnect(address: Address, code: string): Failure {
  const peer = formatAddress(address);
  switch (code) {
    case "ECONNREFUSED":
      return failed("refused", `${peer} refused the connection`);
    case "ENOENT":
      return failed("refused", `${peer} does not exist${whyHiddenAt(address, code)}`);
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
      return failed("unreachable", `${peer} cannot be reached (${code})${whyHiddenAt(address, code)}`);
  }
}

/** Whose certificate a peer should show: a name or an IP address. */
export function nameToVerify(target: Address, settings: TlsSettings): string {
  const host = settings["server-name"] ?? (target.family === "tcp" ? target.host : "localhost");
  // Neither a zone (fe80::1%eth0) nor the dot that ends a full name stands in a certificate.
  return host.replace(/%.*$|\.$/, "");
}

interface Secured {
  readonly socket: TLSSocket;
  readonly judgement: Judgement;
}

/** TLS over a connected socket, verified as `settings` say; who wants to judge for himself sets `verify: false`. */
async function secure(
  socket: Socket,
  target: Address,
  settings: TlsSettings,
  loading: Promise<Trust | Failure>,
  alpn: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<Secured | Failure> {
  const peer = formatAddress(target);
  const host = nameToVerify(target, settings);
  const [trust, { checkServerIdentity, connect: connectTls }] = await Promise.all([
    unlessAborted(loading, signal),
    import("node:tls"),
  ]);
  if (isFailure(trust)) {
    if (signal.aborted) socket.destroy();
    else closePolitely(socket);
    return trust;
  }
  // The runtime would wait for ever for what has come already: bytes, an end or a reset.
  const closed = failed("closed", `${peer} closed the connection during the TLS handshake`);
  if (socket.readableLength > 0) {
    closePolitely(socket);
    return failed("tls", `${peer} speaks first, so it does not speak TLS`);
  }
  if (socket.destroyed || socket.readableEnded) {
    socket.destroy();
    return closed;
  }
  const numeric = isIPv4(host) || isIPv6(host);
  const handshake = failed("timeout", `the TLS handshake with ${peer}`);
  const opened = await new Promise<TLSSocket | Failure>((resolve) => {
    if (signal.aborted) {
      socket.destroy();
      return resolve(handshake);
    }
    const secured = connectTls({
      socket,
      // RFC 6066 allows no address as a server name.
      ...(numeric ? {} : { servername: host }),
      secureContext: trust.context,
      ...(alpn && { ALPNProtocols: [...alpn] }),
      rejectUnauthorized: false,
      // The name is judged beside the chain, below.
      checkServerIdentity: () => undefined,
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
    const abort = () => settle(handshake);
    const onSecure = () => settle(secured);
    const onClose = () => settle(closed);
    const onError = (error: Error) =>
      settle(
        ["ECONNRESET", "EPIPE"].includes(codeOf(error)) ? closed : failed("tls", explainTls(peer, reasonOf(error))),
      );
    secured.on("secureConnect", onSecure);
    secured.on("error", onError);
    secured.on("close", onClose);
    signal.addEventListener("abort", abort);
  });
  if (isFailure(opened)) return opened;
  const judgement = judge(opened, host, trust, checkServerIdentity);
  if (!settings.verify || judgement.flaws.length === 0) return { socket: opened, judgement };
  closePolitely(opened);
  return failed("tls", `the certificate of ${peer} ${describeFlaws(judgement)}`);
}

/** A file may hang on a disk that does. */
function unlessAborted(loading: Promise<Trust | Failure>, signal: AbortSignal): Promise<Trust | Failure> {
  return new Promise((resolve) => {
    const abort = () => resolve(failed("timeout", "reading the certificates of the authorities"));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    void loading.then((loaded) => {
      signal.removeEventListener("abort", abort);
      resolve(loaded);
    });
  });
}

/** FIN, and on TLS its goodbye before; what does not answer it is destroyed. */
function closePolitely(socket: Socket | TLSSocket): void {
  if (socket.destroyed) return;
  const over = beginEnding();
  const destroy = () => socket.destroy();
  // What is left unread would turn the FIN into a reset.
  socket.resume();
  socket.end();
  const giveUp = setTimeout(destroy, CLOSE_GRACE_MS);
  socket.on("close", () => {
    clearTimeout(giveUp);
    over();
  });
  socket.on("end", destroy);
}

function streamOn(
  socket: Socket | TLSSocket,
  target: Address,
  warning: string | undefined,
  judgement: Judgement | undefined,
  signal: AbortSignal,
): Stream {
  const peer = formatAddress(target);
  const destroy = () => socket.destroy();
  if (signal.aborted) destroy();
  else signal.addEventListener("abort", destroy);
  let closed = false;
  return {
    socket,
    warning,
    judgement,
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
      closePolitely(socket);
    },
  };
}

/** Most often it is a port that speaks in plain, and that can be said plainly. */
const explainTls = (peer: string, reason: string): string =>
  reason === "WRONG_VERSION_NUMBER"
    ? `what ${peer} answers is not TLS (${reason})`
    : (explainOffer(peer, reason) ?? `no TLS could be agreed on with ${peer} (${reason})`);

/** OpenSSL's words for it where they are what tells more. */
function reasonOf(error: Error): string {
  const [, reason = codeOf(error)] = /:(?:SSL routines|OPENSSL_internal):(?:.*:)?([\w ]+)$/.exec(error.message) ?? [];
  return reason;
}
