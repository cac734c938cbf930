// What is said to a service, and what it must say in return.

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { Socket } from "node:net";
import { createServer } from "node:tls";
import { tcp } from "../../src/checks/tcp.ts";
import type { Outcome } from "../../src/outcome.ts";
import { afterPendingIo } from "../../src/system/event-loop.ts";
import { makeAuthority } from "../support/certificates.ts";
import { checkOf, outcomeOf } from "../support/checks.ts";
import { listener } from "../support/listeners.ts";
import { needs } from "../support/needs.ts";
import { relayTo } from "../support/relay.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";
import { startZookeeper } from "../support/zookeeper.ts";

const UP: Outcome = { ok: true };
const descriptors = () => readdirSync("/proc/self/fd").length;

/** Says each piece once the check, which runs on the same loop, has read the one before. */
const says =
  (...pieces: readonly (string | Uint8Array)[]) =>
  async (socket: Socket) => {
    for (const piece of pieces) {
      await new Promise((written) => socket.write(piece, written));
      await new Promise<void>(afterPendingIo);
    }
  };

test("bytes in hexadecimal are sent as such, and found wherever the pieces end", async () => {
  const heard: number[][] = [];
  await using server = await listener((socket) => {
    socket.on("data", async (data) => {
      heard.push([...Buffer.from(data)]);
      await says(new Uint8Array([0x15, 0xc3]), new Uint8Array([0x28, 0xff]))(socket);
      socket.end();
    });
  });
  const ask = (keys: object) => outcomeOf(tcp, { tcp: server.port, "send-hex": "ff fe 80", ...keys });
  expect(await ask({ "expect-hex": "c3 28" })).toEqual(UP);
  expect(heard[0]).toEqual([0xff, 0xfe, 0x80]);
  expect(await ask({ "expect-hex": "28 c3" })).toEqual({
    ok: false,
    reason: "mismatch",
    message: `127.0.0.1:${server.port}: no match for expect in 4 bytes; the connection ended`,
    output: "15 c3 28 ff",
  });
  expect(await ask({ expect: "(" })).toEqual(UP);
  expect(await outcomeOf(tcp, { tcp: server.port, send: "x", "expect-hex": "c328" })).toEqual(UP);
});

const withRedis = await needs("Redis on port 6379");

withRedis(
  "Redis answers PING, and what it answers is looked at",
  async () => {
    const ping = { tcp: 6379, send: "PING\r\n" };
    expect(await outcomeOf(tcp, { ...ping, expect: "+PONG" })).toEqual(UP);
    expect(await outcomeOf(tcp, { ...ping, expect: "/^\\+PONG\\r\\n$/" })).toEqual(UP);
    expect(await outcomeOf(tcp, ping)).toEqual(UP);
    expect(await outcomeOf(tcp, { ...ping, expect: "+PANG" }, { timeoutMs: 300 })).toEqual({
      ok: false,
      reason: "timeout",
      message: '127.0.0.1:6379: no match for expect in 7 bytes: "+PONG\\r\\n" (timeout 300ms)',
    });
    expect(await outcomeOf(tcp, { ...ping, send: "PING\r\nQUIT\r\n", expect: "+PANG" })).toEqual({
      ok: false,
      reason: "mismatch",
      message: "127.0.0.1:6379: no match for expect in 12 bytes; the connection ended",
      output: "+PONG\\r\\n+OK\\r\\n",
    });
    using relay = relayTo(6379);
    expect(await outcomeOf(tcp, { ...ping, tcp: relay.address, expect: "+PONG" })).toEqual(UP);
    relay.close();
    expect(await outcomeOf(tcp, { ...ping, tcp: relay.address, expect: "+PONG" })).toMatchObject({ reason: "refused" });
  },
  30_000,
);

const withZookeeper = await needs("java", "ZooKeeper");

