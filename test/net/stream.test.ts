// A stream connects to its peer, explains what is wrong with TLS, and leaves nothing open after an abort at any stage.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { createServer, type TLSSocket } from "node:tls";
import type { Address } from "../../src/net/address.ts";
import { openStream, type Stream } from "../../src/net/stream.ts";
import type { TlsSettings } from "../../src/net/tls-settings.ts";
import { type Failure, failed, isFailure } from "../../src/outcome.ts";
import { type Authority, type Certificate, makeAuthority, selfSigned } from "../support/certificates.ts";
import { startChild } from "../support/child.ts";
import { freePort, listener } from "../support/listeners.ts";
import { handshakesTo } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { blockUntil, until } from "../support/until.ts";
import { type Accepted, listenRaw, type RawListener } from "./raw-socket.ts";

const DAY_MS = 86_400_000;
const never = new AbortController().signal;
const maxWaitMs = 5000;
/** Longer than the test's own timeout: what ends earlier was ended by the abort. */
const ANTI_HANG_MS = 600_000;

const folder = await tempFolder();
let authority: Authority;
let stranger: Authority;
let good: Certificate;

beforeAll(async () => {
  authority = await makeAuthority(folder.path);
  stranger = await makeAuthority(folder.path, "stranger");
  good = await authority.issue({ names: ["localhost", "service.test", "127.0.0.1", "::1"] });
});
afterAll(() => folder[Symbol.asyncDispose]());

interface Secured extends AsyncDisposable {
  readonly address: Address;
  readonly port: number;
  /** The server names that clients sent, "" if none. */
  readonly asked: string[];
  /** The errors of connections. */
  readonly errors: string[];
}

