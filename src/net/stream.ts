// A connection, plain or with TLS: opened to one of the target's addresses, read in chunks, closed politely, and destroyed
// at once when its signal aborts.
//
// Received data is read before an error counts, and before anything is written: a write to a peer that has reset the
// connection loses unread data. An error such as a TLS alert is remembered, whenever it comes.

import { connect as connectNet, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Failure, failed, isFailure } from "../outcome.ts";
import { codeOf } from "../system/errors.ts";
import { afterPendingIo, pause } from "../system/event-loop.ts";
import { refillReserve } from "../system/fd-reserve.ts";
import { libc, POLLIN } from "../system/libc.ts";
import { pollOnce } from "../system/poll.ts";
import { retryWhileLacking } from "../system/retry.ts";
import { type Address, formatAddress, isIPv4, isIPv6 } from "./address.ts";
import type { Judgement } from "./certificate.ts";
import { closePolitely } from "./closing-connections.ts";
import { type Dialled, dial, explainConnect, isLackingCode, preparePeer } from "./connect.ts";
import { secure, startTrust } from "./handshake.ts";
import { happyEyeballs } from "./happy-eyeballs.ts";
import { resolve } from "./resolve.ts";
import { explainTls } from "./tls-failure.ts";
import type { TlsSettings } from "./tls-settings.ts";

export interface StreamOptions {
  /** How long a name may take to be resolved before its last good address is used; half the check's timeout. */
  readonly maxWaitMs: number;
  readonly tls?: TlsSettings | undefined;
  /** Protocols to offer by ALPN; none by default. */
  readonly alpn?: readonly string[];
  /** The part of the protocol before TLS, in plain text; it must leave nothing unread. A failure ends the connection. */
  readonly beforeTls?: (plain: Stream) => Promise<Failure | undefined>;
}

export interface Stream {
  /** For callers that read and write by themselves, such as HTTP/2 or a driver; they must use neither `read` nor `write`. */
  readonly socket: Socket | TLSSocket;
  /** Set if a remembered address was used. */
  readonly warning: string | undefined;
  /** Writes once the received data is read; does nothing if that was the end. */
  write(data: string | Uint8Array): void;
  /** The same; resolves with undefined once the kernel has taken all of it. */
  send(data: string | Uint8Array): Promise<Failure | undefined>;
  /**
   * The next chunk; undefined once the peer has ended. After an abort a failure "timeout" that names `waitingFor`, after
   * an error a failure with its cause; but first the data that arrived before.
   */
  read(waitingFor: string): Promise<Uint8Array | undefined | Failure>;
  /**
   * Why the connection broke: reason "tls" for an alert of the peer or for bytes that are not TLS, "closed" for a reset;
   * undefined if it did not break. For users of `socket`, once it has ended.
   */
  failureBefore(event: string): Failure | undefined;
  /**
   * With TLS 1.3 the client completes its handshake before the server has verified the client's certificate. Waits up to
   * 250 ms for a sign that it has, since not every server gives one; a failure if the server refuses.
   */
  accepted(): Promise<Failure | undefined>;
  /** With TLS, the judgement on the peer's certificate. */
  readonly judgement: Judgement | undefined;
  /** Sends FIN and reads nothing more. May be called twice. */
  close(): void;
}

/** How long to wait for a sign that the peer has accepted the client. */
const ACCEPTED_GRACE_MS = 250;

/** When this much data is unread, reading pauses and the rest stays in the kernel. */
const UNREAD_BYTES = 256 * 1024;

/** The caller must close the stream; an abort closes it too. Never rejects. */
export async function openStream(
  target: Address,
  { maxWaitMs, tls, alpn, beforeTls }: StreamOptions,
  signal: AbortSignal,
): Promise<Stream | Failure> {
  const trust = tls && startTrust(tls);
  const found = await addressesOf(target, signal, maxWaitMs);
  if (isFailure(found)) return found;
  const connected = await happyEyeballs<Address, Connected>(
    found.addresses,
    connectTo,
    signal,
    ({ socket }) => socket.destroy(),
    maxWaitMs,
  );
  if (isFailure(connected)) return connected;
  const { warning } = found;
  const labels = { peer: formatAddress(target), warning };
  if (!tls || !trust) return new SocketStream(connected, labels, signal);
  if (beforeTls) {
    const plain = new SocketStream(connected, labels, signal);
    const refusal = await beforeTls(plain);
    if (refusal) {
      plain.close();
      return refusal;
    }
    plain.release();
  }
  const secured = await secure(connected.socket, target, { settings: tls, trust, alpn }, signal);
  if (isFailure(secured)) return secured;
  return new SocketStream({ ...secured, fd: connected.fd }, labels, signal);
}

