// A check passes when the health service answers SERVING; else the message says what it answered.

import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer, type Http2Stream, type OutgoingHttpHeaders } from "node:http2";
import { join } from "node:path";
import { decodeMessage, decodeResponse, encodeRequest } from "../../../src/checks/grpc/call.ts";
import { grpc } from "../../../src/checks/grpc/grpc.ts";
import type { Outcome } from "../../../src/outcome.ts";
import { listenRaw } from "../../net/raw-socket.ts";
import { type Certificate, makeAuthority } from "../../support/certificates.ts";
import { checkOf, outcomeOf } from "../../support/checks.ts";
import { type Child, startChild } from "../../support/child.ts";
import { freePort, listener } from "../../support/listeners.ts";
import { descriptorsOf, handshakesTo } from "../../support/processes.ts";
import * as fc from "../../support/properties.ts";
import { tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const folder = await tempFolder();
afterAll(() => folder[Symbol.asyncDispose]());

interface Server extends AsyncDisposable {
  readonly port: number;
  readonly child: Child;
}

async function serve(
  mode: "health" | "refuses" | "empty",
  files?: Certificate,
  address = "127.0.0.1:0",
): Promise<Server> {
  const program = join(import.meta.dir, "../../fixtures/grpc-server.ts");
  const tls = files ? [files.certFile, files.keyFile] : [];
  const child = startChild([process.execPath, program, address, mode, ...tls]);
  const line = await until(() => child.out.find((said) => said.startsWith("listening")), 20_000, "the gRPC server");
  return { port: Number(line.split(" ").at(-1)), child, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

const ask = (target: number | string, keys: Readonly<Record<string, unknown>> = {}, timeoutMs = 10_000) =>
  outcomeOf(grpc, { grpc: target, ...keys }, { timeoutMs });

/** A server's stream; bun's types lack `respond`. */
type ServerStream = Http2Stream & {
  respond(headers: OutgoingHttpHeaders, options?: { waitForTrailers: boolean }): void;
};

/** An HTTP/2 server that calls `answer` for each request. */
async function serverWith(
  answer: (stream: ServerStream) => void,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    answer(stream as ServerStream);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const found = server.address();
  return {
    port: typeof found === "object" && found ? found.port : 0,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}

/** An HTTP/2 frame on stream `id`. */
function frame(type: number, flags: number, id: number, payload: Uint8Array): Uint8Array {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

/** A header in HPACK's simplest form: not indexed, not compressed. */
const literal = (name: string, value: string): Uint8Array =>
  Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);

/** Whether the DATA frame that ends the request has arrived, after the 24 bytes of the preface. */
function hasRequest(received: Buffer): boolean {
  for (let at = 24; at + 9 <= received.byteLength; at += 9 + received.readUIntBE(at, 3))
    if (received[at + 3] === 0) return true;
  return false;
}

test("a complete answer counts, though the connection is reset after it", async () => {
  const answer = (status: string, words: string) =>
    Buffer.concat([
      frame(4, 0, 0, new Uint8Array()),
      frame(1, 4, 1, Buffer.concat([literal(":status", "200"), literal("content-type", "application/grpc")])),
      frame(0, 0, 1, Uint8Array.from([0, 0, 0, 0, 2, 8, 1])),
      frame(1, 5, 1, Buffer.concat([literal("grpc-status", status), literal("grpc-message", words)])),
    ]);
  for (const [bytes, outcome] of [
    [answer("0", ""), { ok: true }],
    [answer("14", "draining"), { ok: false, reason: "not-ready" }],
    [answer("0", "").subarray(0, -30), { ok: false, reason: "closed" }],
  ] as const) {
    await using server = await listener((socket) => {
      let received = Buffer.alloc(0);
      socket.on("data", (piece) => {
        received = Buffer.concat([received, Buffer.from(piece)]);
        if (hasRequest(received)) socket.write(bytes, () => socket.resetAndDestroy());
      });
    });
    expect(await ask(server.port)).toMatchObject(outcome);
  }
});

const GRPC = { ":status": 200, "content-type": "application/grpc" };

/** Answers with this body and this status. */
const says = (body: readonly number[], trailers: Readonly<Record<string, string>> = { "grpc-status": "0" }) =>
  serverWith((stream) => {
    stream.respond(GRPC, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.end(Uint8Array.from(body));
  });

test("a real server: serving, not serving, unknown, and an unknown service", async () => {
  await using server = await serve("health");
  const { port, child } = server;
  const peer = `127.0.0.1:${port}`;
  expect(await ask(port)).toEqual({ ok: true });
  expect(await ask(`localhost:${port}`, { service: "up", authority: "api.test" })).toEqual({ ok: true });
  const down = (service: string, reason: string, message: string) =>
    ask(port, { service }).then((outcome) => expect(outcome).toEqual({ ok: false, reason, message } as Outcome));
  await down("down", "not-ready", `${peer}: service "down" is NOT_SERVING`);
  await down("unsure", "not-ready", `${peer}: service "unsure" is UNKNOWN`);
  expect(await ask(port, { service: "other" })).toEqual({
    ok: false,
    reason: "mismatch",
    message: expect.stringMatching(/^\S+: service "other" is unknown to the server: NOT_FOUND( ".*")?$/),
  });
  child.kill("SIGUSR1");
  await until(async () => !(await ask(port)).ok);
  expect(await ask(port)).toEqual({ ok: false, reason: "not-ready", message: `${peer} is NOT_SERVING` });
  child.kill("SIGUSR2");
  await until(async () => (await ask(port)).ok);
  child.kill("SIGSTOP");
  expect(await ask(port, {}, 200)).toEqual({
    ok: false,
    reason: "timeout",
    message: `${peer}: waiting for the answer to Health/Check (timeout 200ms)`,
  });
  child.kill("SIGCONT");
  await until(async () => (await ask(port)).ok);
  child.kill("SIGKILL");
  await child.exited;
  expect(await ask(port)).toMatchObject({ ok: false, reason: "refused" });
}, 30_000);

test("a real server by its socket file", async () => {
  const path = join(folder.path, "grpc.sock");
  await using _server = await serve("health", undefined, `unix:${path}`);
  expect(await ask(`unix:${path}`)).toEqual({ ok: true });
  expect(await ask(`unix:${path}`, { service: "down" })).toMatchObject({ reason: "not-ready" });
}, 30_000);

test("a real server without the health service, and one that refuses", async () => {
  await using empty = await serve("empty");
  expect(await ask(empty.port)).toEqual({
    ok: false,
    reason: "mismatch",
    message: expect.stringMatching(/^\S+ has no service grpc\.health\.v1\.Health: UNIMPLEMENTED ".*"$/),
  });
  await using refuses = await serve("refuses");
  const rows: readonly [number, string, string][] = [
    [16, "auth", "UNAUTHENTICATED"],
    [7, "auth", "PERMISSION_DENIED"],
    [14, "not-ready", "UNAVAILABLE"],
    [8, "not-ready", "RESOURCE_EXHAUSTED"],
    [13, "mismatch", "INTERNAL"],
    [2, "mismatch", "UNKNOWN"],
  ];
  for (const [code, reason, name] of rows) {
    expect(await ask(refuses.port, { service: String(code) })).toEqual({
      ok: false,
      reason: reason as "auth",
      message: `127.0.0.1:${refuses.port}: service "${code}": ${name} "not today, König 100 %"`,
    });
  }
}, 30_000);

test("a real server with TLS", async () => {
  const authority = await makeAuthority(folder.path);
  const good = await authority.issue({ names: ["grpc.test", "127.0.0.1"] });
  const plain = await serve("health");
  await using server = await serve("health", good);
  const { port } = server;
  expect(await ask(port, { tls: { ca: authority.caFile } })).toEqual({ ok: true });
  expect(await ask(port, { tls: { ca: authority.caFile, "server-name": "grpc.test" } })).toEqual({ ok: true });
  expect(await ask(port, { tls: { verify: false } })).toEqual({ ok: true });
  expect(await ask(port, { tls: { ca: authority.caFile }, service: "down" })).toMatchObject({ reason: "not-ready" });
  expect(await ask(port, { tls: true })).toMatchObject({
    reason: "tls",
    message: expect.stringContaining("does not lead to a trusted authority"),
  });
  expect(await ask(port, { tls: { ca: authority.caFile, "server-name": "other.test" } })).toMatchObject({
    reason: "tls",
    message: expect.stringContaining("is for grpc.test, 127.0.0.1, not for other.test"),
  });
  expect(await ask(plain.port, { tls: true })).toMatchObject({ ok: false, reason: "tls" });
  const wrong = await ask(port);
  expect(wrong.ok ? "" : wrong.reason).toMatch(/^(closed|mismatch)$/);
  await plain[Symbol.asyncDispose]();
}, 30_000);

test("a server that speaks TLS and no HTTP/2", async () => {
  const authority = await makeAuthority(folder.path);
  const { certFile, keyFile } = await authority.issue({ names: ["127.0.0.1"] });
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, tls, fetch: () => new Response("web") });
  expect(await ask(server.port ?? 0, { tls: { ca: authority.caFile } })).toEqual({
    ok: false,
    reason: "mismatch",
    message: `127.0.0.1:${server.port} does not speak gRPC: it did not agree on HTTP/2 (ALPN h2)`,
  });
  await server.stop(true);
});

test("a peer that is not a gRPC server", async () => {
  await using echo = await listener((socket) => socket.pipe(socket));
  await using greets = await listener((socket) => socket.write("220 mail.test ESMTP ready and waiting\r\n"));
  const web = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("web") });
  for (const port of [echo.port, greets.port]) {
    expect(await ask(port)).toEqual({
      ok: false,
      reason: "mismatch",
      message: expect.stringMatching(/^127\.0\.0\.1:\d+ does not speak gRPC: its answer is not valid HTTP\/2$/),
    });
  }
  expect(await ask(web.port ?? 0)).toMatchObject({ ok: false, reason: "mismatch" });
  await web.stop(true);
  await using closes = await listener((socket) => socket.end());
  await using listens = await listener((socket) => socket.on("data", () => socket.end()));
  await using resets = await listener((socket) => socket.on("data", () => socket.resetAndDestroy()));
  for (const { port } of [closes, listens, resets]) {
    expect(await ask(port)).toMatchObject({ ok: false, reason: "closed" });
  }
  expect(await ask(await freePort())).toMatchObject({ ok: false, reason: "refused" });
});

test("an HTTP/2 server that does not speak gRPC", async () => {
  const rows: readonly [number, string, string][] = [
    [200, "text/html", "mismatch"],
    [404, "text/html", "mismatch"],
    [401, "", "auth"],
    [503, "text/plain", "not-ready"],
  ];
  for (const [status, content, reason] of rows) {
    await using server = await serverWith((stream) => {
      stream.respond({ ":status": status, ...(content && { "content-type": content }) });
      stream.write("goes on for ever");
    });
    expect(await ask(server.port)).toEqual({
      ok: false,
      reason: reason as "auth",
      message: `127.0.0.1:${server.port} did not answer with gRPC: HTTP status ${status}${content && `, "${content}"`}`,
    });
  }
});

test("malformed gRPC responses", async () => {
  const bodies: readonly (readonly number[])[] = [
    [],
    [0, 0, 0, 0],
    [1, 0, 0, 0, 2, 8, 1],
    [0, 0, 0, 0, 3, 8, 1],
    [0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 2, 8, 1],
    [0, 0, 0, 0, 1, 8],
  ];
  for (const body of bodies) {
    await using server = await says(body);
    expect(await ask(server.port)).toEqual({
      ok: false,
      reason: "mismatch",
      message: `127.0.0.1:${server.port} sent an answer that is not a HealthCheckResponse`,
    });
  }
  const SERVES = [0, 0, 0, 0, 2, 8, 1];
  for (const trailers of [{}, { "grpc-status": "zero" }, { "x-other": "1" }] as const) {
    await using server = await says(SERVES, trailers);
    expect(await ask(server.port)).toMatchObject({ ok: false, reason: "mismatch" });
  }
  await using odd = await says([0, 0, 0, 0, 2, 8, 42]);
  expect(await ask(odd.port)).toMatchObject({ reason: "not-ready", message: `127.0.0.1:${odd.port} is status 42` });
  await using unknown = await says([], { "grpc-status": "99", "grpc-message": "%E2%82%AC%zz%" });
  expect(await ask(unknown.port)).toMatchObject({
    reason: "mismatch",
    message: `127.0.0.1:${unknown.port}: grpc-status 99 "€%zz%"`,
  });
  await using long = await says([], { "grpc-status": "13", "grpc-message": "x".repeat(3000) });
  const outcome = await ask(long.port);
  expect(outcome.ok ? 0 : outcome.message.length).toBeWithin(200, 300);
  await using endless = await serverWith((stream) => {
    stream.respond(GRPC);
    stream.write(new Uint8Array(16_384));
  });
  expect(await ask(endless.port)).toMatchObject({
    reason: "mismatch",
    message: expect.stringContaining("sent a longer answer than a health check has"),
  });
  await using cancels = await serverWith((stream) => stream.close(7));
  expect(await ask(cancels.port)).toMatchObject({ ok: false, reason: "closed" });
  await using cutsOff = await serverWith((stream) => {
    stream.respond(GRPC);
    stream.write(Uint8Array.from(SERVES), () => stream.session?.destroy());
  });
  expect((await ask(cutsOff.port)).ok).toBe(false);
});

test("a server that is shutting down", async () => {
  const server = createServer();
  server.on("session", (session) => {
    session.on("error", () => {});
    session.goaway(0);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const found = server.address();
  const port = typeof found === "object" && found ? found.port : 0;
  expect(await ask(port)).toEqual({
    ok: false,
    reason: "not-ready",
    message: `127.0.0.1:${port} accepts no more calls (GOAWAY)`,
  });
  server.close();
});

test("a peer that hangs is down at the timeout, and the run leaves nothing open", async () => {
  using drops = listenRaw({ family: "v4" }, 0);
  drops.fill();
  await using silent = await listener();
  await using stalls = await serverWith((stream) => {
    stream.respond(GRPC);
    stream.write(Uint8Array.from([0, 0, 0, 0, 2, 8, 1]));
  });
  await using accepts = await serverWith(() => {});
  const rows: readonly [number, object, string][] = [
    [drops.port, {}, "did not accept"],
    [drops.port, { tls: true }, "did not accept"],
    [silent.port, {}, "waiting for the answer to Health/Check"],
    [silent.port, { tls: true }, "waiting for the TLS handshake"],
    [stalls.port, {}, "waiting for the answer to Health/Check"],
    [accepts.port, {}, "waiting for the answer to Health/Check"],
  ];
  const run = () => Promise.all(rows.map(([port, keys]) => ask(port, { ...keys }, 500)));
  await run();
  const before = descriptorsOf(process.pid);
  for (const outcomes of await Promise.all([run(), run(), run()])) {
    expect(outcomes).toEqual(
      rows.map(([, , waiting]) => ({
        ok: false,
        reason: "timeout",
        message: expect.stringContaining(waiting) as unknown as string,
      })),
    );
  }
  await until(() => descriptorsOf(process.pid) <= before, 10_000, "descriptors to be closed");
  await until(() => handshakesTo(drops.port) === 0);
}, 30_000);

test("an abort at any moment leaves nothing, and a hundred at once pass", async () => {
  await using server = await serve("health");
  await ask(server.port);
  const check = checkOf(grpc, { grpc: server.port });
  const connections = () => descriptorsOf(server.child.pid);
  await until(() => connections() > 0);
  const [before, ours] = [connections(), descriptorsOf(process.pid)];
  for (let step = 0; step < 60; step++) {
    const cut = new AbortController();
    setTimeout(() => cut.abort(), step / 8);
    const outcome = await check.probe(cut);
    if (!outcome.ok) expect(outcome.reason).toBe("timeout");
  }
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => ask(server.port)));
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
  await until(() => descriptorsOf(process.pid) <= ours, 10_000, "descriptors to be closed");
  await until(() => connections() <= before, 10_000, "the server's connections to be closed");
}, 30_000);

test("its keys", () => {
  const check = checkOf(grpc, { grpc: 9000, service: "orders.v1.Orders" });
  expect([check.kind, check.target]).toEqual(["grpc", "127.0.0.1:9000 orders.v1.Orders"]);
  expect(() => checkOf(grpc, { grpc: 9000, authority: "a\r\nb: c" })).toThrow("authority: expected a host name");
  expect(() => checkOf(grpc, { grpc: 9000, service: "" })).toThrow();
});

test("a request is a frame with the service's name", () => {
  expect([...encodeRequest("")]).toEqual([0, 0, 0, 0, 0]);
  expect([...encodeRequest("ö")]).toEqual([0, 0, 0, 0, 4, 0x0a, 2, 0xc3, 0xb6]);
  expect([...encodeRequest("x".repeat(300)).subarray(0, 8)]).toEqual([0, 0, 0, 1, 47, 0x0a, 0xac, 2]);
});

test("a response is decoded as protobuf specifies", () => {
  const frame = (...message: number[]) => Uint8Array.from([0, 0, 0, 0, message.length, ...message]);
  const rows: readonly [readonly number[], number | undefined][] = [
    [[], 0],
    [[8, 1], 1],
    [[8, 2, 8, 1], 1],
    [[8, 0x81, 0x80, 0x80, 0], 1],
    [[0x12, 2, 8, 2, 8, 1], 1],
    [[0x11, 0, 0, 0, 0, 0, 0, 0, 0, 8, 1], 1],
    [[0x15, 0, 0, 0, 0, 8, 1], 1],
    [[0x80, 1, 7, 8, 1], 1],
    [[8], undefined],
    [[8, 0x80], undefined],
    [[0x12, 9, 8, 1], undefined],
    [[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], undefined],
    [[0x15, 0, 0], undefined],
    [[0x0b, 0x0c], undefined],
    [[0, 1], undefined],
    [[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], -1],
    [[8, ...Array(10).fill(0x80), 1], undefined],
  ];
  for (const [message, status] of rows) expect([message, decodeResponse(frame(...message))]).toEqual([message, status]);
});

test("no bytes of a peer make it throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, framed) => {
      const body = framed ? Uint8Array.from([0, 0, 0, 0, bytes.length, ...bytes]) : bytes;
      const status = decodeResponse(body);
      expect(status === undefined || Number.isInteger(status)).toBe(true);
    }),
    { numRuns: 5000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(decodeMessage(encodeURIComponent(text.toWellFormed()))).toBe(text.toWellFormed());
      expect(typeof decodeMessage(text)).toBe("string");
    }),
  );
});
