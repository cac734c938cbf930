// A connection to talk over, plain or with TLS: opened to one of the target's
// addresses, read in pieces, closed as a polite client does, and gone at once when
// its signal aborts.
//
// What has arrived is read before an error counts and before anything is written, since a
// write to a peer that has reset the connection loses what is still unread. An error, such
// as a TLS alert, is remembered whenever it comes.

import { connect as connectNet, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Failure, failed, isFailure } from "../outcome.ts";
import { codeOf } from "../system/errors.ts";
import { afterPendingIo, pause, unlessAborted } from "../system/event-loop.ts";
import { refillReserve } from "../system/fd-reserve.ts";
import { libc, POLLIN } from "../system/libc.ts";
import { pollOnce } from "../system/poll.ts";
import { retryWhileLacking } from "../system/retry.ts";
import { type Address, formatAddress, isIPv4, isIPv6 } from "./address.ts";
import { describeFlaws, type Judgement, judge } from "./certificate.ts";
import { beginEnding } from "./closing-connections.ts";
import { dial, explainConnect, isLackingCode, preparePeer } from "./connect.ts";
import { happyEyeballs } from "./happy-eyeballs.ts";
import { resolve } from "./resolve.ts";
import { explainTls } from "./tls-failure.ts";
import type { TlsSettings } from "./tls-settings.ts";
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
  /** For what reads and writes by itself, such as HTTP/2 or a driver, which must use neither `read` nor `write`. */
  readonly socket: Socket | TLSSocket;
  /** Set where a remembered address was used. */
  readonly warning: string | undefined;
  /** Sent as soon as what has arrived is read, and not at all where that was the end. */
  write(data: string | Uint8Array): void;
  /** The same; undefined once the kernel has taken it all. */
  send(data: string | Uint8Array): Promise<Failure | undefined>;
  /**
   * What comes next; undefined once the peer has ended. After an abort a failure "timeout" that says what was
   * waited for, and after an error one that says which; what arrived before either comes first.
   */
  read(waitingFor: string): Promise<Uint8Array | undefined | Failure>;
  /**
   * What broke the connection so far: reason "tls" for an alert of the peer or bytes that are not TLS, "closed"
   * for a reset. To be asked by what uses `socket` when it is told of an end.
   */
  trouble(before: string): Failure | undefined;
  /**
   * With TLS 1.3 a client has its handshake behind it before the server has judged the client's certificate. Waits
   * for a sign that it has, for 250 ms at most, since not every server gives one; a failure where it refuses.
   */
  accepted(): Promise<Failure | undefined>;
  /** On TLS, what is to be said of the peer's certificate. */
  readonly judgement: Judgement | undefined;
  /** FIN, and nothing more is read. May be called twice. */
  close(): void;
}

/** A peer that does not answer the FIN is not waited for longer. */
const CLOSE_GRACE_MS = 250;

/** Nor is one that says nothing after a handshake. */
const ACCEPTED_GRACE_MS = 250;

/** What is kept of what nobody has read yet; the rest stays with the kernel. */
const UNREAD_BYTES = 256 * 1024;