async function addressesOf(target: Address, signal: AbortSignal, maxWaitMs: number) {
  if (target.family === "unix" || isIPv4(target.host) || isIPv6(target.host)) {
    return { addresses: [target], warning: undefined };
  }
  const resolution = await resolve(target.host, signal, maxWaitMs);
  if ("reason" in resolution) return resolution;
  const { addresses, warning } = resolution;
  return { addresses: addresses.map((host): Address => ({ ...target, host })), warning };
}

interface Connected {
  readonly socket: Socket;
  /** Undefined where the runtime does not show it. */
  readonly fd: number | undefined;
}

/** Connects to one numeric address. Tries again while this host lacks a resource, until the signal aborts. */
async function connectTo(address: Address, signal: AbortSignal): Promise<Connected | Failure> {
  const { sockaddr } = preparePeer(address);
  if (libc && sockaddr) {
    const dialled = await dial({ address, sockaddr }, libc, signal);
    return isFailure(dialled) ? dialled : { socket: adopt(dialled), fd: dialled.fd };
  }
  const { connectByNet } = await import("./connect-portable.ts");
  const connected = await retryWhileLacking(signal, () => connectByNet(address, signal), isLackingCode);
  return typeof connected === "string" ? explainConnect(address, connected) : { socket: connected, fd: undefined };
}

/**
 * Makes a runtime socket of our connection. The runtime's own connect would open the socket when the reserve is taken back
 * already, and reports every failure, a lack of descriptors too, as "refused" (Bun 1.4.5).
 */
function adopt({ fd, received }: Dialled): Socket {
  const socket = connectNet({ fd } as never);
  if (received) socket.unshift(received);
  // An error that comes between two listeners must not end the process.
  socket.on("error", () => {});
  socket.on("close", refillReserve);
  return socket;
}

/** The connection of a stream, perhaps with TLS. */
interface Opened extends Connected {
  readonly judgement?: Judgement;
  readonly hasClientCertificate?: boolean;
  readonly accepted?: Promise<void>;
}

interface Labels {
  readonly peer: string;
  readonly warning: string | undefined;
}

const RESETS: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);

class SocketStream implements Stream {
  readonly socket: Socket | TLSSocket;
  readonly warning: string | undefined;
  readonly judgement: Judgement | undefined;
  readonly #opened: Opened;
  readonly #peer: string;
  readonly #signal: AbortSignal;
  readonly #listeners: Readonly<Record<string, (chunk: Buffer) => void>>;
  #isClosed = false;
  #isReading = false;
  #hasEnded = false;
  #error: Error | undefined;
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  readonly #unwritten: (() => void)[] = [];
  /** Called when data has come, or no more will. */
  #wake: (() => void) | undefined;

  constructor(opened: Opened, { peer, warning }: Labels, signal: AbortSignal) {
    const { socket, judgement } = opened;
    this.socket = socket;
    this.warning = warning;
    this.judgement = judgement;
    this.#opened = opened;
    this.#peer = peer;
    this.#signal = signal;
    const end = () => this.#end();
    this.#listeners = { data: (chunk) => this.#receive(chunk), end, close: end };
    if (signal.aborted) this.#destroy();
    else signal.addEventListener("abort", this.#destroy);
    socket.on("error", (error: Error) => {
      this.#error ??= error;
      this.#wake?.();
    });
  }

  write(data: string | Uint8Array): void {
    this.#afterReading(() => {
      if (!this.#isOver()) this.socket.write(data);
    });
  }

