// A datagram is sent once, and the answer decides.

import { expect, test } from "bun:test";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { udp } from "../../src/checks/udp.ts";
import type { Outcome } from "../../src/outcome.ts";
import { checkOf, outcomeOf } from "../support/checks.ts";
import { startNameServer } from "../support/nameserver.ts";
import { needs } from "../support/needs.ts";
import { until } from "../support/until.ts";

const UP: Outcome = { ok: true };
const descriptors = () => readdirSync("/proc/self/fd").length;

type Reply = (socket: Socket, message: Buffer, from: RemoteInfo) => void;

interface Responder extends AsyncDisposable {
  readonly port: number;
  readonly heard: readonly Buffer[];
}

async function responder(reply: Reply = () => {}, host = "127.0.0.1"): Promise<Responder> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const heard: Buffer[] = [];
  socket.on("message", (message, from) => {
    heard.push(message);
    reply(socket, message, from);
  });
  await new Promise<void>((bound) => socket.bind(0, host, bound));
  return {
    port: socket.address().port,
    heard,
    [Symbol.asyncDispose]: () => new Promise<void>((closed) => socket.close(closed)),
  };
}

const says =
  (...answers: readonly (string | Uint8Array)[]): Reply =>
  (socket, _, { port, address }) => {
    for (const answer of answers) socket.send(answer, port, address);
  };

test("any answer passes, also an empty one; with expect one that matches", async () => {
  await using peer = await responder(says("no", "pong"));
  expect(await outcomeOf(udp, { udp: peer.port, send: "ping" })).toEqual(UP);
  expect(await outcomeOf(udp, { udp: `127.0.0.1:${peer.port}`, send: "ping", expect: "pong" })).toEqual(UP);
  expect(peer.heard.map(String)).toEqual(["ping", "ping"]);
  await using empty = await responder(says(""));
  expect(await outcomeOf(udp, { udp: empty.port, send: "ping" })).toEqual(UP);
  await using six = await responder(says("pong"), "::1");
  expect(await outcomeOf(udp, { udp: `[::1]:${six.port}`, send: "ping", expect: "/^pong$/" })).toEqual(UP);
});

test("for a name each address is tried until one answers", async () => {
  await using peer = await responder(says("pong"));
  expect(await outcomeOf(udp, { udp: `localhost:${peer.port}`, send: "ping", expect: "pong" })).toEqual(UP);
});

test("bytes are sent as written, also zero bytes, and an answer need not be text", async () => {
  await using clock = await responder(says(new Uint8Array([0x1c, 2, 0, 0xe9, 0xff, 0x4e, 0x54, 0x50])));
  const request = `\x1b${"\0".repeat(47)}`;
  expect(await outcomeOf(udp, { udp: clock.port, send: request, expect: "/^\\x1c.*NTP/s" })).toEqual(UP);
  expect(clock.heard[0]?.byteLength).toBe(48);
});

test("bytes in hexadecimal are sent and expected as such", async () => {
  await using peer = await responder(says(new Uint8Array([0, 0xff, 0x80, 0x7f])));
  const ask = (keys: object) => outcomeOf(udp, { udp: peer.port, ...keys }, { timeoutMs: 300 });
  expect(await ask({ "send-hex": "80 FF:00\n7f", "expect-hex": "ff80" })).toEqual(UP);
  expect([...(peer.heard[0] ?? [])]).toEqual([0x80, 0xff, 0, 0x7f]);
  expect(await ask({ "send-hex": "00ff80", "expect-hex": "8000" })).toEqual({
    ok: false,
    reason: "timeout",
    message: `127.0.0.1:${peer.port}: no match for expect in 1 datagram; the last was "00 ff 80 7f" (timeout 300ms)`,
  });
  // What was sent is not shown, also as bytes.
  await using echo = await responder((socket, message, { port, address }) => socket.send(message, port, address));
  const keys = { udp: echo.port, "send-hex": "de ad be ef", "expect-hex": "00" };
  expect(await outcomeOf(udp, keys, { timeoutMs: 300 })).toMatchObject({
    message: expect.stringContaining('the last was "***"'),
  });
});

test("without a listener the reason is refused, where the kernel learns of it", async () => {
  const peer = await responder();
  const { port } = peer;
  await peer[Symbol.asyncDispose]();
  expect(await outcomeOf(udp, { udp: port, send: "ping" })).toEqual({
    ok: false,
    reason: "refused",
    message: `127.0.0.1:${port} refused the datagram`,
  });
});

