// The control socket: HTTP on a unix socket. Only its owner and root may connect, since a client can drain the host.

import type { Log } from "../../log/log.ts";
import type { Clock } from "../../system/clock.ts";
import { within } from "../../system/event-loop.ts";
import { serveBounded } from "../bounded.ts";
import { Exchanges } from "../exchanges.ts";
import { listen } from "../listen.ts";
import { type Controls, controlFault, createControlHandler } from "./handler.ts";

const OWNER_ONLY = 0o600;

/**
 * An idle connection is closed after this time. So is one that waits for an answer, since the runtime's `timeout` of a
 * single request has no effect on a unix socket (Bun 1.4.5); hence it is longer than the commands wait.
 */
const IDLE_S = 60;

/** Each command has one connection, for one request. */
export const MOST_CONNECTIONS = 32;

/** How long answers that are under way may take when the server closes. */
const CLOSE_GRACE_MS = 500;

export interface ControlOptions {
  readonly path: string;
  readonly controls: Controls;
  readonly log: Pick<Log, "error">;
  readonly onCrowded: (closed: number, most: number) => void;
  /** For tests. */
  readonly clock?: Clock;
}

export interface Control {
  /** Removes the socket, unless another process has replaced it, and ends every connection. */
  close(): Promise<void>;
}

/** Throws ListenError. Does not touch a socket that another process serves, and replaces one that no process serves. */
export async function startControl({ path, controls, log, onCrowded, clock }: ControlOptions): Promise<Control> {
  const answering = new Exchanges({
    answer: createControlHandler(controls, log, clock),
    onError: (error) => controlFault(error, log),
    // Its clients are commands of the same user, so an invalid request needs no line in the log.
    onRefused() {},
    answersEvery: false,
    idleTimeoutS: IDLE_S,
    mayTakeLonger: () => false,
  });
  const { server, close } = await listen(
    { family: "unix", path },
    (at) =>
      serveBounded(at, {
        answering,
        idleTimeoutS: IDLE_S,
        maxConnections: () => MOST_CONNECTIONS,
        onCrowded,
        onFault: (error) => controlFault(error, log),
      }),
    OWNER_ONLY,
  );
  return {
    async close() {
      await close();
      await within(server.drain(), CLOSE_GRACE_MS);
      await server.cut();
    },
  };
}