  send(data: string | Uint8Array): Promise<Failure | undefined> {
    const { socket } = this;
    return new Promise((resolve) => {
      const finish = (result: Failure | undefined) => {
        socket.removeListener("close", onClose);
        resolve(result);
      };
      const onClose = () => finish(this.#whyNotSent());
      socket.on("close", onClose);
      this.#afterReading(() => {
        if (this.#isOver()) return onClose();
        socket.write(data, (failure) => finish(failure ? this.#whyNotSent() : undefined));
      });
    });
  }

  read(waitingFor: string): Promise<Uint8Array | undefined | Failure> {
    this.#startReading();
    return new Promise((resolve) => {
      this.#wake = () => {
        const chunk = this.#unread.shift();
        if (!chunk && !this.#isOver()) return;
        this.#wake = undefined;
        if (!chunk) return resolve(this.#signal.aborted ? this.#timeout(waitingFor) : this.failureBefore(waitingFor));
        this.#unreadBytes -= chunk.byteLength;
        if (this.#unreadBytes < UNREAD_BYTES && !this.#hasEnded) this.socket.resume();
        resolve(chunk);
      };
      this.#wake();
    });
  }

  failureBefore(event: string): Failure | undefined {
    const error = this.#error;
    if (!error) return undefined;
    const code = codeOf(error);
    const tlsFailure = this.#explainTls(error, this.judgement !== undefined);
    // ERR_… is the runtime's own error, for a socket that this side destroyed.
    if (tlsFailure || code.startsWith("ERR_")) return tlsFailure;
    return failed("closed", `${this.#peer} ${RESETS.has(code) ? "reset" : "broke"} the connection before ${event}`);
  }

  async accepted(): Promise<Failure | undefined> {
    const { accepted } = this.#opened;
    if (!accepted) return undefined;
    this.#startReading();
    const waiting = new AbortController();
    const stop = () => waiting.abort();
    const arrived = new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#unread.length > 0 || this.#isOver()) resolve();
    });
    this.#signal.addEventListener("abort", stop);
    await Promise.race([accepted, arrived, pause(ACCEPTED_GRACE_MS, waiting.signal)]);
    this.#signal.removeEventListener("abort", stop);
    stop();
    this.#wake = undefined;
    // An error that came before counts even after an abort.
    return this.#error && this.#explainTls(this.#error, true);
  }

  /** Hands the socket over to its next user; unread data is put back. */
  release(): void {
    const { socket } = this;
    for (const [event, listener] of Object.entries(this.#listeners)) socket.removeListener(event, listener);
    this.#signal.removeEventListener("abort", this.#destroy);
    socket.pause();
    for (const chunk of this.#unread.reverse()) socket.unshift(chunk);
    this.#unread = [];
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#flush();
    this.#unread = [];
    this.#signal.removeEventListener("abort", this.#destroy);
    closePolitely(this.socket);
  }

  readonly #destroy = (): void => {
    this.socket.destroy();
  };

  #startReading(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    for (const [event, listener] of Object.entries(this.#listeners)) this.socket.on(event, listener);
    if (this.socket.destroyed || this.socket.readableEnded) this.#hasEnded = true;
    else this.socket.resume();
  }

  #receive(chunk: Buffer): void {
    if (this.#isClosed) return;
    this.#unread.push(chunk);
    this.#unreadBytes += chunk.byteLength;
    if (this.#unreadBytes >= UNREAD_BYTES) this.socket.pause();
    this.#wake?.();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  #isOver(): boolean {
    return this.#hasEnded || this.#error !== undefined || this.socket.destroyed;
  }

  /** Calls `write` once the received data is read; several calls keep their order. */
  #afterReading(write: () => void): void {
    this.#startReading();
    if (this.#unwritten.push(write) === 1) this.#flushOnceRead();
  }

  #flushOnceRead(): void {
    const { socket, fd } = this.#opened;
    // The runtime writes nothing until the socket is connected.
    if (socket.connecting) socket.once("connect", () => this.#flushOnceRead());
    else if (!this.#isOver() && libc && fd !== undefined && pollOnce(libc, fd, POLLIN) !== 0) {
      afterPendingIo(() => this.#flush());
    } else this.#flush();
  }

  #flush(): void {
    for (const write of this.#unwritten.splice(0)) write();
  }

  #timeout(waitingFor: string): Failure {
    return failed("timeout", `${this.#peer}: waiting for ${waitingFor}`);
  }

  #whyNotSent(): Failure {
    if (this.#signal.aborted) return this.#timeout("it to read the sent data");
    const before = "all data was sent";
    return this.failureBefore(before) ?? failed("closed", `${this.#peer} closed the connection before ${before}`);
  }

  #explainTls(error: Error, hasPeerCertificate: boolean): Failure | undefined {
    return explainTls(error, this.#peer, {
      hasPeerCertificate,
      hasClientCertificate: this.#opened.hasClientCertificate ?? false,
    });
  }
}
