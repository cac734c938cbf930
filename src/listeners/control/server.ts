// The control socket: HTTP on a unix socket for its owner and root alone, since a client can drain the host.

import type { Log } from "../../log/log.ts";
import type { Clock } from "../../system/clock.ts";
import { within } from "../../system/event-loop.ts";
import { type Answering, serveBounded } from "../bounded.ts";
import { listen } from "../listen.ts";
import { type ControlHandler, type Controls, controlFault, createControlHandler } from "./handler.ts";

const OWNER_ONLY = 0o600;

const MAX_BODY_BYTES = 64 * 1024;

/**
 * An idle connection is closed by then, and so is one that waits for an answer, since the runtime's `timeout` of a
 * single request has no effect on a unix socket (Bun 1.4.5). So it is longer than the commands wait.
 */
const IDLE_S = 60;

/** The commands connect one at a time, each for one request. */
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

/** Throws ListenError. Leaves a socket alone that another process serves, and replaces one that none serves. */
export async function startControl({ path, controls, log, onCrowded, clock }: ControlOptions): Promise<Control> {
  const handle = createControlHandler(controls, log, clock);
  const { server, close } = await listen(
    { family: "unix", path },
    (at) =>
      serveBounded(at, {
        answering: answering(handle, log),
        maxRequestBodyBytes: MAX_BODY_BYTES,
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

/** Its clients are the commands of the same user, each with one request; what else is sent to it is nothing to report. */
function answering(fetch: ControlHandler, log: Pick<Log, "error">): Answering {
  const handlers = { fetch, error: (error: Error) => controlFault(error, log) };
  return {
    handlers: {
      ...handlers,
      onNodeHTTPRequest() {
        throw new Error("a request came before the handler was set");
      },
    },
    thenHandlers: handlers,
    waiting: () => [],
    onConnection() {},
    async onRefused(socket) {
      socket.destroy();
    },
    onStop() {},
  };
}