/** Never rejects. What is returned must be closed; an abort closes it too. */
export async function openStream(
  target: Address,
  { patienceMs, tls, alpn, beforeTls }: StreamOptions,
  signal: AbortSignal,
): Promise<Stream | Failure> {
  const trust = tls && loadTrust(tls.ca, identityOf(tls));
  const found = await addressesOf(target, signal, patienceMs);
  if (isFailure(found)) return found;
  const connected = await happyEyeballs<Address, Connected>(
    found.addresses,
    connectTo,
    signal,
    ({ socket }) => socket.destroy(),
    patienceMs,
  );
  if (isFailure(connected)) return connected;
  const { warning } = found;
  if (!tls || !trust) return streamOn(connected, { target, warning }, signal);
  if (beforeTls) {
    const plain = streamOn(connected, { target, warning }, signal);
    const refusal = await beforeTls(plain);
    if (refusal) {
      plain.close();
      return refusal;
    }
    plain.release();
  }
  const secured = await secure(connected.socket, target, tls, trust, alpn, signal);
  if (isFailure(secured)) return secured;
  return streamOn({ ...secured, fd: connected.fd }, { target, warning }, signal);
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

interface Connected {
  readonly socket: Socket;
  /** Where it is known. */
  readonly fd: number | undefined;
}

/** One numeric address. Want of a resource here is tried again until the signal aborts. */
async function connectTo(address: Address, signal: AbortSignal): Promise<Connected | Failure> {
  const { sockaddr } = preparePeer(address);
  if (libc && sockaddr) {
    const fd = await dial({ address, sockaddr }, libc, signal);
    return isFailure(fd) ? fd : { socket: adopt(fd), fd };
  }
  const { connectByNet } = await import("./connect-portable.ts");
  const connected = await retryWhileLacking(signal, () => connectByNet(address, signal), isLackingCode);
  return typeof connected === "string" ? explainConnect(address, connected) : { socket: connected, fd: undefined };
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

/** Whose certificate a peer should show: a name or an IP address. */
export function nameToVerify(target: Address, settings: TlsSettings): string {
  const host = settings["server-name"] ?? (target.family === "tcp" ? target.host : "localhost");
  // Neither a zone (fe80::1%eth0) nor the dot that ends a full name stands in a certificate.
  return host.replace(/%.*$|\.$/, "");
}

interface Secured {
  readonly socket: TLSSocket;
  readonly judgement: Judgement;
  readonly given: boolean;
  /** Resolves with a sign of the server's that it has accepted the client: a session, for one. */
  readonly accepted: Promise<void>;
}

const identityOf = ({ cert, key }: TlsSettings) =>
  cert !== undefined && key !== undefined ? { cert, key } : undefined;

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
    // A file may hang on a disk that does.
    unlessAborted(loading, signal, () => failed("timeout", "reading the certificates of the authorities")),
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
  const given = identityOf(settings) !== undefined;
  const { promise: accepted, resolve: accept } = Promise.withResolvers<void>();
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
      settle(explainTls(error, peer, { shown: secured.getPeerX509Certificate() !== undefined, given, alpn }) ?? closed);
    secured.on("secureConnect", onSecure);
    // With TLS 1.2 it may come with the handshake's end.
    secured.on("session", () => accept());
    secured.on("error", onError);
    secured.on("close", onClose);
    signal.addEventListener("abort", abort);
  });
  if (isFailure(opened)) return opened;
  const judgement = judge(opened, host, trust, checkServerIdentity);
  if (opened.getProtocol() !== "TLSv1.3") accept();
  if (!settings.verify || judgement.flaws.length === 0) return { socket: opened, judgement, given, accepted };
  closePolitely(opened);
  return failed("tls", `the certificate of ${peer} ${describeFlaws(judgement)}`);
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

/** What a stream is made on. */
interface Opened extends Connected {
  readonly judgement?: Judgement;
  readonly given?: boolean;
  readonly accepted?: Promise<void>;
}

interface Releasable extends Stream {
  /** Leaves the socket to what comes after it; what was not read is put back. */
  release(): void;
}

