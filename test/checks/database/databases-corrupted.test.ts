// Whatever bytes a database server sends, a run ends with an outcome: nothing is thrown, no driver prints anything, and no
// password is shown.

import { afterAll, afterEach, beforeAll, beforeEach, expect, spyOn, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { mysql } from "../../../src/checks/database/mysql.ts";
import { postgres } from "../../../src/checks/database/postgres.ts";
import { redis } from "../../../src/checks/database/redis.ts";
import type { CheckKind } from "../../../src/checks/kind.ts";
import { outcomeOf } from "../../support/checks.ts";
import * as fc from "../../support/properties.ts";

/** The server sends the next of these each time it receives something, and then resets the connection. */
let steps: readonly Uint8Array[] = [];
let greets = false;
let server: Server;
let port = 0;

beforeAll(async () => {
  server = createServer((socket) => {
    const left = steps.values();
    const sendNext = () => {
      const { value } = left.next();
      if (value === undefined) socket.resetAndDestroy();
      else socket.write(value);
    };
    socket.on("error", () => {});
    socket.on("data", sendNext);
    if (greets) sendNext();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const bound = server.address();
  port = typeof bound === "object" && bound !== null ? bound.port : 0;
});
afterAll(() => void server.close());

const printers = ["log", "warn", "error", "trace", "info", "debug"] as const;
const prints = printers.map((name) => spyOn(console, name));
beforeEach(() => {
  for (const print of prints) print.mockClear();
});
afterEach(() => {
  for (const print of prints) expect(print.mock.calls).toEqual([]);
});

const bytes = (text: string) => Buffer.from(text, "latin1");

function message(type: string, body: string): Buffer {
  const whole = bytes(`${type}\0\0\0\0${body}`);
  whole.writeUInt32BE(body.length + 4, 1);
  return whole;
}

function packet(number: number, body: string): Buffer {
  const whole = bytes(`\0\0\0\0${body}`);
  whole.writeUIntLE(body.length, 0, 3);
  whole[3] = number;
  return whole;
}

const answered = Buffer.concat([
  message("T", `\0\x01a\0${"\0".repeat(18)}`),
  message("D", "\0\x01\0\0\0\x011"),
  message("C", "SELECT 1\0"),
  message("Z", "I"),
]);
const greeting = packet(
  0,
  `\x0a8.0.1\0\x01\0\0\0abcdefgh\0\xff\xf7\x21\x02\0\xff\x81\x15${"\0".repeat(10)}abcdefghijkl\0mysql_native_password\0`,
);
const resultSet = Buffer.concat([
  packet(1, "\x01"),
  packet(2, "\x03def\0\0\0\x01a\0\x0c\x21\0\x09\0\0\0\xfd\0\0\0\0\0"),
  packet(3, "\xfe\0\0\x02\0"),
  packet(4, "\x011"),
  packet(5, "\xfe\0\0\x02\0"),
]);

const good = {
  "postgres, trust": [postgres, false, [Buffer.concat([message("R", "\0\0\0\0"), message("Z", "I")]), answered]],
  "postgres, md5": [
    postgres,
    false,
    [message("R", "\0\0\0\x05salt"), Buffer.concat([message("R", "\0\0\0\0"), message("Z", "I")]), answered],
  ],
  "postgres, scram": [
    postgres,
    false,
    [
      message("R", "\0\0\0\x0aSCRAM-SHA-256\0\0"),
      message("R", "\0\0\0\x0br=abc,s=YWJj,i=1"),
      message("R", "\0\0\0\x0cv=YWJj"),
    ],
  ],
  "mysql, native": [mysql, true, [greeting, packet(2, "\0\0\0\x02\0\0\0"), resultSet]],
  "mysql, another plugin": [
    mysql,
    true,
    [
      greeting,
      packet(2, `\xfecaching_sha2_password\0${"s".repeat(20)}\0`),
      packet(4, "\x01\x04"),
      packet(6, "\x01-----BEGIN PUBLIC KEY-----"),
    ],
  ],
  redis: [redis, false, [bytes("+OK\r\n"), bytes("*3\r\n$1\r\na\r\n:1\r\n*1\r\n$-1\r\n")]],
} as const;

/** The timeout once the server sends no more; what it sent is read in time, since it comes from this process. */
const WAIT_MS = 30;

for (const [name, [kind, speaksFirst, whole]] of Object.entries(good)) {
  const run = (timeoutMs: number) =>
    outcomeOf(kind as CheckKind, { [kind.name]: `${kind.name}://u:geheim@127.0.0.1:${port}` }, { timeoutMs });

  test(`${name}: the conversation is valid before it is corrupted`, async () => {
    [steps, greets] = [whole, speaksFirst];
    const outcome = await run(10_000);
    const refused = { ok: false, reason: expect.stringMatching(/^(auth|mismatch)$/) };
    expect(outcome).toMatchObject(/scram|plugin/.test(name) ? refused : { ok: true });
  });

  test(`${name}: with any bytes changed, a run ends with a known reason`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(120), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const copies = whole.map((step) => Buffer.from(step));
          for (const [step, at, byte] of changes) {
            const copy = copies[step];
            if (copy) copy[at % copy.byteLength] = byte;
          }
          [steps, greets] = [copies, speaksFirst];
          const outcome = await run(WAIT_MS);
          if (!outcome.ok) expect(outcome.reason).toMatch(/^(auth|mismatch|closed|not-ready|missing|tls|timeout)$/);
          expect(JSON.stringify(outcome)).not.toContain("geheim");
          expect(JSON.stringify(outcome)).not.toMatch(/ERR_|undefined|Error/);
        },
      ),
      { numRuns: 150 },
    );
  }, 120_000);
}
