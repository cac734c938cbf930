// Bun.serve with a bound on its connections, and with hooks for the requests that it refuses itself. The health listener
// and the control socket use it.
//
// Beyond the bound the connections that were idle for longest are closed. If every connection has a request that waits
// for its answer, the newest connections of the client with the most are closed.

import type { Socket } from "node:net";
import type { Address } from "../net/address.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { afterPendingIo } from "../system/event-loop.ts";
import { connectionsAt, peerKey } from "./connections.ts";
import { setNodeHttpHooks } from "./node-http-hooks.ts";

export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** How the requests of a server are answered. */
export interface Answering {
  /** Options of Bun.serve. They must have `onNodeHTTPRequest`, or the hooks show no connections. */
  readonly handlers: object;
  /** The connections with a request whose answer is being made. */
  waiting(): Iterable<{ readonly remoteAddress: Peer | undefined }>;
  onConnection(socket: Socket): void;
  /** `received` cannot be read as a request. It is empty if the client's data ended within one. */
  onRefused(socket: Socket, received: Buffer, code: string): Promise<void>;
  /** The server accepts no more connections and no more requests. */
  onStop(): void;
  /** Of `open`, closes the connections that have sent a request and got its answer. */
  closeIdle(open: Iterable<Socket>): void;
  /** Of `open`, closes those that have sent no whole request, and those that were to be closed by their client. */
  closeUnfinished(open: Iterable<Socket>): void;
}

export interface BoundedOptions {
  readonly answering: Answering;
  /** 0: no timeout. */
  readonly idleTimeoutS: number;
  /** Called at each new connection. */
  readonly maxConnections: () => number;
  /** `closed` connections were closed, since there were more than `most`. */
  readonly onCrowded: (closed: number, most: number) => void;
  readonly onFault: (error: unknown) => void;
  /** For tests. */
  readonly clock?: Clock;
}

/** Not at the start, which loading node:http would delay. */
const HOOK_AFTER_MS = 100;

/** How long a client has to send the rest of a request when the server stops. */
const UNFINISHED_GRACE_MS = 250;

/** The part of the bound that is closed at a time, so that the idle times are seldom read. */
const CLOSED_AT_ONCE = 1 / 16;

export interface BoundedServer {
  readonly server: Bun.Server<undefined>;
  openConnections(): number;
  /** Accepts no more connections and closes the idle ones; resolves when the last answer is sent. */
  drain(): Promise<void>;
  /** Closes the remaining connections. */
  cut(): Promise<void>;
}

/** Throws if it cannot listen on the address. */
export function serveBounded(at: Address, options: BoundedOptions): BoundedServer {
  const { answering, maxConnections, onCrowded, onFault, clock = hostClock } = options;
  /** In order of arrival, without those from before the hooks were set. */
  const open = new Set<Socket>();
  const server = Bun.serve({
    ...(at.family === "unix" ? { unix: at.path } : { hostname: at.host, port: at.port }),
    development: false,
    // On by default: a second daemon would then share the port instead of being refused.
    reusePort: false,
    idleTimeout: options.idleTimeoutS,
    ...answering.handlers,
    // The types know of no idleTimeout on a unix socket; the runtime does.
  } as object as Bun.Serve.Options<undefined>);
  const { port } = server;

  /** On a unix socket idle times are not known, so the oldest connections are returned. */
  function longestIdle(count: number, newcomer: Socket): readonly Socket[] {
    const connections = port === undefined ? [] : connectionsAt(port);
    if (connections.length === 0) return [...open].slice(0, count);
    const idleMs = new Map(connections.map(({ peer, idleMs }) => [peer, idleMs]));
    for (const { remoteAddress: client } of answering.waiting()) idleMs.delete(peerKey(client?.address, client?.port));
    // Its request has not been read yet.
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

  const cancelHooking = clock.after(HOOK_AFTER_MS, () => {
    setNodeHttpHooks(server, {
      onConnection(socket) {
        open.add(socket);
        socket.once("close", () => open.delete(socket));
        answering.onConnection(socket);
        makeRoom(socket);
      },
      onRefused: (socket, received, code) => void answering.onRefused(socket, received, code).catch(onFault),
      onFault,
    }).catch(onFault);
  });
  const stop = (all: boolean) => {
    cancelHooking();
    answering.onStop();
    return server.stop(all);
  };
  const drain = () => {
    const stopped = stop(false);
    // To close a connection with a request that is not read yet would reset it.
    afterPendingIo(() => answering.closeIdle(open));
    const cancel = clock.after(UNFINISHED_GRACE_MS, () => answering.closeUnfinished(open));
    return stopped.finally(cancel);
  };
  return { server, openConnections: () => open.size, drain, cut: () => stop(true) };
}

function newestOfMost(open: Iterable<Socket>, count: number): readonly Socket[] {
  const clients = Map.groupBy(open, ({ remoteAddress }) => remoteAddress);
  return [...clients.values()].reduce((most, one) => (one.length > most.length ? one : most), []).slice(-count);
}
