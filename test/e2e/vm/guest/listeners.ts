// Servers that the drill itself is, so that no further program has to be started.

import { createServer, type ServerHttp2Stream } from "node:http2";

/** A datagram with anything is answered by "pong". */
export async function answerPings(port: number): Promise<void> {
  await Bun.udpSocket({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (socket, _data, from, address) => void socket.send("pong", from, address),
    },
  });
}

/** A message of five bytes' head and a field: HealthCheckResponse, status SERVING. */
const SERVING = Uint8Array.of(0, 0, 0, 0, 2, 0x08, 0x01);

/** A gRPC server all of whose calls are Health/Check. */
export function answerHealthCalls(port: number): void {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.resume();
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.end(SERVING);
  });
  server.listen(port, "127.0.0.1");
}