withZookeeper(
  "ZooKeeper: srvr as it comes, ruok where it is allowed; frozen is a timeout",
  async () => {
    await using zookeeper = await startZookeeper("4lw.commands.whitelist=srvr,ruok");
    const target = `${zookeeper.host}:${zookeeper.port}`;
    const serves = { tcp: target, send: "srvr", expect: "/Mode: (leader|follower|standalone)/" };
    expect(await outcomeOf(tcp, serves)).toEqual(UP);
    expect(await outcomeOf(tcp, { tcp: target, send: "ruok", expect: "imok" })).toEqual(UP);
    expect(await outcomeOf(tcp, { tcp: target, send: "mntr", expect: "zk_version" })).toMatchObject({
      reason: "mismatch",
      output: expect.stringContaining("is not executed because it is not in the whitelist") as unknown as string,
    });
    const open = descriptors();
    zookeeper.freeze();
    // Its threads stop one after the other.
    await until(async () => !(await outcomeOf(tcp, serves, { timeoutMs: 200 })).ok);
    expect(await outcomeOf(tcp, serves, { timeoutMs: 500 })).toEqual({
      ok: false,
      reason: "timeout",
      message: `${target}: waiting for the expected answer (timeout 500ms)`,
    });
    await until(() => descriptors() <= open);
    zookeeper.resume();
    await until(async () => (await outcomeOf(tcp, serves)).ok);
  },
  120_000,
);

test("a greeting is read without sending anything", async () => {
  await using greeter = await listener(says("220 mail.test ESMTP\r\n"));
  expect(await outcomeOf(tcp, { tcp: greeter.port, expect: "/^220 /" })).toEqual(UP);
});

test("it passes as soon as it matches, wherever the packets are cut", async () => {
  const whole = Buffer.from("état: prêt ✓ …");
  for (let cut = 1; cut < whole.byteLength; cut++) {
    // The peer goes on and never ends.
    await using peer = await listener(says(whole.subarray(0, cut), whole.subarray(cut)));
    expect(await outcomeOf(tcp, { tcp: peer.port, expect: "prêt ✓" })).toEqual(UP);
  }
});

test("without an answer the reason is closed, with another answer mismatch", async () => {
  await using silent = await listener((socket) => void socket.end());
  expect(await outcomeOf(tcp, { tcp: silent.port, send: "hello", expect: "x" })).toEqual({
    ok: false,
    reason: "closed",
    message: `127.0.0.1:${silent.port} closed the connection without an answer`,
  });
  await using rude = await listener((socket) => void socket.resetAndDestroy());
  expect(await outcomeOf(tcp, { tcp: rude.port, send: "hello", expect: "x" })).toMatchObject({ reason: "closed" });
  await using other = await listener((socket) => void socket.end("\u001b[31mno\u202e\0\n"));
  expect(await outcomeOf(tcp, { tcp: other.port, expect: "yes" })).toEqual({
    ok: false,
    reason: "mismatch",
    message: `127.0.0.1:${other.port}: no match for expect in 12 bytes; the connection ended`,
    output: "\\x1B[31mno\\u202E\\x00\\n",
  });
});

test("at most 4 KiB are read, and 200 characters of them shown", async () => {
  await using flood = await listener(says("x".repeat(4090), "found here", "y".repeat(100_000)));
  expect(await outcomeOf(tcp, { tcp: flood.port, expect: "found" })).toEqual(UP);
  expect(await outcomeOf(tcp, { tcp: flood.port, expect: "found here" })).toEqual({
    ok: false,
    reason: "mismatch",
    message: `127.0.0.1:${flood.port}: no match for expect in 4096 bytes; the rest was not read`,
    output: `${"x".repeat(200)}…`,
  });
});

test("a missing answer is a timeout, and the message has what came; nothing stays open", async () => {
  await using peer = await listener(says("nearly"));
  const open = descriptors();
  expect(await outcomeOf(tcp, { tcp: peer.port, expect: "nearly there" }, { timeoutMs: 300 })).toEqual({
    ok: false,
    reason: "timeout",
    message: `127.0.0.1:${peer.port}: no match for expect in 6 bytes: "nearly" (timeout 300ms)`,
  });
  await until(() => descriptors() <= open);
});

test("what is sent is redacted, even when the peer echoes it", async () => {
  await using echo = await listener((socket) => void socket.on("data", (data) => socket.end(`got ${data}`)));
  const keys = { tcp: echo.port, send: "AUTH hunter2\r\nPING\r\n", expect: "in vain" };
  expect(await outcomeOf(tcp, keys)).toMatchObject({ reason: "mismatch", output: "got ***" + "\\r\\n" });
  expect(JSON.stringify(await outcomeOf(tcp, { ...keys, send: "AUTH hunter2" }))).not.toContain("hunter");
});

