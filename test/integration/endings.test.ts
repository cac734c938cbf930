// A command that ends does not overtake the connections that it is closing: real servers see a polite end.

import { expect, test } from "bun:test";
import { connect, createServer, type Server, type Socket } from "node:net";
import { needs } from "../support/needs.ts";
import { run } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

/** A server on a free port of 127.0.0.1, until it goes out of scope. */
async function serverOn(onConnection: (socket: Socket) => void) {
  const server: Server = createServer({ allowHalfOpen: true }, onConnection);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : 0,
    [Symbol.dispose]: () => void server.close(),
  };
}

test("what a peer says last is still read, and no peer sees a reset", async () => {
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  using server = await serverOn((socket) => {
    socket.on("error", (error) => resolve(error.message));
    socket.on("data", () => void socket.write("ready\n"));
    // More than is under way at once: it comes to its end only if it is read.
    socket.on("end", () => socket.end(Buffer.alloc(1024 * 1024), () => resolve("all was read")));
  });
  await using folder = await tempFolder();
  const config = await folder.write(
    "c.yaml",
    JSON.stringify({ checks: [{ tcp: server.port, send: "x\n", expect: "ready" }] }),
  );
  const ran = await run(["check", "--config", config]);
  expect(ran.exitCode).toBe(0);
  expect(await ended).toBe("all was read");
}, 30_000);

const onPostgres = await needs("PostgreSQL on port 5432");

onPostgres(
  "PostgreSQL is told that the client leaves",
  async () => {
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    using server = await serverOn((socket) => {
      let heard = Buffer.alloc(0);
      const real = connect(5432, "127.0.0.1");
      for (const end of [socket, real]) end.on("error", (error) => resolve(error.message));
      real.on("data", (chunk) => void socket.write(chunk));
      real.on("end", () => socket.end());
      socket.on("data", (chunk: Buffer) => {
        heard = Buffer.concat([heard, chunk]);
        real.write(chunk);
      });
      socket.on("end", () => {
        real.end();
        resolve(heard.subarray(-5).toString("hex"));
      });
    });
    const url = `postgres://postgres@127.0.0.1:${server.port}/postgres`;
    await using folder = await tempFolder();
    const config = await folder.write("c.yaml", JSON.stringify({ checks: [{ postgres: url }] }));
    expect(await run(["check", "--config", config])).toMatchObject({ exitCode: 0 });
    expect(await ended).toBe("5800000004"); // Terminate
  },
  30_000,
);