/** A TLS server that echoes. */
async function secured({ certFile, keyFile }: Certificate, host = "127.0.0.1", alpn?: string[]): Promise<Secured> {
  const asked: string[] = [];
  const errors: string[] = [];
  const open = new Set<TLSSocket>();
  const [cert, key] = [readFileSync(certFile), readFileSync(keyFile)];
  const server = createServer({ cert, key, ...(alpn && { ALPNProtocols: alpn }) }, (socket) => {
    open.add(socket);
    asked.push(String(socket.servername || ""));
    socket.on("error", (error) => errors.push(String(error)));
    socket.on("close", () => open.delete(socket));
    socket.pipe(socket);
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((listening) => server.listen(0, host, listening));
  const found = server.address();
  const port = typeof found === "object" && found ? found.port : 0;
  return {
    address: { family: "tcp", host, port },
    port,
    asked,
    errors,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const settings = (keys: Partial<TlsSettings> = {}): TlsSettings => ({
  verify: true,
  ca: authority.caFile,
  "server-name": undefined,
  ...keys,
});

const at = (host: string, port: number): Address => ({ family: "tcp", host, port });

/** Undefined if the stream opened, and the peer answered. */
async function failureOf(address: Address, tls?: TlsSettings, signal = never): Promise<Failure | undefined> {
  const stream = await openStream(address, { maxWaitMs, tls }, signal);
  if (isFailure(stream)) return stream;
  stream.write("hello");
  const answer = await stream.read("the echo");
  stream.close();
  expect(new TextDecoder().decode(answer as Uint8Array)).toBe("hello");
  return undefined;
}

function opened(stream: Stream | Failure): Stream {
  if (isFailure(stream)) throw new Error(stream.message);
  return stream;
}

const descriptors = () => readdirSync("/proc/self/fd").length;

/** Asserts that the second run of `body` leaves no descriptor that was not open before the first run or after it. */
async function leavesNothing(body: () => Promise<void>): Promise<void> {
  const before = descriptors();
  await body();
  // The runtime keeps descriptors of its own, such as its resolver's, from the first run on.
  await until(() => descriptors() <= before + 2, 10_000, "descriptors to be closed");
  const kept = Math.max(before, descriptors());
  await body();
  await until(() => descriptors() <= kept, 10_000, "descriptors to be closed");
}

test("plain: an echo is read, and then the end of the peer", async () => {
  await using echo = await listener((socket) => socket.pipe(socket));
  for (const host of ["127.0.0.1", "localhost"]) expect(await failureOf(at(host, echo.port))).toBeUndefined();
  await using hangsUp = await listener((socket) => socket.end("bye"));
  const stream = opened(await openStream(at("127.0.0.1", hangsUp.port), { maxWaitMs }, never));
  expect(new TextDecoder().decode((await stream.read("a word")) as Uint8Array)).toBe("bye");
  expect(await stream.read("more")).toBeUndefined();
  expect(await stream.read("more")).toBeUndefined();
  stream.close();
  stream.close();
});

test("plain: no listener, no such socket, no such name", async () => {
  const port = await freePort();
  expect(await failureOf(at("127.0.0.1", port))).toEqual({
    ok: false,
    reason: "refused",
    message: `127.0.0.1:${port} refused the connection`,
  });
  expect(await failureOf({ family: "unix", path: `${folder.path}/none` })).toMatchObject({ reason: "refused" });
  expect(await failureOf(at("no-such-name.invalid", 80))).toMatchObject({ reason: "resolve" });
}, 30_000);

test("plain: a peer that resets is closed, with the reason", async () => {
  using peer = listenRaw({ family: "v4" });
  const stream = opened(await openStream(at("127.0.0.1", peer.port), { maxWaitMs }, never));
  (await until(() => peer.accept())).reset();
  const read = await stream.read("the greeting");
  if (read !== undefined) expect(read).toMatchObject({ ok: false, reason: "closed" });
  stream.close();
});

test("plain: received data is read before a reset counts, and before anything is written", async () => {
  using peer = listenRaw({ family: "v4" });
  for (const says of ["write", "send", "nothing"] as const) {
    const stream = opened(await openStream(at("127.0.0.1", peer.port), { maxWaitMs }, never));
    // By system calls, so that everything has arrived before the runtime polls.
    const accepted = peer.accept();
    accepted?.send("synced");
    accepted?.reset();
    if (says === "write") stream.write("GET / HTTP/1.0\r\n\r\n");
    const sent = says === "send" ? stream.send("GET / HTTP/1.0\r\n\r\n") : undefined;
    expect({ says, read: new TextDecoder().decode((await stream.read("a word")) as Uint8Array) }).toEqual({
      says,
      read: "synced",
    });
    const reset = { ok: false, reason: "closed", message: `127.0.0.1:${peer.port} reset the connection before more` };
    expect(await stream.read("more")).toEqual(reset as Failure);
    expect(stream.failureBefore("more")).toEqual(reset as Failure);
    if (sent) expect(await sent).toMatchObject({ ok: false, reason: "closed" });
    stream.close();
  }
});

/** Its next connection, without a turn of the event loop in between, so that the other end has not been polled. */
async function acceptUnseen(peer: RawListener): Promise<Accepted> {
  for (let turn = 0; turn < 1000; turn++) {
    const accepted = peer.accept();
    if (accepted) return accepted;
    await Promise.resolve();
  }
  throw new Error("nobody has connected");
}

test("plain: received data is read, though the reset came before the first read", async () => {
  using peer = listenRaw({ family: "v4" });
  for (const says of ["write", "nothing"] as const) {
    const opening = openStream(at("127.0.0.1", peer.port), { maxWaitMs }, never);
    const accepted = await acceptUnseen(peer);
    accepted.send("synced");
    accepted.reset();
    const stream = opened(await opening);
    if (says === "write") stream.write("GET / HTTP/1.0\r\n\r\n");
    expect(new TextDecoder().decode((await stream.read("a word")) as Uint8Array)).toBe("synced");
    const end = await stream.read("more");
    if (end !== undefined) expect(end).toMatchObject({ reason: "closed" });
    stream.close();
  }
  const opening = openStream(at("127.0.0.1", peer.port), { maxWaitMs }, never);
  (await acceptUnseen(peer)).reset();
  const stream = opened(await opening);
  expect(await stream.read("a word")).toEqual(
    failed("closed", `127.0.0.1:${peer.port} reset the connection before a word`),
  );
  stream.close();
});

test("plain: received data is read, though it came with a handshake that was waited for, and a reset after it", async () => {
  for (const word of ["synced", ""]) {
    using peer = listenRaw({ family: "v4" }, 0);
    peer.fill();
    const opening = openStream(at("127.0.0.1", peer.port), { maxWaitMs }, never);
    await until(() => handshakesTo(peer.port) === 1, 30_000, "the handshake on its way");
    // Now the place is free, and the next try of the handshake, a second later, gets through unseen.
    const filler = peer.accept();
    let accepted: Accepted | undefined;
    blockUntil(() => {
      accepted = peer.accept();
      return accepted !== undefined;
    });
    if (word !== "") accepted?.send(word);
    accepted?.reset();
    if (word === "") {
      expect(await opening).toEqual(failed("closed", `127.0.0.1:${peer.port} reset the connection`));
    } else {
      const stream = opened(await opening);
      expect(new TextDecoder().decode((await stream.read("a word")) as Uint8Array)).toBe(word);
      const end = await stream.read("more");
      if (end !== undefined) expect(end).toMatchObject({ reason: "closed" });
      stream.close();
    }
    filler?.close();
  }
}, 30_000);

test("plain: it closes with a FIN, though data was left unread", async () => {
  using peer = listenRaw({ family: "v4" });
  const stream = opened(await openStream(at("127.0.0.1", peer.port), { maxWaitMs }, never));
  const accepted = await until(() => peer.accept());
  accepted.send("a greeting nobody reads");
  stream.close();
  expect(await until(() => (accepted.hear() === "nothing" ? undefined : accepted.hear()))).toBe("fin");
  accepted.close();
});

test("TLS: a valid certificate, by name and by address", async () => {
  await using four = await secured(good);
  await using six = await secured(good, "::1");
  expect(await failureOf(four.address, settings())).toBeUndefined();
  expect(await failureOf(at("localhost", four.port), settings())).toBeUndefined();
  expect(await failureOf(six.address, settings())).toBeUndefined();
  expect(await failureOf(at("0:0::1", six.port), settings())).toBeUndefined();
  expect(await failureOf(four.address, settings({ "server-name": "service.test" }))).toBeUndefined();
  expect(await failureOf(four.address, settings({ "server-name": "service.test." }))).toBeUndefined();
  // An address is not sent as a server name (RFC 6066).
  expect(four.asked).toEqual(["", "localhost", "service.test", "service.test"]);
  expect(six.asked).toEqual(["", ""]);
});

test("TLS: the failure has each problem of a certificate, and when it expires", async () => {
  const self = await selfSigned(folder.path, { names: ["localhost", "127.0.0.1"] });
  const old = await authority.issue({ names: ["127.0.0.1"], notAfter: new Date(Date.now() - 3.5 * DAY_MS) });
  const early = await authority.issue({ names: ["127.0.0.1"], notBefore: new Date(Date.now() + 2.5 * DAY_MS) });
  const foreign = await stranger.issue({ names: ["127.0.0.1"], days: 10.5 });
  const elsewhere = await authority.issue({ names: ["a.test", "b.test"], days: 10.5 });
  const endedAbove = await (
    await authority.intermediate("middle", { notAfter: new Date(Date.now() - 1.5 * DAY_MS) })
  ).issue({ names: ["127.0.0.1"] });
  const rows: readonly [Certificate, RegExp][] = [
    [self, /is signed by itself and does not lead to a trusted authority .*; it expires in 29 days, on 20\S+Z$/],
    [old, /^the certificate of \S+ expired 3 days ago, on 20\S+Z$/],
    [early, /becomes valid only in 2 days, on 20\S+Z; it expires in 29 days/],
    [foreign, /is signed by "stranger" and does not lead to a trusted authority .*; it expires in 10 days/],
    [elsewhere, /is for a\.test, b\.test, not for 127\.0\.0\.1; it expires in 10 days, on 20\S+Z$/],
    [endedAbove, /depends on "middle", which expired 36 hours ago, on 20\S+Z$/],
  ];
  for (const [certificate, message] of rows) {
    await using server = await secured(certificate);
    expect(await failureOf(server.address, settings())).toEqual({
      ok: false,
      reason: "tls",
      message: expect.stringMatching(message),
    });
    expect(await failureOf(server.address, settings({ verify: false }))).toBeUndefined();
    expect(server.errors).toEqual([]);
  }
  await using server = await secured(self);
  expect(await failureOf(server.address, settings({ ca: self.certFile }))).toBeUndefined();
});

test("TLS: a chain is followed, whatever other certificates are sent", async () => {
  const middle = await authority.intermediate("middle");
  const { certFile, keyFile } = await middle.issue({ names: ["127.0.0.1"] });
  const old = await stranger.issue({ names: ["x.test"], notAfter: new Date(Date.now() - DAY_MS) });
  const clutter = readFileSync(certFile, "utf8") + readFileSync(old.certFile, "utf8");
  const cluttered = { certFile: await folder.write("cluttered.pem", clutter), keyFile };
  for (const certificate of [{ certFile, keyFile }, cluttered]) {
    await using server = await secured(certificate);
    expect(await failureOf(server.address, settings())).toBeUndefined();
  }
});

test("TLS: without `ca` the system's authorities count, whatever the environment says", async () => {
  await using server = await secured(good);
  expect(await failureOf(server.address, settings({ ca: undefined }))).toMatchObject({
    reason: "tls",
    message: expect.stringContaining('is signed by "test authority" and does not lead to a trusted authority'),
  });
  // The runtime by itself would obey these.
  const program = `
    const { openStream } = await import(${JSON.stringify(`${import.meta.dir}/../../src/net/stream.ts`)});
    const target = { family: "tcp", host: "127.0.0.1", port: ${server.port} };
    const tls = { verify: true };
    const stream = await openStream(target, { maxWaitMs: 1000, tls }, new AbortController().signal);
    console.log(stream.reason ?? "opened");
    process.exit();`;
  const env = {
    NODE_EXTRA_CA_CERTS: authority.caFile,
    SSL_CERT_FILE: authority.caFile,
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
  };
  await using child = startChild([process.execPath, "-e", program], { env });
  await child.exited;
  await until(() => child.out.length > 0);
  expect(child.out).toEqual(["tls"]);
}, 20_000);

test("TLS: an unusable file of authorities fails, and is read again once it is fixed", async () => {
  await using server = await secured(good);
  const pem = readFileSync(authority.caFile, "utf8");
  const der = Buffer.from(pem.replaceAll(/-----.*|\s/g, ""), "base64");
  const body = pem.replaceAll(/-----.*\n/g, "");
  const labelled = (label: string) => `-----BEGIN ${label}-----\n${body}-----END ${label}-----\n`;
  const rows: readonly [string | Uint8Array, string][] = [
    ["", "it contains no PEM certificate"],
    ["no certificate", "it contains no PEM certificate"],
    [pem.slice(0, -40), "it ends in the middle of a certificate"],
    [pem.replaceAll(/[A-Za-z0-9+/]{64}/g, "A".repeat(64)), "it contains no readable certificate"],
    [pem.replaceAll("\n", " "), "it contains no readable certificate: its lines are joined"],
    [pem.replaceAll("\n", "\\n"), "it contains no readable certificate: its lines are joined"],
    [`${pem}${pem.replaceAll(/[A-Za-z0-9+/]{64}/g, "A".repeat(64))}`, "certificate 2 of 2 in it cannot be read"],
    [labelled("PRIVATE KEY"), "it contains PRIVATE KEY, not CERTIFICATE"],
    [labelled("TRUSTED CERTIFICATE"), "it contains TRUSTED CERTIFICATE: openssl x509 -in FILE -out FILE.pem"],
    [labelled("PKCS7"), "it is PKCS#7: openssl pkcs7 -print_certs -in FILE -out FILE.pem"],
    [der, "it is DER, not PEM: openssl x509 -inform der -in FILE -out FILE.pem"],
    [
      Buffer.from("3082010006092a864886f70d010702a0", "hex"),
      "it is PKCS#7: openssl pkcs7 -inform der -print_certs -in FILE -out FILE.pem",
    ],
    [
      Buffer.from("308204000201033082030006092a864886f70d010701a0", "hex"),
      "it is PKCS#12: openssl pkcs12 -nokeys -in FILE -out FILE.pem",
    ],
  ];
  for (const [content, why] of rows) {
    const ca = `${folder.path}/ca.pem`;
    await Bun.write(ca, content);
    const failure = await failureOf(server.address, settings({ ca }));
    expect(failure).toEqual({
      ok: false,
      reason: "tls",
      message: `cannot use the CA certificates in ${ca}: ${why.replaceAll("FILE", ca)}`,
    });
  }
  const ca = await folder.write("ca.pem", pem);
  expect(await failureOf(server.address, settings({ ca }))).toBeUndefined();
  await folder.write("ca.pem", readFileSync(stranger.caFile, "utf8"));
  expect(await failureOf(server.address, settings({ ca }))).toMatchObject({ reason: "tls" });
  const missing = `${folder.path}/missing.pem`;
  expect(await failureOf(server.address, settings({ ca: missing }))).toMatchObject({
    message: `cannot use the CA certificates in ${missing}: no such file`,
  });
  for (const odd of ["/dev/zero", folder.path]) {
    await symlink(odd, `${folder.path}/odd.pem`);
    expect(await failureOf(server.address, settings({ ca: `${folder.path}/odd.pem` }))).toMatchObject({
      message: expect.stringContaining("it is not a file"),
    });
    await Bun.file(`${folder.path}/odd.pem`).delete();
  }
});

test("TLS: a peer that does not speak TLS", async () => {
  const talks = (words: string) => listener((socket) => socket.on("data", () => socket.write(words)));
  await using http = await talks("HTTP/1.1 400 Bad Request\r\n\r\n");
  await using echo = await listener((socket) => socket.pipe(socket));
  await using greets = await listener((socket) => socket.write("220 mail.test ESMTP\r\n"));
  expect(await failureOf(at("127.0.0.1", http.port), settings())).toEqual({
    ok: false,
    reason: "tls",
    message: `the answer of 127.0.0.1:${http.port} is not TLS`,
  });
  for (const { port } of [echo, greets]) {
    expect(await failureOf(at("127.0.0.1", port), settings())).toMatchObject({
      ok: false,
      reason: "tls",
      message: expect.stringMatching(
        /^(TLS negotiation with \S+ failed \([a-z ]+\); health-checker offers .*|the answer of \S+ is not TLS|\S+ sends data before the handshake, so it does not speak TLS)$/,
      ),
    });
  }
  await using onlyOther = await secured(good, "127.0.0.1", ["other"]);
  const refused = await openStream(onlyOther.address, { maxWaitMs, tls: settings(), alpn: ["h2"] }, never);
  expect(refused).toMatchObject({ ok: false, reason: "tls" });
});

test("TLS: a peer that accepts and closes, or resets", async () => {
  await using closes = await listener((socket) => socket.end());
  await using listens = await listener((socket) => socket.on("data", () => socket.end()));
  await using resets = await listener((socket) => socket.on("data", () => socket.resetAndDestroy()));
  for (const { port } of [closes, listens, resets]) {
    expect(await failureOf(at("127.0.0.1", port), settings())).toEqual({
      ok: false,
      reason: "closed",
      message: `127.0.0.1:${port} closed the connection during the TLS handshake`,
    });
  }
});

test("TLS: data, an end or a reset before the handshake is not waited for", async () => {
  await using closes = await listener((socket) => socket.end());
  await using resets = await listener((socket) => setImmediate(() => socket.resetAndDestroy()));
  await using greets = await listener((socket) => socket.write("220 mail.test ESMTP\r\n"));
  // Slow to read, so that the connection is open before the authorities are loaded.
  const many = readFileSync(authority.caFile, "utf8").repeat(1000);
  for (let round = 0; round < 10; round++) {
    for (const [{ port }, reason] of [
      [closes, "closed"] as const,
      [resets, "closed"] as const,
      [greets, "tls"] as const,
    ]) {
      const ca = await folder.write(`many-${reason}-${round}.pem`, many);
      expect(await failureOf(at("127.0.0.1", port), settings({ ca }))).toMatchObject({ ok: false, reason });
    }
  }
}, 30_000);

test("plain text to a TLS port ends the stream and throws nothing", async () => {
  await using server = await secured(good);
  const stream = opened(await openStream(server.address, { maxWaitMs }, never));
  stream.write("GET / HTTP/1.0\r\n\r\n");
  for (;;) {
    const read = await stream.read("an answer");
    if (read === undefined || isFailure(read)) break;
  }
  stream.close();
});

test("ALPN agrees on a protocol", async () => {
  await using server = await secured(good, "127.0.0.1", ["h2"]);
  const stream = opened(await openStream(server.address, { maxWaitMs, tls: settings(), alpn: ["h2"] }, never));
  expect("alpnProtocol" in stream.socket && stream.socket.alpnProtocol).toBe("h2");
  stream.close();
});

test("an abort leaves nothing: before, while looking up, connecting, shaking hands, reading", async () => {
  /** `stage` resolves once the attempt waits for the peer. */
  const timeout = async (
    address: Address,
    tls: TlsSettings | undefined,
    stage: () => Promise<unknown>,
    waiting: string,
  ): Promise<void> => {
    await leavesNothing(async () => {
      const cut = new AbortController();
      const opening = openStream(address, { maxWaitMs: ANTI_HANG_MS, tls }, cut.signal);
      await stage();
      cut.abort();
      expect(await opening).toMatchObject({ reason: "timeout", message: expect.stringContaining(waiting) });
    });
  };
  using drops = listenRaw({ family: "v4" }, 0);
  drops.fill();
  for (const tls of [undefined, settings()]) {
    for (const host of ["127.0.0.1", "localhost"]) {
      await timeout(at(host, drops.port), tls, () => until(() => handshakesTo(drops.port) > 0), "did not accept");
      await until(() => handshakesTo(drops.port) === 0);
    }
  }
  let greeted = false;
  await using silent = await listener((socket) => socket.once("data", () => (greeted = true)));
  const handshake = `127.0.0.1:${silent.port}: waiting for the TLS handshake`;
  const hello = () => {
    greeted = false;
    return until(() => greeted);
  };
  await timeout(at("127.0.0.1", silent.port), settings(), hello, handshake);

  await using server = await secured(good);
  for (const [address, tls] of [
    [at("127.0.0.1", silent.port), undefined],
    [server.address, settings()],
  ] as const) {
    await leavesNothing(async () => {
      const cut = new AbortController();
      const stream = opened(await openStream(address, { maxWaitMs: ANTI_HANG_MS, tls }, cut.signal));
      const reading = stream.read("the greeting");
      cut.abort();
      expect(await reading).toMatchObject({
        reason: "timeout",
        message: expect.stringContaining("waiting for the greeting"),
      });
      stream.close();
    });
  }
  for (const tls of [undefined, settings()]) {
    await leavesNothing(async () => {
      const stream = await openStream(server.address, { maxWaitMs, tls }, AbortSignal.abort());
      expect(stream).toMatchObject({ ok: false, reason: "timeout" });
    });
  }
}, 30_000);

test("an abort at any moment of a handshake leaves nothing", async () => {
  await using server = await secured(good);
  await leavesNothing(async () => {
    for (let step = 0; step < 60; step++) {
      const cut = new AbortController();
      setTimeout(() => cut.abort(), step / 10);
      const stream = await openStream(server.address, { maxWaitMs, tls: settings() }, cut.signal);
      if (isFailure(stream)) expect(stream.reason).toBe("timeout");
      else {
        const read = await stream.read("nothing");
        if (read) expect(read).toMatchObject({ reason: "timeout" });
      }
    }
  });
}, 30_000);

test("a failure leaves nothing", async () => {
  const foreign = await stranger.issue({ names: ["127.0.0.1"] });
  await using server = await secured(foreign);
  await using echo = await listener((socket) => socket.pipe(socket));
  await leavesNothing(async () => {
    for (const address of [server.address, at("127.0.0.1", echo.port)]) {
      expect(await failureOf(address, settings())).toMatchObject({ reason: "tls" });
    }
  });
  expect(server.errors).toEqual([]);
});

test("two hundred streams at once", async () => {
  await using server = await secured(good);
  const failures = await Promise.all(Array.from({ length: 200 }, () => failureOf(server.address, settings())));
  expect(failures.filter((failure) => failure !== undefined)).toEqual([]);
}, 30_000);
