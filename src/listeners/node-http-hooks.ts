// What Bun.serve does not show of its connections: that one was opened, and what was sent where it refuses a
// request below our handler. node:http stands on the same server and is shown both; its server is made here as a
// shell around ours, by which nothing is answered (docs/adr/0014).

import type { Server, ServerOptions } from "node:http";
import type { Socket } from "node:net";

export interface Below {
  /** A connection was accepted. Those that were open before the hooks were set are not shown. */
  readonly onConnection: (connection: Socket) => void;
  /** `received` cannot be read as a request; empty where the client's data ended within one. */
  readonly onRefused: (connection: Socket, received: Buffer, code: string) => void;
  readonly onFault: (error: Error) => void;
}

/** Longer than the daemon lives: node:http's own look at its connections, which finds none here. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * Also from then on: a request that is followed by the end of what its client sends is answered, and HTTP/1.1
 * without Host. To be called once, after the start: loading node:http takes as long as all the rest of it.
 */
export async function showBelow(server: Bun.Server<undefined>, below: Below): Promise<void> {
  const { createServer } = await import("node:http");
  const shell: Server & { httpAllowHalfOpen?: boolean } = createServer({
    requireHostHeader: false,
    connectionsCheckingInterval: NEVER_MS,
    headersTimeout: 0,
    requestTimeout: 0,
  } satisfies ServerOptions);
  shell.httpAllowHalfOpen = true;
  shell.timeout = 0;
  shell.on("error", below.onFault);
  shell.on("connection", below.onConnection);
  shell.on("clientError", (error: Error & { readonly rawPacket?: Buffer; readonly code?: string }, connection) => {
    // The runtime reads the next packet into the same memory.
    const received = Buffer.from(error.rawPacket ?? []);
    below.onRefused(connection as Socket, received, error.code ?? "");
  });
  // It asks Bun.serve for a server, and sets its hooks on whatever it is given.
  const { serve } = Bun;
  const swap = (to: unknown) => Object.assign(Bun, { serve: to });
  try {
    swap(() => server);
    shell.listen(0);
  } finally {
    swap(serve);
  }
}
