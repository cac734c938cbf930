// The health listener's server. Its idle timeout is set so that Bun does not close a connection that waits for a
// slow answer.

import type { Log } from "../../log/log.ts";
import type { Address } from "../../net/address.ts";
import { type BoundedServer, serveBounded } from "../bounded.ts";
import { Exchanges } from "../exchanges.ts";
import { listen } from "../listen.ts";
import { type HealthHandler, unhealthyAnswer } from "./handler.ts";

export interface HealthServerOptions {
  readonly at: Address;
  /** The current handler, the status of an unhealthy answer, and how long an answer may take; a reload may change them. */
  readonly handler: () => HealthHandler;
  readonly failureStatus: () => number;
  readonly longestAnswerMs: () => number;
  readonly maxConnections: () => number;
  readonly log: Log;
  readonly onCrowded: (closed: number, most: number) => void;
  readonly onRefused: (message: string, client: string, received: Uint8Array) => void;
  /** Called when a request could not be answered. */
  readonly onFault: (error: Error) => void;
}

export interface HealthServer {
  /** With the port that the system picked where 0 was requested. */
  readonly address: Address;
  openConnections(): number;
  /** Accepts no more connections; resolves when the last answer is sent. */
  drain(): Promise<void>;
  /** Closes the remaining connections, and removes the file of a unix socket. */
  close(): Promise<void>;
}

/** Bun's limit for an idle timeout, and the shortest one used here. */
const LONGEST_IDLE_S = 255;
const SHORTEST_IDLE_S = 60;

/** Added to the longest time that an answer may take. */
const IDLE_MARGIN_S = 5;

/** Many more than load balancers open, and within the memory that the unit allows: docs/adr/0014. */
export const DEFAULT_CONNECTIONS = 4096;

/** The part of the descriptor limit that clients may use; the rest is for checks, scripts and the other listeners. */
export const CLIENTS_SHARE = 1 / 2;

/**
 * How many connections the listener may have: `maxConnections` or the default, but never more than the clients' share
 * of the descriptors. `descriptorLimit` is undefined if it is not known.
 */
export function connectionBound(maxConnections: number | undefined, descriptorLimit: number | undefined): number {
  const most = Math.max(1, Math.floor((descriptorLimit ?? Number.POSITIVE_INFINITY) * CLIENTS_SHARE));
  return Math.min(maxConnections ?? DEFAULT_CONNECTIONS, most);
}

/** Throws ListenError. */
export async function serveHealth(options: HealthServerOptions): Promise<HealthServer> {
  const { at, handler, failureStatus, longestAnswerMs, maxConnections, log, onFault, onCrowded, onRefused } = options;
  const neededS = () => Math.ceil(longestAnswerMs() / 1000 + IDLE_MARGIN_S);
  // On a unix socket Bun cannot change the timeout of one connection.
  const idleS = at.family === "unix" ? 0 : Math.min(LONGEST_IDLE_S, Math.max(SHORTEST_IDLE_S, neededS()));
  const answering = new Exchanges({
    answer(request) {
      if (log.verbose) log.debug("request", { method: request.method, url: request.url });
      return handler()(request);
    },
    onError(error) {
      onFault(asError(error));
      return unhealthyAnswer(failureStatus());
    },
    onRefused,
    idleTimeoutS: idleS,
    mayTakeLonger: () => idleS !== 0 && neededS() > idleS,
  });
  const serveAt = (place: Address): BoundedServer =>
    serveBounded(place, {
      answering,
      idleTimeoutS: idleS,
      maxConnections,
      onCrowded,
      onFault: (error) => onFault(asError(error)),
    });
  const listener = await listen(at, serveAt);
  const { server, openConnections, drain, cut } = listener.server;
  return {
    address: at.family === "tcp" ? { ...at, host: at.host || "0.0.0.0", port: server.port ?? at.port } : at,
    openConnections,
    drain,
    async close() {
      await cut();
      await listener.close();
    },
  };
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
