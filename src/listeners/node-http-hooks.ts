// Shows what Bun.serve alone does not: each new connection, and what was received when the server refuses a request
// before it calls our handler. node:http is built on Bun.serve and has hooks for both. So one of its servers is created
// here and attached to ours only for these hooks: it answers nothing (docs/adr/0014).
//
// This relies on what Bun 1.4.5 does not document: node:http calls `Bun.serve` in `listen` and sets its hooks on the
// server that it gets, and its server has a property `httpAllowHalfOpen`.

import type { Server, ServerOptions } from "node:http";
import type { Socket } from "node:net";

export interface NodeHttpHooks {
  /** A connection was accepted. Not called for those that were open before the hooks were set. */
  readonly onConnection: (connection: Socket) => void;
  /** `received` cannot be read as a request. It is empty if the client's data ended within one. */
  readonly onRefused: (connection: Socket, received: Buffer, code: string) => void;
  readonly onFault: (error: Error) => void;
}

/** node:http checks its own connections at this interval; it has none here. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * From then on two more kinds of request are answered: one whose client closes its sending side after it, and HTTP/1.1
 * without Host. Call it once, after the start: to load node:http takes as long as the rest of the start.
 */
export async function setNodeHttpHooks(server: Bun.Server<undefined>, hooks: NodeHttpHooks): Promise<void> {
  const { createServer } = await import("node:http");
  const hooked: Server & { httpAllowHalfOpen?: boolean } = createServer({
    requireHostHeader: false,
    connectionsCheckingInterval: NEVER_MS,
    headersTimeout: 0,
    requestTimeout: 0,
  } satisfies ServerOptions);
  hooked.httpAllowHalfOpen = true;
  hooked.timeout = 0;
  hooked.on("error", hooks.onFault);
  hooked.on("connection", hooks.onConnection);
  hooked.on("clientError", (error: Error & { readonly rawPacket?: Buffer; readonly code?: string }, connection) => {
    // The runtime reads the next packet into the same memory.
    const received = Buffer.from(error.rawPacket ?? []);
    hooks.onRefused(connection as Socket, received, error.code ?? "");
  });
  // `listen` calls Bun.serve, and sets the hooks on the server that it gets: ours.
  const { serve } = Bun;
  const replaceServe = (by: unknown) => Object.assign(Bun, { serve: by });
  try {
    replaceServe(() => server);
    hooked.listen(0);
  } finally {
    replaceServe(serve);
  }
}
