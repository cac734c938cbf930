// Real peers for TCP checks, on free ports of 127.0.0.1.

import { connect, createServer, type Server, type Socket } from "node:net";

export interface Listener extends AsyncDisposable {
  readonly port: number;
}

/** Accepts, and does with each connection what it is told; by default nothing. */
export async function listener(onConnection: (socket: Socket) => void = () => {}): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.resume();
    onConnection(socket);
  });
  const port = await listen(server);
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** A port on which nobody listens, nor anybody who asks for any port will. */
export async function freePort(): Promise<number> {
  // Loaded where it is needed: it is for Linux alone.
  const { holdPort } = await import("../net/raw-socket.ts");
  return holdPort();
}

const NEVER_ACCEPTS = `
import socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0)
kept = []
for _ in range(4):
    c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); kept.append(c)
print(s.getsockname()[1], flush=True)
sys.stdin.read()
`;

/** Its backlog is full and it accepts nobody: a further SYN is dropped, as by a host that is gone. */
export async function fullBacklog(): Promise<Listener> {
  const child = Bun.spawn(["python3", "-c", NEVER_ACCEPTS], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(value));
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

/** Passes bytes on to a port of 127.0.0.1 until it is disposed: the service behind it as seen while it is up, then gone. */
export function relayTo(target: number): Promise<Listener> {
  return listener((socket) => {
    const peer = connect(target, "127.0.0.1");
    peer.on("error", () => socket.destroy());
    socket.on("close", () => peer.destroy());
    socket.pipe(peer).pipe(socket);
  });
}

function listen(server: Server): Promise<number> {
  return new Promise((listening) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      listening(typeof address === "object" && address ? address.port : 0);
    });
  });
}
