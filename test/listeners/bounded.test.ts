// When a server stops, only a request that waits for its answer holds it up. The clock stands still unless a test moves it.

import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { serveBounded } from "../../src/listeners/bounded.ts";
import { type ExchangeOptions, Exchanges } from "../../src/listeners/exchanges.ts";
import { fakeClock } from "../monitor/fakes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const HALF = "GET / HTTP/1.1\r\nHo";
const GRACE_MS = 250;

const text = (body: string) => ({ status: 200, headers: {}, body });

/** Shows its connections from the start, unlike a daemon. `host` is an address, or the path of a unix socket. */
async function serve(answer: ExchangeOptions["answer"], host = "127.0.0.1") {
  const clock = fakeClock();
  const faults: unknown[] = [];
  const answering = new Exchanges({
    answer,
    onError: () => text("a fault"),
    onRefused() {},
    answersEvery: true,
    idleTimeoutS: 60,
    mayTakeLonger: () => false,
    clock,
  });
  const bounded = serveBounded(
    host.startsWith("/") ? { family: "unix", path: host } : { family: "tcp", host, port: 0 },
    {
      answering,
      idleTimeoutS: 60,
      maxConnections: () => 100,
      onCrowded() {},
      onFault: (fault) => faults.push(fault),
      clock,
    },
  );
  const open = () => {
    const { port = 0 } = bounded.server;
    return client(
      host.startsWith("/")
        ? connect({ path: host, allowHalfOpen: true })
        : connect({ port, host, allowHalfOpen: true }),
    );
  };
  await clock.pass(100);
  // The connections from before the hooks were set are not seen.
  await until(async () => {
    const one = open();
    one.socket.write(GET);
    await until(() => one.said().length > 0 || one.hasEnded());
    const isSeen = bounded.openConnections() > 0;
    one.socket.destroy();
    return isSeen;
  });
  await until(() => bounded.openConnections() === 0);
  return { ...bounded, clock, open, faults, [Symbol.asyncDispose]: bounded.cut };
}

/** It never closes its own side. */
function client(socket: Socket) {
  let said = "";
  let hasEnded = false;
  const errors: Error[] = [];
  socket.on("data", (bytes) => {
    said += bytes.toString("latin1");
  });
  socket.on("end", () => {
    hasEnded = true;
  });
  socket.on("error", (error) => errors.push(error));
  return { socket, errors, said: () => said, hasEnded: () => hasEnded };
}

test.each(["tcp", "unix"])("an idle connection (%s) is closed at once, without a reset", async (family) => {
  await using folder = await tempFolder();
  await using server = await serve(() => text("OK"), family === "unix" ? `${folder.path}/s` : undefined);
  const whole = server.open();
  whole.socket.write(GET);
  await until(() => whole.said().endsWith("OK"));
  await server.drain();
  await until(whole.hasEnded);
  expect(whole.errors).toEqual([]);
  whole.socket.destroy();
});

test("half a request, the first or a later one, holds a stop up for 250 ms at most", async () => {
  await using server = await serve(() => text("OK"));
  const first = server.open();
  first.socket.write(HALF);
  const later = server.open();
  later.socket.write(GET);
  await until(() => later.said().endsWith("OK") && server.openConnections() === 2);
  later.socket.write(HALF);
  const stopped = server.drain();
  await until(later.hasEnded);
  expect(first.hasEnded()).toBe(false);
  await server.clock.pass(GRACE_MS);
  await stopped;
  await until(first.hasEnded);
  expect([...first.errors, ...later.errors]).toEqual([]);
  first.socket.destroy();
  later.socket.destroy();
});

test("a request that waits for its answer is answered after a stop, and then closed", async () => {
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  await using server = await serve(({ url }) => {
    if (url !== "/slow") return text("OK");
    asked++;
    return gate.promise.then(() => text("late"));
  });
  const slow = server.open();
  slow.socket.write(GET.replace("/", "/slow"));
  await until(() => asked === 1);
  const stopped = server.drain();
  await server.clock.pass(GRACE_MS);
  expect(slow.hasEnded()).toBe(false);
  gate.resolve();
  await until(slow.hasEnded);
  expect(slow.said()).toMatch(/Connection: close.*late$/s);
  slow.socket.end();
  await stopped;
});

test("an answer that its client reads slowly is sent whole after a stop", async () => {
  const long = "x".repeat(20_000_000);
  await using server = await serve(({ url }) => text(url === "/long" ? long : "OK"));
  const slow = server.open();
  slow.socket.pause();
  slow.socket.write(GET.replace("/", "/long"));
  await until(() => slow.socket.readableLength > 0);
  const stopped = server.drain();
  await server.clock.pass(GRACE_MS);
  slow.socket.resume();
  await stopped;
  await until(slow.hasEnded);
  expect(slow.said().endsWith(`\r\n\r\n${long}`)).toBe(true);
  slow.socket.destroy();
});
