// A server that says each of `steps` when it hears something, then nothing more.

import { createServer, type Socket } from "node:net";

export interface Speaker extends AsyncDisposable {
  readonly port: number;
  accepted(): number;
}

/** With `greets` the first step is said at once. */
export async function speaker(steps: readonly Uint8Array[], greets = false): Promise<Speaker> {
  let accepted = 0;
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    accepted++;
    open.add(socket);
    let step = 0;
    const speak = () => {
      const next = steps[step++];
      if (next) socket.write(next);
    };
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.on("data", speak);
    if (greets) speak();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : 0,
    accepted: () => accepted,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
