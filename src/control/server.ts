// The control socket: HTTP on a unix socket that is its owner's and root's alone, since
// whoever reaches it can take the host out of service.

import type { Clock } from "../clock.ts";
import { listen } from "../http/listen.ts";
import type { Log } from "../log/log.ts";
import { within } from "../within.ts";
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

/** How long answers that are being given may take when all ends. */
const CLOSE_GRACE_MS = 500;

export interface ControlOptions {
  readonly path: string;
  readonly controls: Controls;
  readonly log: Pick<Log, "error">;
  /** For tests. */
  readonly clock?: Clock;
}

export interface Control {
  /** Removes the socket, unless it is another's by now, and ends every connection. */
  close(): Promise<void>;
}

/** Throws ListenError; a socket that another process serves is left alone, one that none does is replaced. */
export async function startControl({ path, controls, log, clock }: ControlOptions): Promise<Control> {
  const handle = createControlHandler(controls, log, clock);
  const { server, close } = await listen(
    { family: "unix", path },
    (at) =>
      Bun.serve({
        unix: at.family === "unix" ? at.path : "",
        development: false,
        maxRequestBodySize: MAX_BODY_BYTES,
        idleTimeout: IDLE_S,
        fetch: handle,
        error: (error: unknown) => controlFault(error, log),
        // The types know of no idleTimeout here; the runtime does.
      } as object as Bun.Serve.Options<undefined>),
    OWNER_ONLY,
  );
  return {
    async close() {
      await close();
      await within(server.stop(), CLOSE_GRACE_MS);
      await server.stop(true);
    },
  };
}
