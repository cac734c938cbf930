// Requests and their answers, one at a time on a connection. What a client sends before it has its answer is thrown
// away, a second request too, and the connection is closed after that answer.
//
// Bun.serve gives a `fetch` handler the next request of a connection while an answer is still being made, and sends
// whichever answer comes first: for the wrong request, or into memory that has been freed. So requests are taken
// as node:http takes them, which tells one from the other (docs/adr/0014).
//
// A client that closes its sending side with its request is answered; one that does so later has given up: to the
// kernel both are one.

import type { Socket } from "node:net";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import type { Answering, Peer } from "./bounded.ts";
import { connectionsAt, shutDown } from "./connections.ts";
import { recognise, TOO_LARGE } from "./refused.ts";

/** `signal` aborts when the client has disconnected. */
export interface Asked {
  readonly method: string;
  /** As it was sent, with %XX for what is not ASCII. */
  readonly url: string;
  readonly signal: AbortSignal;
  /**
   * The body, or its start as soon as that is longer than `maxBytes`; undefined where the client disconnects before.
   * To be called before anything is awaited.
   */
  readBody(maxBytes: number): Promise<Buffer | undefined>;
}

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

interface Whole extends Head {
  readonly body: string;
}

/** Each part is sent as soon as it is there. */
interface InParts extends Head {
  readonly body: AsyncIterable<string>;
}

export type Answer = Whole | InParts;

export interface ExchangeOptions {
  readonly answer: (asked: Asked) => Answer | Promise<Answer>;
  readonly onError: (error: unknown) => Answer;
  /** What was received is no request. */
  readonly onRefused: (message: string, client: string, received: Uint8Array) => void;
  /** A connection is closed after so long without data, unless an answer may take longer. */
  readonly idleTimeoutS: number;
  readonly mayTakeLonger: () => boolean;
  /** For tests. */
  readonly clock?: Clock;
}

/** Of the runtime's own, what is used here. */
interface Connection {
  readonly closed: boolean;
  readonly remoteAddress: Peer | undefined;
  /** By which node:http shows it. */
  readonly duplex: Socket | undefined;
  /** What comes from then on is thrown away. */
  stopParsing(): void;
  /** Of the sending side, when all has been sent. */
  end(): void;
  close(): void;
}

interface Handle {
  onabort: ((event: number) => void) | undefined;
  /** Of the body. */
  ondata: ((chunk: Uint8Array | undefined, isLast: boolean, event: number) => void) | undefined;
  writeHead(status: number, statusText: undefined, headers: readonly string[]): void;
  write(part: string): void;
  end(body: string | undefined): void;
}

/** An answer that is being made. */
interface Exchange {
  /** Nothing that follows it on its connection is answered. */
  isLast: boolean;
}

/** A client that closes its sending side so long after its request has given up. */
const GAVE_UP_MS = 500;

/** A client has so long to close its side after the last answer; the runtime does not count it as idle. */
const LINGER_MS = 1000;

/** The connection is closed by its client: of the two events, the other one comes before it. */
const ABORTED = 1;

class ClientRequest implements Asked {
  readonly method: string;
  readonly url: string;
  hasGone = false;
  readonly #sender: Handle | undefined;
  #controller: AbortController | undefined;

  /** Without `sender` it has no body. */
  constructor(method: string, url: string, sender?: Handle) {
    this.#sender = sender;
    this.method = method;
    this.url = /[\x80-\xff]/.test(url) ? url.replace(/[\x80-\xff]/g, percentEncoded) : url;
  }

