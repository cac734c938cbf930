// A connection, plain or with TLS: opened to one of the target's addresses, read in
// chunks, closed as a polite client does, and destroyed at once when its signal aborts.
//
// Received data is read before an error counts and before anything is written, since a
// write to a peer that has reset the connection loses unread data. An error, such as a
// TLS alert, is remembered whenever it comes.

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
import { dial, explainConnect, isLackingCode, preparePeer } from "./connect.ts";
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
  /** What the protocol exchanges in plain text before TLS; it must leave nothing unread. A failure ends the connection. */
  readonly beforeTls?: (plain: Stream) => Promise<Failure | undefined>;
}

export interface Stream {
  /** For users that read and write by themselves, such as HTTP/2 or a driver; they must use neither `read` nor `write`. */
  readonly socket: Socket | TLSSocket;
  /** Set where a remembered address was used. */
  readonly warning: string | undefined;
  /** Sent as soon as received data is read, and not at all if that was the end. */
  write(data: string | Uint8Array): void;
  /** The same; undefined once the kernel has taken it all. */
  send(data: string | Uint8Array): Promise<Failure | undefined>;
  /**
   * The next chunk; undefined once the peer has ended. After an abort a failure "timeout" that names `waitingFor`,
   * and after an error a failure with its cause; data that arrived before comes first.
   */
  read(waitingFor: string): Promise<Uint8Array | undefined | Failure>;
  /**
   * What has broken the connection: reason "tls" for an alert of the peer or bytes that are not TLS, "closed"
   * for a reset. For users of `socket`, once it has ended.
   */
  trouble(before: string): Failure | undefined;
  /**
   * With TLS 1.3 the client's handshake is complete before the server has verified the client's certificate. Waits
   * for a sign that it has, for 250 ms at most, since not every server gives one; a failure where it refuses.
   */
  accepted(): Promise<Failure | undefined>;
  /** With TLS, the judgement on the peer's certificate. */
  readonly judgement: Judgement | undefined;
  /** FIN, and nothing more is read. May be called twice. */
  close(): void;
}

/** How long a peer may take for a sign that it has accepted the client. */
const ACCEPTED_GRACE_MS = 250;

/** So much unread data is kept here; the rest stays in the kernel. */
const UNREAD_BYTES = 256 * 1024;

/** Never rejects. The stream must be closed; an abort closes it too. */
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
  const about = { peer: formatAddress(target), warning };
  if (!tls || !trust) return new SocketStream(connected, about, signal);
  if (beforeTls) {
    const plain = new SocketStream(connected, about, signal);
    const refusal = await beforeTls(plain);
    if (refusal) {
      plain.close();
      return refusal;
    }
    plain.release();
  }
  const secured = await secure(connected.socket, target, { settings: tls, trust, alpn }, signal);
  if (isFailure(secured)) return secured;
  return new SocketStream({ ...secured, fd: connected.fd }, about, signal);
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
  /** Where it is known. */
  readonly fd: number | undefined;
}

/** To one numeric address. Tries again while a resource is lacking, until the signal aborts. */
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

/** The connection of a stream. */
interface Opened extends Connected {
  readonly judgement?: Judgement;
  readonly given?: boolean;
  readonly accepted?: Promise<void>;
}

interface About {
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

  constructor(opened: Opened, { peer, warning }: About, signal: AbortSignal) {
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
    this.#begin();
    return new Promise((resolve) => {
      this.#wake = () => {
        const chunk = this.#unread.shift();
        if (!chunk && !this.#isOver()) return;
        this.#wake = undefined;
        if (!chunk) return resolve(this.#signal.aborted ? this.#late(waitingFor) : this.trouble(waitingFor));
        this.#unreadBytes -= chunk.byteLength;
        if (this.#unreadBytes < UNREAD_BYTES && !this.#hasEnded) this.socket.resume();
        resolve(chunk);
      };
      this.#wake();
    });
  }

  trouble(before: string): Failure | undefined {
    const error = this.#error;
    if (!error) return undefined;
    const code = codeOf(error);
    const ofTls = this.#explainTls(error, this.judgement !== undefined);
    // A socket that was destroyed on this side has an error of the runtime's own.
    if (ofTls || code.startsWith("ERR_")) return ofTls;
    return failed("closed", `${this.#peer} ${RESETS.has(code) ? "reset" : "broke"} the connection before ${before}`);
  }

  async accepted(): Promise<Failure | undefined> {
    const { accepted } = this.#opened;
    if (!accepted) return undefined;
    this.#begin();
    const waiting = new AbortController();
    const stop = () => waiting.abort();
    const came = new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#unread.length > 0 || this.#isOver()) resolve();
    });
    this.#signal.addEventListener("abort", stop);
    await Promise.race([accepted, came, pause(ACCEPTED_GRACE_MS, waiting.signal)]);
    this.#signal.removeEventListener("abort", stop);
    stop();
    this.#wake = undefined;
    // An error that has come already is the truth, also after an abort.
    return this.#error && this.#explainTls(this.#error, true);
  }

  /** Leaves the socket to its next user; unread data is put back. */
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

  #begin(): void {
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

  /** Calls `write` once the received data is read; several in their order. */
  #afterReading(write: () => void): void {
    this.#begin();
    if (this.#unwritten.push(write) === 1) this.#flushOnceRead();
  }

  #flushOnceRead(): void {
    const { socket, fd } = this.#opened;
    // The runtime writes nothing before that.
    if (socket.connecting) socket.once("connect", () => this.#flushOnceRead());
    else if (!this.#isOver() && libc && fd !== undefined && pollOnce(libc, fd, POLLIN) !== 0) {
      afterPendingIo(() => this.#flush());
    } else this.#flush();
  }

  #flush(): void {
    for (const write of this.#unwritten.splice(0)) write();
  }

  #late(waitingFor: string): Failure {
    return failed("timeout", `${this.#peer}: waiting for ${waitingFor}`);
  }

  #whyNotSent(): Failure {
    if (this.#signal.aborted) return this.#late("it to take what is sent");
    const before = "it had taken what is sent";
    return this.trouble(before) ?? failed("closed", `${this.#peer} closed the connection before ${before}`);
  }

  #explainTls(error: Error, shown: boolean): Failure | undefined {
    return explainTls(error, this.#peer, { shown, given: this.#opened.given ?? false });
  }
}
