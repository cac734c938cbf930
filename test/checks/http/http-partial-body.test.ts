// `expect` of http is matched while the body arrives, if the rest cannot change the result. Also: a peer that speaks only
// HTTP/2 is reported as such.

import { expect, test } from "bun:test";
import { createServer } from "node:http2";
import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { http } from "../../../src/checks/http/http.ts";
import { Pattern, pattern } from "../../../src/fields/field.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { outcomeOf } from "../../support/checks.ts";
import { listener } from "../../support/listeners.ts";
import { needs } from "../../support/needs.ts";
import { tempFolder } from "../../support/temp.ts";
import { openTlsServer } from "../../support/tls-server.ts";

const saying = (said: string | Uint8Array, then: (socket: Socket) => void) =>
  listener((socket) => socket.once("data", () => socket.write(said, () => then(socket))));

const keepOpen = () => {};
const reset = (socket: Socket) => void socket.resetAndDestroy();
const HEAD = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;

const ofPort = (port: number, keys: object, timeoutMs = 10_000) =>
  outcomeOf(http, { http: `http://127.0.0.1:${port}/`, ...keys }, { timeoutMs });

test("once the expected text is read, it does not matter whether the body has no end or breaks off", async () => {
  const zipped = gzipSync("all are synced\n".repeat(5));
  for (const [said, then] of [
    [`${CHUNKED}8\r\nsynced\n\n\r\n`, keepOpen],
    [`${CHUNKED}3\r\nsyn\r\n5\r\nced\n\n\r\n`, keepOpen],
    [`${CHUNKED}8\r\nsynced\n\n\r\n`, reset],
    [`${HEAD}Content-Length: 100\r\n\r\nsynced`, keepOpen],
    [`${HEAD}Content-Length: 100\r\n\r\nsynced`, reset],
    [`${HEAD}\r\nnode is synced.\r\n`, keepOpen],
    [`${HEAD}\r\nnode is synced.\r\n`, reset],
    [Buffer.concat([Buffer.from(`${HEAD}Content-Encoding: gzip\r\n\r\n`), zipped.subarray(0, -4)]), keepOpen],
  ] as const) {
    await using server = await saying(said, then);
    for (const wanted of ["synced", "/sync.?e[d$]/"]) {
      expect({ said: String(said), ...(await ofPort(server.port, { expect: wanted })) }).toMatchObject({ ok: true });
    }
  }
});

test("an expression with an end or a negative lookahead sees the whole body", async () => {
  for (const wanted of ["/^synced$/", "/^(?!.*DOWN)/s", "/synced\\b/"]) {
    await using endless = await saying(`${CHUNKED}6\r\nsynced\r\n`, keepOpen);
    expect(await ofPort(endless.port, { expect: wanted }, 200)).toMatchObject({ ok: false, reason: "timeout" });
    await using longer = await saying(`${CHUNKED}6\r\nsynced\r\n`, (socket) =>
      setImmediate(() => socket.end("6\r\n DOWN!\r\n0\r\n\r\n")),
    );
    expect({ wanted, ...(await ofPort(longer.port, { expect: wanted })) }).toMatchObject({
      ok: wanted === "/synced\\b/",
    });
  }
  // JSON cannot be judged before its end.
  await using endless = await saying(`${CHUNKED}d\r\n{"a":"synced"\r\n`, keepOpen);
  expect(await ofPort(endless.port, { expect: "synced", json: { "/a": "synced" } }, 200)).toMatchObject({ ok: false });
});

test("expressions that still match when more follows", () => {
  const lasts = (text: string) => {
    const read = pattern.read(text);
    return "value" in read && read.value instanceof Pattern && read.value.isStable;
  };
  for (const text of [
    "a",
    "$",
    "x\\b",
    "/a+/",
    "/^a/",
    "/[$]a/",
    "/a\\$/",
    "/(?<!x)a/",
    "/(?=a)/",
    "/[\\b]x/",
    "/\\\\a/",
  ]) {
    expect([text, lasts(text)]).toEqual([text, true]);
  }
  for (const text of ["/a$/", "/a\\b/", "/\\Ba/", "/(?!x)a/", "/a(?:b|$)/m", "/\\\\$/", "/\\\\\\b/"]) {
    expect([text, lasts(text)]).toEqual([text, false]);
  }
});

test("a body without the expected text is read until the timeout; one that breaks off is closed", async () => {
  await using endless = await saying(`${CHUNKED}3\r\nsyn\r\n`, keepOpen);
  expect(await ofPort(endless.port, { expect: "synced" }, 200)).toMatchObject({ ok: false, reason: "timeout" });
  await using broken = await saying(`${CHUNKED}3\r\nsyn\r\n`, reset);
  expect(await ofPort(broken.port, { expect: "synced" })).toMatchObject({ ok: false, reason: "closed" });
});

test("a server with HTTP/2 only is reported as such", async () => {
  const server = createServer((_, answer) => answer.end("OK"));
  const port = await new Promise<number>((listening) =>
    server.listen(0, "127.0.0.1", () => listening((server.address() as { port: number }).port)),
  );
  const said = {
    ok: false,
    reason: "mismatch",
    message: `http://127.0.0.1:${port}/ sent an invalid HTTP/1.1 answer: it speaks only HTTP/2, and this check speaks HTTP/1.1`,
  } as const;
  expect(await ofPort(port, {})).toEqual(said);
  server.close();
  const settings = Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]);
  const goAway = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  for (const frame of [settings, Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]), goAway]) {
    for (const then of [keepOpen, reset]) {
      await using peer = await saying(frame, then);
      expect(await ofPort(peer.port, {})).toMatchObject({
        reason: "mismatch",
        message: expect.stringContaining("speaks only HTTP/2"),
      });
    }
  }
  for (const other of [Buffer.from([0, 0, 6, 5, 0, 0, 0, 0, 0]), Buffer.alloc(9), "220 hello\r\n"]) {
    await using peer = await saying(other, keepOpen);
    expect(await ofPort(peer.port, {})).toMatchObject({ message: expect.not.stringContaining("HTTP/2") });
  }
});

const withOpenssl = await needs("openssl");

withOpenssl(
  "so is one behind TLS that agrees on nothing else",
  async () => {
    await using folder = await tempFolder();
    const authority = await makeAuthority(folder.path);
    await using server = await openTlsServer(await authority.issue({ names: ["127.0.0.1"] }), ["-alpn", "h2"]);
    expect(await outcomeOf(http, { http: `https://127.0.0.1:${server.port}/`, tls: { ca: authority.caFile } })).toEqual(
      {
        ok: false,
        reason: "tls",
        message: `127.0.0.1:${server.port} does not speak HTTP/1.1 (ALPN); it may speak HTTP/2 only`,
      },
    );
  },
  30_000,
);
