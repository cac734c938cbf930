// Bun.serve with a bound on its connections, and with what it refuses below its handler shown: health listener and
// control socket both stand on it.
//
// Beyond the bound the connection that was idle for longest is closed. Where each has a request that waits for its
// answer, the newest of the client that has most find no room.
// A client that closes its sending side with its request is answered; one that does so later has given up: to the
// kernel both are one.

import type { Socket } from "node:net";
import type { Address } from "../net/address.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { READS_ON, showBelow } from "./below.ts";
import { connectionsAt, peerKey, shutDown } from "./connections.ts";
import { recognise, TOO_LARGE } from "./refused.ts";

type Answer = Response | Promise<Response>;

export interface BoundedOptions {
  readonly fetch: (request: Request, server: Bun.Server<undefined>) => Answer;
  readonly error: (error: Error) => Answer;
  readonly maxRequestBodyBytes: number;
  /** 0 for none. */
  readonly idleTimeoutS: number;
  /** Asked for at each connection. */
  readonly maxConnections: () => number;
  /** There were more, so some were closed. */
  readonly onCrowded: (closed: number, most: number) => void;
  /** What was received is no request. */
  readonly onRefused: (message: string, client: string, received: Uint8Array) => void;
  readonly onFault: (error: unknown) => void;
  /** For tests. */
  readonly clock?: Clock;
}

/** After the start, so that the first answer is as early as without it. */
const SHOW_BELOW_AFTER_MS = 100;

/** A client that closes its sending side so long after its request has given up. */
const GAVE_UP_MS = 500;

/** So many are closed at a time that it is seldom worked out which: one in so many. */
const CLOSED_AT_ONCE = 1 / 16;

export interface BoundedServer {
  readonly server: Bun.Server<undefined>;
  /** Takes no more connections; resolves when the last answer has left. */
  drain(): Promise<void>;
  /** Cuts what is left. */
  cut(): Promise<void>;
}

/** Throws where the address cannot be listened on. */
export function serveBounded(at: Address, options: BoundedOptions): BoundedServer {
  const { maxConnections, onCrowded, onRefused, onFault, clock = hostClock } = options;
  /** In the order in which they came; without those from before the hooks were set. */
  const open = new Set<Socket>();
  /** Requests whose answers are being made up. */
  const waiting = new Set<Request>();
  let cancelLook: (() => void) | undefined;

  const handlers = {
    fetch(request: Request, server: Bun.Server<undefined>): Answer {
      const answer = options.fetch(request, server);
      if (answer instanceof Response) return answer;
      waiting.add(request);
      cancelLook ??= clock.after(GAVE_UP_MS, look);
      // Not `finally`, whose promise the answer would have to wait for.
      const forget = () => waiting.delete(request);
      void answer.then(forget, forget);
      return answer;
    },
    error: options.error,
  };
  const server = Bun.serve({
    ...(at.family === "unix" ? { unix: at.path } : { hostname: at.host, port: at.port }),
    development: false,
    // On by default: a second daemon would then share the port instead of being refused.
    reusePort: false,
    maxRequestBodySize: options.maxRequestBodyBytes,
    idleTimeout: options.idleTimeoutS,
    ...handlers,
    ...READS_ON,
    // The types know of no idleTimeout on a unix socket; the runtime does.
  } as object as Bun.Serve.Options<undefined>);
  server.reload(handlers);
  const { port } = server;

  /** On a unix socket it is not known what is idle or waits, so the order of arrival decides. */
  function longestIdle(count: number, newcomer: Socket): readonly Socket[] {
    const connections = port === undefined ? [] : connectionsAt(port);
    if (connections.length === 0) return [...open].slice(0, count);
    const idleMs = new Map(connections.map(({ peer, idleMs }) => [peer, idleMs]));
    for (const request of waiting) {
      const client = server.requestIP(request);
      idleMs.delete(peerKey(client?.address, client?.port));
    }
    // What it asks for has not been read yet.
    idleMs.delete(peerKey(newcomer.remoteAddress, newcomer.remotePort));
    return [...open]
      .map((socket) => ({ socket, ms: idleMs.get(peerKey(socket.remoteAddress, socket.remotePort)) }))
      .filter(({ ms }) => ms !== undefined)
      .sort((one, other) => (other.ms ?? 0) - (one.ms ?? 0))
      .slice(0, count)
      .map(({ socket }) => socket);
  }

  function makeRoom(newcomer: Socket): void {
    const most = maxConnections();
    if (open.size <= most) return;
    const idle = longestIdle(open.size - most + Math.floor(most * CLOSED_AT_ONCE), newcomer);
    const closing = idle.length > 0 ? idle : newestOfMost(open, open.size - most);
    for (const socket of closing) {
      open.delete(socket);
      socket.destroy();
    }
    onCrowded(closing.length, most);
  }

  async function answerRefused(socket: Socket, received: Buffer, code: string): Promise<void> {
    const { STATUS_CODES } = await import("node:http");
    const found = recognise(received, code);
    if ("refused" in found) {
      onRefused(found.refused, socket.remoteAddress ?? "unix", received);
      const status = code === TOO_LARGE ? "431 Request Header Fields Too Large" : "400 Bad Request";
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const request = new Request(`http://localhost${found.path}`);
    const response = await Promise.resolve(options.fetch(request, server)).catch(options.error);
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const body = await response.text();
    const head = `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ""}\r\n${headers}Connection: close\r\n`;
    socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  /** Ends the requests of clients that have given up: each one's signal is aborted by it. */
  function look(): void {
    cancelLook = undefined;
    if (waiting.size === 0 || port === undefined) return;
    for (const connection of connectionsAt(port)) {
      if ((connection.endedAfterMs ?? 0) >= GAVE_UP_MS) shutDown(connection);
    }
    cancelLook = clock.after(GAVE_UP_MS, look);
  }

  const cancelShowing = clock.after(SHOW_BELOW_AFTER_MS, () => {
    showBelow(server, {
      onConnection(socket) {
        open.add(socket);
        socket.once("close", () => open.delete(socket));
        makeRoom(socket);
      },
      onRefused: (socket, received, code) => void answerRefused(socket, received, code).catch(onFault),
      onFault,
    }).catch(onFault);
  });
  const stop = (all: boolean) => {
    cancelShowing();
    if (all) cancelLook?.();
    return server.stop(all);
  };
  return { server, drain: () => stop(false), cut: () => stop(true) };
}

function newestOfMost(open: Iterable<Socket>, count: number): readonly Socket[] {
  const clients = Map.groupBy(open, ({ remoteAddress }) => remoteAddress);
  return [...clients.values()].reduce((most, one) => (one.length > most.length ? one : most), []).slice(-count);
}
