// The control socket: HTTP on a unix socket that is its owner's and root's alone, since
// whoever reaches it can take the host out of service.

import type { Log } from "../../log/log.ts";
import type { Clock } from "../../system/clock.ts";
import { within } from "../../system/event-loop.ts";
import { serveBounded } from "../bounded.ts";
import { listen } from "../listen.ts";
import type { Controls } from "./controls.ts";
import { controlFault, createControlHandler } from "./handler.ts";

const OWNER_ONLY = 0o600;

const MAX_BODY_BYTES = 64 * 1024;

/**
 * A connection that says nothing is closed by then, and one that waits for an answer, since
 * the runtime's `timeout` of a single request has no effect on a unix socket (Bun 1.4.5): so
 * it is longer than any client of ours waits.
 */
const IDLE_S = 60;

/** Its clients come one at a time, and each for one request. */
export const MOST_CONNECTIONS = 32;

/** How long answers that are being given may take when all ends. */
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
  /** Removes the socket, unless it is another's by now, and ends every connection. */
  close(): Promise<void>;
}

/** Throws ListenError; a socket that another process serves is left alone, one that none does is replaced. */
export async function startControl({ path, controls, log, onCrowded, clock }: ControlOptions): Promise<Control> {
  const handle = createControlHandler(controls, log, clock);
  const { server, close } = await listen(
    { family: "unix", path },
    (at) =>
      serveBounded(at, {
        maxRequestBodyBytes: MAX_BODY_BYTES,
        idleTimeoutS: IDLE_S,
        maxConnections: () => MOST_CONNECTIONS,
        onCrowded,
        // Its clients are the commands; whatever else is sent to it is nothing to report.
        onRefused() {},
        onFault: (error) => controlFault(error, log),
        fetch: handle,
        error: (error) => controlFault(error, log),
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
