// Requests and their answers, one at a time on a connection. What a client sends before it has its answer is dropped,
// even a whole request, and the connection is closed after that answer.
//
// A `fetch` handler cannot do that: Bun.serve calls it with the next request while the answer to the first is being made,
// and sends the answer that comes first, for the wrong request or into freed memory. So this is a handler as node:http
// has one, which shows the connection of each request (docs/adr/0014).
//
// It relies on what Bun 1.4.5 does not document: the option `onNodeHTTPRequest` of Bun.serve with its arguments, the bits
// 0x10 and 0x20 of the argument `flags`, and the interfaces Connection and Handle below.
//
// A client that closes its sending side right after its request is answered; one that does so later has given up. The
// runtime reports both alike, so the times that the kernel has decide.

import type { Socket } from "node:net";
import { withoutV4Mapping } from "../net/address.ts";
import type { Client, RequestObserver } from "../status/recorder.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import type { Answering, Peer } from "./bounded.ts";
import { connectionsAt, peerKey, shutDown } from "./connections.ts";
import { Observation, type Observed } from "./observation.ts";
import { recognise, TOO_LARGE } from "./refused.ts";

/** A request. `signal` aborts when the client has disconnected. */
export interface ExchangeRequest {
  readonly method: string;
  /** As it was sent, with %XX for each byte that is not ASCII. */
  readonly url: string;
  readonly signal: AbortSignal;
  /**
   * The value of a header; `name` is in small letters. The values of one that was sent more than once are joined by ", ".
   * Undefined if it was not sent, and for every header of a request that the runtime refused.
   */
  header(name: string): string | undefined;
  /**
   * The body, or its start as soon as that is longer than `maxBytes`; undefined if the client disconnects before.
   * Call it before anything is awaited.
   */
  readBody(maxBytes: number): Promise<Buffer | undefined>;
}

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The path of the endpoint that it is for, for the observer; undefined for the host. */
  readonly endpoint?: string | undefined;
}

interface WholeAnswer extends Head {
  readonly body: string;
}

/** Each part is sent as soon as it is there. */
interface AnswerInParts extends Head {
  readonly body: AsyncIterable<string>;
}

export type Answer = WholeAnswer | AnswerInParts;

export interface ExchangeOptions {
  readonly answer: (request: ExchangeRequest) => Answer | Promise<Answer>;
  readonly onError: (error: unknown) => Answer;
  /** What was received is no request. */
  readonly onRefused: (message: string, client: string, received: Uint8Array) => void;
  /**
   * Answers what the runtime refuses but is a request: one with an unknown method, for `*`, or with lines that end in
   * LF alone. Otherwise it is refused. Such a request has no headers here.
   */
  readonly answersEvery: boolean;
  /** A connection is closed after this time without data, unless `mayTakeLonger` returns true for its request. */
  readonly idleTimeoutS: number;
  readonly mayTakeLonger: () => boolean;
  /** Without one, no header and no clock is read for a request. A client is known by the first request of its connection. */
  readonly observer?: RequestObserver | undefined;
  /** For tests. */
  readonly clock?: Clock;
}

/** The connection of a request: the parts of the runtime's object that are used here. */
interface Connection {
  readonly closed: boolean;
  readonly remoteAddress: Peer | undefined;
  /** The socket by which node:http shows it. */
  readonly duplex: Socket | undefined;
  /** Drops what is received from then on. */
  stopParsing(): void;
  /** Closes the sending side when everything is sent. */
  end(): void;
  close(): void;
  /** Closes the connection when everything is sent. */
  closeWhenDrained(): void;
}

/** By which a request is answered: the parts of the runtime's object that are used here. */
interface Handle {
  onabort: ((event: number) => void) | undefined;
  /** Called with each piece of the body. */
  ondata: ((chunk: Uint8Array | undefined, isLast: boolean, event: number) => void) | undefined;
  /** Each name, as it was sent, before its value. Undefined from the second call on. */
  takeRawHeaders(): readonly string[] | undefined;
  writeHead(status: number, statusText: undefined, headers: readonly string[]): void;
  write(part: string): void;
  end(body: string | undefined): void;
}

/** An answer that is being made. */
interface Exchange {
  readonly request: ClientRequest;
  /** The connection is closed after this answer. */
  isLast: boolean;
}

/** A client that closes its sending side this long after its request has given up. */
const GAVE_UP_MS = 500;

