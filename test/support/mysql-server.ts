// A server that speaks MySQL's login by caching_sha2_password, which MariaDB has not: it
// keeps a password, checks what comes, and answers a query with one row.

import { constants, createHash, generateKeyPairSync, privateDecrypt, randomBytes } from "node:crypto";
import { createServer } from "node:net";

export interface MysqlServer extends AsyncDisposable {
  readonly port: number;
  /** Whether it knows the password's hash from an earlier login, so that it need not have the password itself. */
  remember(known: boolean): void;
  /** How often its key was asked for. */
  keysAsked(): number;
}

const PLUGIN = "caching_sha2_password";

export async function startMysqlServer(password: string): Promise<MysqlServer> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = Buffer.from(String(publicKey.export({ type: "spki", format: "pem" })));
  let known = false;
  let keysAsked = 0;
  const server = createServer((socket) => {
    const scramble = Buffer.from(randomBytes(20).map((byte) => (byte % 93) + 33));
    let came: Buffer = Buffer.alloc(0);
    let state: "login" | "token" | "full" | "key" | "query" = "login";
    const send = (number: number, ...bodies: readonly Uint8Array[]) => {
      for (const [index, body] of bodies.entries()) {
        const header = Buffer.alloc(4);
        header.writeUIntLE(body.byteLength, 0, 3);
        header[3] = number + index;
        socket.write(Buffer.concat([header, body]));
      }
    };
    const ok = (number: number) => {
      state = "query";
      send(number, Buffer.from([0, 0, 0, 2, 0, 0, 0]));
    };
    const refuse = (number: number) =>
      send(number, Buffer.concat([Buffer.from([0xff, 0x15, 0x04]), Buffer.from("#28000Access denied for user 'u'")]));
    const judge = (given: Buffer, number: number) =>
      given.toString() === `${password}\0` ? ok(number) : refuse(number);
    const hear = (number: number, body: Buffer) => {
      const next = number + 1;
      switch (state) {
        case "login":
          state = "token";
          return send(
            next,
            Buffer.concat([Buffer.from([0xfe]), Buffer.from(`${PLUGIN}\0`), scramble, Buffer.from([0])]),
          );
        case "token":
          if (!body.equals(tokenOf(password, scramble))) return refuse(next);
          if (known) {
            send(next, Buffer.from([1, 3]));
            return ok(next + 1);
          }
          state = "full";
          return send(next, Buffer.from([1, 4]));
        case "full":
          if (body.byteLength > 1) return judge(body, next);
          keysAsked++;
          state = "key";
          return send(next, Buffer.concat([Buffer.from([1]), pem]));
        case "key": {
          const padding = constants.RSA_PKCS1_OAEP_PADDING;
          const mixed = privateDecrypt({ key: privateKey, padding, oaepHash: "sha1" }, body);
          return judge(mixed.map((byte, at) => byte ^ (scramble[at % scramble.byteLength] ?? 0)) as Buffer, next);
        }
        case "query": {
          if (body[0] === 1) return socket.end();
          const end = Buffer.from([0xfe, 0, 0, 2, 0]);
          return send(1, Buffer.from([1]), column("answer"), end, Buffer.from([2, 0x34, 0x32]), end);
        }
      }
    };
    socket.on("error", () => {});
    socket.on("data", (piece: Buffer) => {
      came = Buffer.concat([came, piece]);
      while (came.byteLength >= 4 && came.byteLength >= 4 + came.readUIntLE(0, 3)) {
        const end = 4 + came.readUIntLE(0, 3);
        const [number = 0, body] = [came[3], came.subarray(4, end)];
        came = came.subarray(end);
        hear(number, body);
      }
    });
    send(0, greeting(scramble));
  });
  // Both families: a test comes by an address that is no loopback's by its looks.
  await new Promise<void>((listening) => server.listen(0, "::", listening));
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : 0,
    remember: (now) => {
      known = now;
    },
    keysAsked: () => keysAsked,
    [Symbol.asyncDispose]: () => new Promise<void>((closed) => void server.close(() => closed())),
  };
}

function greeting(scramble: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from("\x0a8.4.0\0\x01\0\0\0", "latin1"),
    scramble.subarray(0, 8),
    Buffer.from("\0\xff\xf7\xff\x02\0\xff\x81\x15", "latin1"),
    Buffer.alloc(10),
    scramble.subarray(8),
    Buffer.from(`\0${PLUGIN}\0`),
  ]);
}

const sha256 = (...parts: readonly Uint8Array[]): Buffer =>
  parts
    .reduce((hash: ReturnType<typeof createHash>, part) => hash.update(part), createHash("sha256"))
    .digest() as Buffer;

function tokenOf(password: string, scramble: Buffer): Buffer {
  const once = sha256(Buffer.from(password));
  const mask = sha256(sha256(once), scramble);
  return Buffer.from(once.map((byte, at) => byte ^ (mask[at] ?? 0)));
}

function column(name: string): Buffer {
  const text = (written: string) => Buffer.concat([Buffer.from([written.length]), Buffer.from(written)]);
  const names = ["def", "", "", "", name, ""].map(text);
  return Buffer.concat([...names, Buffer.from([0x0c, 0x21, 0, 9, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0])]);
}