test("without an answer the reason is timeout; one datagram is sent, and nothing stays open", async () => {
  await using mute = await responder();
  const open = descriptors();
  expect(await outcomeOf(udp, { udp: mute.port, send: "a secret", expect: "b" }, { timeoutMs: 700 })).toEqual({
    ok: false,
    reason: "timeout",
    message: `127.0.0.1:${mute.port} has not answered (timeout 700ms)`,
  });
  expect(mute.heard).toHaveLength(1);
  await until(() => descriptors() <= open);
});

test("an answer that does not match is a timeout that shows it, without what was sent", async () => {
  await using echo = await responder((socket, message, { port, address }) =>
    socket.send(`you said ${message}\n`, port, address),
  );
  const keys = { udp: echo.port, send: "hunter2", expect: "/welcome/" };
  expect(await outcomeOf(udp, keys, { timeoutMs: 300 })).toEqual({
    ok: false,
    reason: "timeout",
    message: `127.0.0.1:${echo.port}: no match for expect in 1 datagram; the last was "you said ***\\n" (timeout 300ms)`,
  });
});

test("only datagrams of the peer count", async () => {
  const stranger = createSocket("udp4");
  await using peer = await responder((_, __, { port, address }) => stranger.send("pong", port, address));
  expect(await outcomeOf(udp, { udp: peer.port, send: "ping" }, { timeoutMs: 300 })).toMatchObject({
    reason: "timeout",
  });
  stranger.close();
});

test("thousands of runs leave no socket behind", async () => {
  await using peer = await responder(says("pong"));
  const check = checkOf(udp, { udp: peer.port, send: "ping", expect: "pong" });
  const open = descriptors();
  const signal = new AbortController().signal;
  for (let round = 0; round < 20; round++) {
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => check.probe({ signal })));
    expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
  }
  await until(() => descriptors() <= open);
});

test("without descriptors the reserve is used; without a reserve it tries again, and the reason is resource", async () => {
  await using peer = await responder(says("pong"));
  const outcomesOf = async (...words: string[]) => {
    const command = [process.execPath, join(import.meta.dir, "../fixtures/no-descriptors.ts"), String(peer.port)];
    const child = Bun.spawn([...command, ...words], { stdout: "pipe", stderr: "inherit" });
    return (await new Response(child.stdout).json()) as readonly Outcome[];
  };
  const [byAddress, byName, ...later] = await outcomesOf("reserve");
  expect([byAddress, ...later]).toEqual([UP, UP, UP]);
  // A thread of the C library looks the name up; the reserve may be taken back before that. The name is not the cause.
  expect(byName?.ok || byName?.reason).toBeOneOf([true, "resource"]);
  expect(await outcomesOf()).toMatchObject([
    { reason: "resource", message: `no descriptor, port or memory left to reach 127.0.0.1:${peer.port} (EMFILE)` },
    { ok: false },
    UP,
    UP,
  ]);
}, 30_000);

const withDnsmasq = await needs("dnsmasq");

withDnsmasq(
  "a real service: a name server asked in its own words",
  async () => {
    await using server = await startNameServer(["--host-record=good.test,127.0.0.1"]);
    const query = "\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04good\x04test\0\0\x01\0\x01";
    expect(await outcomeOf(udp, { udp: server.address, send: query, expect: "/^\\0\\x07.*good/s" })).toEqual(UP);
  },
  20_000,
);

test("wrong keys are refused: send is needed, and no socket file is allowed", () => {
  for (const keys of [{}, { send: "" }, { send: "x", udp: "unix:/x" }, { send: "x".repeat(65_508) }, { send: false }]) {
    expect(() => checkOf(udp, { udp: 53, ...keys })).toThrow();
  }
  expect(() => checkOf(udp, { udp: 53, send: "é".repeat(40_000) })).toThrow("send: expected at most 65507 bytes");
  expect(() => checkOf(udp, { udp: 53 })).toThrow("udp: expected send or send-hex as well, got neither");
  const bytes = { "send-hex": "00" };
  expect(() => checkOf(udp, { udp: 53, send: "x", ...bytes })).toThrow(
    "send-hex: expected either send or send-hex, got both",
  );
  expect(() => checkOf(udp, { udp: 53, ...bytes, expect: "x", "expect-hex": "00" })).toThrow(
    "expect-hex: expected either expect or expect-hex, got both",
  );
  expect(() => checkOf(udp, { udp: 53, "send-hex": "00".repeat(65_508) })).toThrow(
    "send-hex: expected at most 65507 bytes",
  );
});