test("what is behind the word of a login is not shown when the peer repeats it alone", async () => {
  await using mail = await listener((socket) => {
    socket.on("data", () => socket.end("-ERR bad password hunter2secret of admin, sent by LOGIN\r\n"));
  });
  const send = 'a1 LOGIN admin "hunter2secret"\r\n';
  expect(await outcomeOf(tcp, { tcp: mail.port, send, expect: "in vain" })).toMatchObject({
    output: "-ERR bad password *** of ***, sent by LOGIN\\r\\n",
  });
  const pop = "user admin\r\npass hunter2secret\r\n";
  expect(await outcomeOf(tcp, { tcp: mail.port, send: pop, expect: "in vain" })).toMatchObject({
    output: "-ERR bad password *** of admin, sent by LOGIN\\r\\n",
  });
});

test("without expect a check passes once the text is written; a peer that reads nothing is a timeout", async () => {
  await using taker = await listener();
  expect(await outcomeOf(tcp, { tcp: taker.port, send: "x".repeat(900_000) })).toEqual(UP);
  await using lazy = await listener((socket) => void socket.pause());
  const open = descriptors();
  expect(await outcomeOf(tcp, { tcp: lazy.port, send: "x".repeat(30_000_000) }, { timeoutMs: 500 })).toEqual({
    ok: false,
    reason: "timeout",
    message: `127.0.0.1:${lazy.port}: waiting for it to read the sent data (timeout 500ms)`,
  });
  await until(() => descriptors() <= open);
});

test("what is sent is redacted in other encodings, too", async () => {
  const secret = "AUTH s3cr\u00e9t/word";
  for (const repeat of [encodeURIComponent(secret), Buffer.from(secret).toString("base64"), JSON.stringify(secret)]) {
    await using server = await listener((socket) => socket.once("data", () => socket.end(`-ERR ${repeat}\r\n`)));
    const outcome = await outcomeOf(tcp, { tcp: server.port, send: `${secret}\r\n`, expect: "+OK" });
    expect(outcome).toMatchObject({ ok: false, reason: "mismatch", output: expect.stringContaining("-ERR ") });
    expect(JSON.stringify(outcome)).not.toContain(repeat);
  }
});

const withOpenssl = await needs("openssl");

withOpenssl(
  "with tls the same is said inside it; a certificate that does not hold fails before",
  async () => {
    await using folder = await tempFolder();
    const authority = await makeAuthority(folder.path);
    const { certFile, keyFile } = await authority.issue({ names: ["localhost", "127.0.0.1"] });
    const server = createServer(
      { cert: await Bun.file(certFile).text(), key: await Bun.file(keyFile).text() },
      (socket) => {
        socket.on("error", () => {});
        socket.on("data", (data) => socket.write(`you said ${data}`));
      },
    );
    const port = await new Promise<number>((listening) =>
      server.listen(0, "127.0.0.1", () => listening((server.address() as { port: number }).port)),
    );
    const trusting = { tcp: port, tls: { ca: authority.caFile } };
    expect(await outcomeOf(tcp, trusting)).toEqual(UP);
    expect(await outcomeOf(tcp, { ...trusting, send: "hey", expect: "you said hey" })).toEqual(UP);
    expect(await outcomeOf(tcp, { tcp: port, tls: true, expect: "x" })).toMatchObject({ reason: "tls" });
    // To a server of TLS what is not TLS is none of its words.
    expect(await outcomeOf(tcp, { tcp: port, send: "hey\r\n\r\n", expect: "you said" })).toMatchObject({ ok: false });
    await using plain = await listener(says("220 hello\r\n"));
    expect(await outcomeOf(tcp, { tcp: plain.port, tls: true })).toMatchObject({ reason: "tls" });
    await using mute = await listener();
    expect(await outcomeOf(tcp, { tcp: mute.port, tls: true }, { timeoutMs: 300 })).toMatchObject({
      reason: "timeout",
    });
    server.close();
  },
  30_000,
);

test("wrong keys are refused", () => {
  for (const keys of [
    { send: "" },
    { send: true },
    { expect: "" },
    { expect: "/(/" },
    { tls: "yes" },
    { tls: { verify: "maybe" } },
    { sent: "x" },
  ]) {
    expect(() => checkOf(tcp, { tcp: 80, ...keys })).toThrow();
  }
});