/** How long a client has to close its side after the last answer. The idle timeout of the runtime does not apply then. */
const LINGER_MS = 1000;

/** An event of a Handle: the client has closed the connection. The other event, not used here, comes before it. */
const ABORTED = 1;

class ClientRequest implements ExchangeRequest, Observed {
  readonly method: string;
  readonly url: string;
  hasDisconnected = false;
  client: Client | undefined;
  cameAt = 0;
  disconnectedAt: number | undefined;
  readonly #handle: Handle | undefined;
  readonly #hasBody: boolean;
  #rawHeaders: readonly string[] | undefined;
  #controller: AbortController | undefined;

  /** Without `handle` it has no headers and no body. */
  constructor(method: string, url: string, handle?: Handle, hasBody = false) {
    this.#handle = handle;
    this.#hasBody = hasBody;
    this.method = method;
    this.url = /[\x80-\xff]/.test(url) ? url.replace(/[\x80-\xff]/g, percentEncoded) : url;
  }

  /** Created on the first use, which is rare: most requests are answered at once. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.hasDisconnected) this.#controller.abort();
    return this.#controller.signal;
  }

  header(name: string): string | undefined {
    this.#rawHeaders ??= this.#handle?.takeRawHeaders() ?? [];
    let found: string | undefined;
    for (const [index, header] of this.#rawHeaders.entries()) {
      if (index % 2 !== 0 || header.length !== name.length || header.toLowerCase() !== name) continue;
      const value = this.#rawHeaders[index + 1] ?? "";
      found = found === undefined ? value : `${found}, ${value}`;
    }
    return found;
  }

  async readBody(maxBytes: number): Promise<Buffer | undefined> {
    let body = Buffer.alloc(0);
    if (!this.#handle || !this.#hasBody) return body;
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
    this.#handle.ondata = (chunk, isLast, event) => {
      if (event === ABORTED) return resolve(undefined);
      if (chunk && body.length <= maxBytes) body = Buffer.concat([body, chunk]);
      if (isLast || body.length > maxBytes) resolve(body);
    };
    return promise;
  }

  abort(): void {
    this.hasDisconnected = true;
    this.#controller?.abort();
  }
}

/** The runtime gives each byte that is not ASCII as one character. */
const percentEncoded = (byte: string): string => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`;

const isInParts = (answer: Answer): answer is AnswerInParts => typeof answer.body !== "string";

let lastHead:
  | { readonly headers: Head["headers"]; readonly second: number; readonly lines: readonly string[] }
  | undefined;

/** Made once for the answers of a second that share their headers, as most do. */
function linesOf(headers: Head["headers"]): readonly string[] {
  const second = Math.floor(Date.now() / 1000);
  if (lastHead?.headers !== headers || lastHead.second !== second) {
    const lines = [...Object.entries(headers).flat(), "Date", new Date(second * 1000).toUTCString()];
    lastHead = { headers, second, lines };
  }
  return lastHead.lines;
}

/** Bits of `flags`: 0x10 for a request with an Expect header, 0x20 if it is `Expect: 100-continue` (Bun 1.4.5). */
const EXPECTS = 0x30;

/**
 * After CONNECT the client treats the connection as a tunnel, without a second request. A client that waits for "100
 * Continue" does not send its body after the answer, and its next request would be read as that body.
 */
const isLastRequest = (method: string, flags: number): boolean => method === "CONNECT" || (flags & EXPECTS) !== 0;

export class Exchanges implements Answering {
  readonly #options: ExchangeOptions;
  readonly #clock: Clock;
  readonly #observation: Observation | undefined;
  readonly #waiting = new Map<Connection, Exchange>();
  /** The connections whose first request was refused by the runtime but is being answered. */
  readonly #waitingRefused = new Set<Socket>();
  /** The connections that have sent no request yet. */
  readonly #silent = new WeakSet<Socket>();
  /** The connections that have sent a request, without those that were closed after an answer or a refusal. */
  readonly #connections = new WeakMap<Socket, Connection>();
  /** Those that have sent a request before the hooks were set, which show no socket: a few from the start. */
  readonly #early = new Set<Connection>();
  #cancelSearch: (() => void) | undefined;

  readonly handlers = {
    onNodeHTTPRequest: (
      server: Bun.Server<undefined>,
      url: string,
      method: string,
      flags: number,
      handle: Handle,
      hasBody: boolean,
      connection: Connection,
      _isNew: boolean,
      socket: Socket | undefined,
      _isHttp10: boolean,
      _head: Buffer | undefined,
      isPipelined: boolean,
    ): Promise<void> | undefined => {
      if (!socket) this.#early.add(connection);
      else if (this.#silent.delete(socket)) this.#connections.set(socket, connection);
      const exchange = this.#waiting.get(connection);
      if (exchange) endAfterAnswer(connection, exchange);
      else if (isPipelined) connection.close();
      if (exchange || isPipelined) return undefined;
      const request = new ClientRequest(method, url, handle, hasBody);
      this.#observation?.begin(request, connection);
      const answer = this.#answerTo(request);
      if (answer instanceof Promise || isInParts(answer)) {
        return this.#answerLater(server, connection, handle, request, answer, isLastRequest(method, flags));
      }
      this.#send(connection, handle, method, answer, isLastRequest(method, flags));
      this.#observation?.end(request, answer);
      return undefined;
    },
  };

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#clock = options.clock ?? hostClock;
    const { observer, onError } = options;
    this.#observation = observer && new Observation({ observer, clock: this.#clock, onError });
  }

  *waiting(): Iterable<{ readonly remoteAddress: Peer | undefined }> {
    yield* this.#waiting.keys();
    for (const { remoteAddress: address, remotePort: port } of this.#waitingRefused) {
      if (address !== undefined && port !== undefined) yield { remoteAddress: { address, port } };
    }
  }

  onConnection(socket: Socket): void {
    this.#silent.add(socket);
  }

  async onRefused(socket: Socket, received: Buffer, code: string): Promise<void> {
    const waits = this.#waiting.entries().find(([{ duplex }]) => duplex === socket);
    if (waits) endAfterAnswer(...waits);
    else if (received.length === 0) socket.destroy();
    // `received` may begin with a request that has been answered.
    else if (!this.#silent.delete(socket)) this.#refuse(socket, code);
    else await this.#answerRefused(socket, received, code);
  }

  /** The runtime would answer at once, before the answer that is being made, what follows a request. */
  onStop(): void {
    this.#cancelSearch?.();
    for (const waits of this.#waiting) endAfterAnswer(...waits);
  }

  closeIdle(open: Iterable<Socket>): void {
    // A request may have been read since the server stopped.
    for (const waits of this.#waiting) endAfterAnswer(...waits);
    for (const connection of [...this.#early, ...[...open].map((socket) => this.#connections.get(socket))]) {
      if (!connection || connection.closed || this.#waiting.has(connection)) continue;
      connection.stopParsing();
      connection.closeWhenDrained();
    }
  }

  closeUnfinished(open: Iterable<Socket>): void {
    for (const socket of open) {
      if (!this.#connections.has(socket) && !this.#waitingRefused.has(socket)) socket.destroy();
    }
  }

  #answerTo(request: ExchangeRequest): Answer | Promise<Answer> {
    const { answer, onError } = this.#options;
    try {
      const made = answer(request);
      return made instanceof Promise ? made.catch(onError) : made;
    } catch (error) {
      return onError(error);
    }
  }

  #onDisconnect(request: ClientRequest): void {
    this.#observation?.onDisconnect(request);
    request.abort();
  }

  async #answerLater(
    server: Bun.Server<undefined>,
    connection: Connection,
    handle: Handle,
    request: ClientRequest,
    answer: Answer | Promise<Answer>,
    isLast: boolean,
  ): Promise<void> {
    const { idleTimeoutS, mayTakeLonger } = this.#options;
    const exchange: Exchange = { request, isLast };
    this.#waiting.set(connection, exchange);
    if (server.port !== undefined) this.#searchSoon(server.port);
    handle.onabort = (event) => {
      if (event === ABORTED) this.#onDisconnect(request);
    };
    const isLong = mayTakeLonger();
    // The types allow only a Request.
    const setTimeoutS = (seconds: number) => server.timeout(handle as unknown as Request, seconds);
    if (isLong) setTimeoutS(0);
    const made = await answer;
    const isOpen = () => !request.hasDisconnected && !connection.closed;
    if (isLong && isOpen()) setTimeoutS(idleTimeoutS);
    if (isInParts(made) && isOpen()) await this.#sendParts(connection, handle, made, isOpen);
    this.#waiting.delete(connection);
    if (!isOpen()) this.#observation?.onDisconnect(request);
    else if (!isInParts(made)) this.#send(connection, handle, request.method, made, exchange.isLast);
    else if (exchange.isLast) this.#close(connection);
    this.#observation?.end(request, made);
  }

  #send(
    connection: Connection,
    handle: Handle,
    method: string,
    { status, headers, body }: WholeAnswer,
    isLast: boolean,
  ): void {
    let lines = linesOf(headers);
    if (isLast) lines = [...lines, "Connection", "close"];
    if (method === "HEAD") lines = [...lines, "Content-Length", String(Buffer.byteLength(body))];
    try {
      handle.writeHead(status, undefined, lines);
      handle.end(method === "HEAD" ? undefined : body);
      if (isLast && !connection.closed) this.#close(connection);
    } catch (error) {
      connection.close();
      this.#options.onError(error);
    }
  }

  /** A fault between two parts closes the connection: the status has been sent. */
  async #sendParts(
    connection: Connection,
    handle: Handle,
    { status, headers, body }: AnswerInParts,
    isOpen: () => boolean,
  ): Promise<void> {
    try {
      handle.writeHead(status, undefined, linesOf(headers));
      for await (const part of body) {
        if (!isOpen()) return;
        handle.write(part);
      }
      handle.end(undefined);
    } catch (error) {
      connection.close();
      this.#options.onError(error);
    }
  }

  /** Closes the sending side when everything is sent, and the whole connection LINGER_MS later. */
  #close(connection: Connection): void {
    this.#early.delete(connection);
    if (connection.duplex) this.#connections.delete(connection.duplex);
    connection.end();
    this.#clock.after(LINGER_MS, () => connection.close());
  }

  /** Answers what the runtime refused as the first request of its connection. */
  async #answerRefused(socket: Socket, received: Buffer, code: string): Promise<void> {
    const found = recognise(received, code);
    if ("refused" in found) {
      this.#options.onRefused(found.refused, withoutV4Mapping(socket.remoteAddress ?? "") || "unix", received);
      this.#options.observer?.onRefused(found.why);
      this.#refuse(socket, code);
      return;
    }
    if (!this.#options.answersEvery) {
      this.#refuse(socket, code);
      return;
    }
    const { STATUS_CODES } = await import("node:http");
    const isHead = received.toString("latin1").trimStart().startsWith("HEAD ");
    const request = new ClientRequest(isHead ? "HEAD" : "GET", found.path);
    this.#observation?.begin(request, { remoteAddress: { address: socket.remoteAddress ?? "" } });
    socket.once("close", () => this.#onDisconnect(request));
    this.#waitingRefused.add(socket);
    const answered = await this.#answerTo(request);
    const { status, headers, body: made } = answered;
    this.#waitingRefused.delete(socket);
    this.#observation?.end(request, answered);
    const body = typeof made === "string" ? made : (await Array.fromAsync(made)).join("");
    const date = new Date().toUTCString();
    const all = { ...headers, Date: date, Connection: "close", "Content-Length": Buffer.byteLength(body) };
    const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    const answer = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${head.join("")}\r\n`;
    this.#sendLast(socket, isHead ? answer : `${answer}${body}`);
  }

  #refuse(socket: Socket, code: string): void {
    const status = code === TOO_LARGE ? "431 Request Header Fields Too Large" : "400 Bad Request";
    this.#sendLast(socket, `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }

  #sendLast(socket: Socket, answer: string): void {
    this.#connections.delete(socket);
    socket.end(answer);
    this.#clock.after(LINGER_MS, () => socket.destroy());
  }

  #searchSoon(port: number): void {
    this.#cancelSearch ??= this.#clock.after(GAVE_UP_MS, () => this.#endGivenUp(port));
  }

  /** Shuts down the connections of clients that have given up, which aborts the signals of their requests. */
  #endGivenUp(port: number): void {
    this.#cancelSearch = undefined;
    if (this.#waiting.size === 0) return;
    for (const connection of connectionsAt(port)) {
      const { peer, endedAfterMs = 0 } = connection;
      if (endedAfterMs < GAVE_UP_MS) continue;
      const waits = this.#waiting.entries().find(([{ remoteAddress: at }]) => peerKey(at?.address, at?.port) === peer);
      if (waits) this.#observation?.onDisconnect(waits[1].request, endedAfterMs);
      shutDown(connection);
    }
    this.#searchSoon(port);
  }
}

/** More was received before the answer, so the connection is closed after it. */
function endAfterAnswer(connection: Connection, exchange: Exchange): void {
  exchange.isLast = true;
  connection.stopParsing();
}