function streamOn(
  { socket, fd, judgement, given = false, accepted }: Opened,
  { target, warning }: { readonly target: Address; readonly warning: string | undefined },
  signal: AbortSignal,
): Releasable {
  const peer = formatAddress(target);
  const destroy = () => socket.destroy();
  if (signal.aborted) destroy();
  else signal.addEventListener("abort", destroy);

  let closed = false;
  let reading = false;
  let ended = false;
  let error: Error | undefined;
  let unread: Uint8Array[] = [];
  let unreadBytes = 0;
  const unwritten: (() => void)[] = [];
  /** Called when something has come, or nothing more will. */
  let wake: (() => void) | undefined;

  const listeners = {
    data(chunk: Buffer) {
      if (closed) return;
      unread.push(chunk);
      unreadBytes += chunk.byteLength;
      if (unreadBytes >= UNREAD_BYTES) socket.pause();
      wake?.();
    },
    end: over,
    close: over,
  };
  function over() {
    ended = true;
    wake?.();
  }
  const onError = (cause: Error) => {
    error ??= cause;
    wake?.();
  };
  socket.on("error", onError);

  const begin = () => {
    if (reading) return;
    reading = true;
    for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
    if (socket.destroyed || socket.readableEnded) ended = true;
    else socket.resume();
  };

  const trouble = (before: string): Failure | undefined => {
    if (!error) return undefined;
    const code = codeOf(error);
    const ofTls = explainTls(error, peer, { shown: judgement !== undefined, given });
    // What was destroyed on this side has an error of the runtime's own.
    if (ofTls || code.startsWith("ERR_")) return ofTls;
    return failed("closed", `${peer} ${RESETS.has(code) ? "reset" : "broke"} the connection before ${before}`);
  };

  /** Has `write` run once what has arrived is read; several in their order. */
  const afterReading = (write: () => void) => {
    begin();
    if (unwritten.push(write) === 1) flushOnceRead();
  };
  const flushOnceRead = () => {
    // The runtime writes nothing before that.
    if (socket.connecting) socket.once("connect", flushOnceRead);
    else if (!isOver() && libc && fd !== undefined && pollOnce(libc, fd, POLLIN) !== 0) afterPendingIo(flush);
    else flush();
  };
  const flush = () => {
    for (const write of unwritten.splice(0)) write();
  };
  const late = (waitingFor: string) => failed("timeout", `${peer}: waiting for ${waitingFor}`);
  const isOver = () => ended || error !== undefined || socket.destroyed;

  return {
    socket,
    warning,
    judgement,
    trouble,
    write(data) {
      afterReading(() => {
        if (!isOver()) socket.write(data);
      });
    },
    send(data) {
      const before = "it had taken what is sent";
      const broken = () =>
        signal.aborted
          ? late("it to take what is sent")
          : (trouble(before) ?? failed("closed", `${peer} closed the connection before ${before}`));
      return new Promise((resolve) => {
        const settle = (result: Failure | undefined) => {
          socket.removeListener("close", onClose);
          resolve(result);
        };
        const onClose = () => settle(broken());
        socket.on("close", onClose);
        afterReading(() => {
          if (isOver()) return onClose();
          socket.write(data, (failure) => settle(failure ? broken() : undefined));
        });
      });
    },
    read(waitingFor) {
      begin();
      return new Promise((resolve) => {
        wake = () => {
          const chunk = unread.shift();
          if (!chunk && !isOver()) return;
          wake = undefined;
          if (!chunk) return resolve(signal.aborted ? late(waitingFor) : trouble(waitingFor));
          unreadBytes -= chunk.byteLength;
          if (unreadBytes < UNREAD_BYTES && !ended) socket.resume();
          resolve(chunk);
        };
        wake();
      });
    },
    async accepted() {
      if (!accepted) return undefined;
      begin();
      const waiting = new AbortController();
      const stop = () => waiting.abort();
      const came = new Promise<void>((resolve) => {
        wake = resolve;
        if (unread.length > 0 || isOver()) resolve();
      });
      signal.addEventListener("abort", stop);
      await Promise.race([accepted, came, pause(ACCEPTED_GRACE_MS, waiting.signal)]);
      signal.removeEventListener("abort", stop);
      stop();
      wake = undefined;
      // What is there already is the truth, whatever has aborted meanwhile.
      return error && explainTls(error, peer, { shown: true, given });
    },
    release() {
      for (const [event, listener] of Object.entries(listeners)) socket.removeListener(event, listener);
      signal.removeEventListener("abort", destroy);
      socket.pause();
      for (const chunk of unread.reverse()) socket.unshift(chunk);
      unread = [];
    },
    close() {
      if (closed) return;
      closed = true;
      flush();
      unread = [];
      signal.removeEventListener("abort", destroy);
      closePolitely(socket);
    },
  };
}

const RESETS: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);
