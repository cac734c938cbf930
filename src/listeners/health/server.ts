// The health listener's server, told what it must be told so that Bun does not cut an answer that takes its time.

import type { Log } from "../../log/log.ts";
import type { Address } from "../../net/address.ts";
import { type BoundedServer, serveBounded } from "../bounded.ts";
import { Exchanges } from "../exchanges.ts";
import { listen } from "../listen.ts";
import { type HealthHandler, unhealthyAnswer } from "./handler.ts";

export interface HealthServerOptions {
  readonly at: Address;
  /** The handler in force, what an unhealthy host answers, and how long an answer may take: asked for at each request. */
  readonly handler: () => HealthHandler;
  readonly failureStatus: () => number;
  readonly longestAnswerMs: () => number;
  readonly maxConnections: () => number;
  readonly log: Log;
  readonly onCrowded: (closed: number, most: number) => void;
  readonly onRefused: (message: string, client: string, received: Uint8Array) => void;
  /** An answer could not be made up. */
  readonly onFault: (error: Error) => void;
}

export interface HealthServer {
  /** With the port that was picked where 0 was asked for. */
  readonly address: Address;
  /** Takes no more connections; resolves when the last answer has left. */
  drain(): Promise<void>;
  /** Cuts what is left, and removes the file of a unix socket. */
  close(): Promise<void>;
}

/** Bun's limit for an idle connection, and what one is given at least. */
const LONGEST_IDLE_S = 255;
const SHORTEST_IDLE_S = 60;

/** Beyond what an answer takes. */
const IDLE_MARGIN_S = 5;

/** Throws ListenError. */
export async function serveHealth(options: HealthServerOptions): Promise<HealthServer> {
  const { at, handler, failureStatus, longestAnswerMs, maxConnections, log, onFault, onCrowded, onRefused } = options;
  const neededS = () => Math.ceil(longestAnswerMs() / 1000 + IDLE_MARGIN_S);
  // On a unix socket what is said below to a single request has no effect.
  const idleS = at.family === "unix" ? 0 : Math.min(LONGEST_IDLE_S, Math.max(SHORTEST_IDLE_S, neededS()));
  const answering = new Exchanges({
    answer(asked) {
      if (log.verbose) log.debug("request", { method: asked.method, url: asked.url });
      return handler()(asked);
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
  const { server, drain, cut } = listener.server;
  return {
    address: at.family === "tcp" ? { ...at, host: at.host || "0.0.0.0", port: server.port ?? at.port } : at,
    drain,
    async close() {
      await cut();
      await listener.close();
    },
  };
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