  /** Made where it is asked for, which is seldom: most answers come sooner. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.hasGone) this.#controller.abort();
    return this.#controller.signal;
  }

  async readBody(maxBytes: number): Promise<Buffer | undefined> {
    let body = Buffer.alloc(0);
    if (!this.#sender) return body;
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
    this.#sender.ondata = (chunk, isLast, event) => {
      if (event === ABORTED) return resolve(undefined);
      if (chunk && body.length <= maxBytes) body = Buffer.concat([body, chunk]);
      if (isLast || body.length > maxBytes) resolve(body);
    };
    return promise;
  }

  abort(): void {
    this.hasGone = true;
    this.#controller?.abort();
  }
}

/** Of a byte, as which what is not ASCII is given. */
const percentEncoded = (byte: string): string => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`;

const isInParts = (answer: Answer): answer is InParts => typeof answer.body !== "string";

const linesOf = (headers: Head["headers"]): string[] => [
  ...Object.entries(headers).flat(),
  "Date",
  new Date().toUTCString(),
];

/** Set among the flags of a request with an Expect header (seen on Bun 1.4.5). */
const EXPECTS = 0x30;

/**
 * What the client takes for a tunnel from then on has no second request. A client that waits for "100 Continue"
 * does not send its body once it has the answer: what it sends next would be taken for that body.
 */
const isLastRequest = (method: string, flags: number): boolean => method === "CONNECT" || (flags & EXPECTS) !== 0;

export class Exchanges implements Answering {
  readonly #options: ExchangeOptions;
  readonly #clock: Clock;
  readonly #waiting = new Map<Connection, Exchange>();
  /** Those whose first request only this part can read, while its answer is being made. */
  readonly #waitingBelow = new Set<Socket>();
  /** Those that have sent no request yet. */
  readonly #silent = new WeakSet<Socket>();
  #cancelLook: (() => void) | undefined;

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
      isEarly: boolean,
    ): Promise<void> | undefined => {
      if (socket) this.#silent.delete(socket);
      const exchange = this.#waiting.get(connection);
      if (exchange) endAfterAnswer(connection, exchange);
      else if (isEarly) connection.close();
      if (exchange || isEarly) return undefined;
      const request = new ClientRequest(method, url, hasBody ? handle : undefined);
      const answer = this.#answerTo(request);
      if (answer instanceof Promise || isInParts(answer)) {
        return this.#answerLater(server, connection, handle, request, answer, isLastRequest(method, flags));
      }
      this.#send(connection, handle, method, answer, isLastRequest(method, flags));
      return undefined;
    },
  };

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#clock = options.clock ?? hostClock;
  }

  *waiting(): Iterable<{ readonly remoteAddress: Peer | undefined }> {
    yield* this.#waiting.keys();
    for (const { remoteAddress: address, remotePort: port } of this.#waitingBelow) {
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
    // Before it, `received` may have a request that has been answered.
    else if (!this.#silent.delete(socket)) this.#refuse(socket, code);
    else await this.#answerRefused(socket, received, code);
  }

  /** The runtime would refuse at once, before the answer, what follows a request. */
  onStop(): void {
    this.#cancelLook?.();
    for (const waits of this.#waiting) endAfterAnswer(...waits);
  }

  #answerTo(asked: Asked): Answer | Promise<Answer> {
    const { answer, onError } = this.#options;
    try {
      const made = answer(asked);
      return made instanceof Promise ? made.catch(onError) : made;
    } catch (error) {
      return onError(error);
    }
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
    const exchange: Exchange = { isLast };
    this.#waiting.set(connection, exchange);
    if (server.port !== undefined) this.#lookSoon(server.port);
    handle.onabort = (event) => {
      if (event === ABORTED) request.abort();
    };
    const isLong = mayTakeLonger();
    // The types know of it for a Request alone.
    const setTimeoutS = (seconds: number) => server.timeout(handle as unknown as Request, seconds);
    if (isLong) setTimeoutS(0);
    const made = await answer;
    const isOpen = () => !request.hasGone && !connection.closed;
    if (isLong && isOpen()) setTimeoutS(idleTimeoutS);
    if (isInParts(made) && isOpen()) await this.#sendParts(connection, handle, made, isOpen);
    this.#waiting.delete(connection);
    if (!isOpen()) return;
    if (!isInParts(made)) this.#send(connection, handle, request.method, made, exchange.isLast);
    else if (exchange.isLast) this.#close(connection);
  }

  #send(
    connection: Connection,
    handle: Handle,
    method: string,
    { status, headers, body }: Whole,
    isLast: boolean,
  ): void {
    const lines = linesOf(headers);
    if (isLast) lines.push("Connection", "close");
    if (method === "HEAD") lines.push("Content-Length", String(Buffer.byteLength(body)));
    try {
      handle.writeHead(status, undefined, lines);
      handle.end(method === "HEAD" ? undefined : body);
      if (isLast && !connection.closed) this.#close(connection);
    } catch (error) {
      connection.close();
      this.#options.onError(error);
    }
  }

  /** A fault in between breaks the connection off: the status has been sent. */
  async #sendParts(
    connection: Connection,
    handle: Handle,
    { status, headers, body }: InParts,
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

  /** Once all has been sent, and at the latest when its client has had the time to close its side. */
  #close(connection: Connection): void {
    connection.end();
    this.#clock.after(LINGER_MS, () => connection.close());
  }

  /** What cannot be read as a request, as the first on its connection. */
  async #answerRefused(socket: Socket, received: Buffer, code: string): Promise<void> {
    const found = recognise(received, code);
    if ("refused" in found) {
      this.#options.onRefused(found.refused, socket.remoteAddress ?? "unix", received);
      this.#refuse(socket, code);
      return;
    }
    const { STATUS_CODES } = await import("node:http");
    const isHead = received.toString("latin1").trimStart().startsWith("HEAD ");
    const request = new ClientRequest(isHead ? "HEAD" : "GET", found.path);
    socket.once("close", () => request.abort());
    this.#waitingBelow.add(socket);
    const { status, headers, body: made } = await this.#answerTo(request);
    this.#waitingBelow.delete(socket);
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
    socket.end(answer);
    this.#clock.after(LINGER_MS, () => socket.destroy());
  }

  #lookSoon(port: number): void {
    this.#cancelLook ??= this.#clock.after(GAVE_UP_MS, () => this.#look(port));
  }

  /** Ends the requests of clients that have given up: each one's signal is aborted by it. */
  #look(port: number): void {
    this.#cancelLook = undefined;
    if (this.#waiting.size === 0) return;
    for (const connection of connectionsAt(port)) {
      if ((connection.endedAfterMs ?? 0) >= GAVE_UP_MS) shutDown(connection);
    }
    this.#lookSoon(port);
  }
}

/** More has come before the answer: that is sent, and then the connection is closed. */
function endAfterAnswer(connection: Connection, exchange: Exchange): void {
  exchange.isLast = true;
  connection.stopParsing();
}
