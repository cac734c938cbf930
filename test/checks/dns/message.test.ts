// Whatever bytes a name server sends, the parser ends with an answer or with nothing.

import { expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { askServer, type DnsQuestion, encodeQuery, formatIPv6, parseAnswer } from "../../../src/checks/dns/message.ts";
import { isFailure } from "../../../src/outcome.ts";
import * as fc from "../../support/properties.ts";

const QUESTION: DnsQuestion = { name: "good.test", type: "A" };
const query = encodeQuery(0x1234, QUESTION);

/** An answer to `query` with these counts in its header, and the records as bytes. */
function answer(records: readonly (readonly number[])[], flags = 0x8180): Uint8Array {
  const head = [0x12, 0x34, flags >> 8, flags & 0xff, 0, 1, records.length >> 8, records.length & 0xff, 0, 0, 0, 0];
  return Uint8Array.from([...head, ...query.subarray(12), ...records.flat()]);
}

const record = (type: number, data: readonly number[], length = data.length): readonly number[] => [
  0xc0,
  12,
  0,
  type,
  0,
  1,
  0,
  0,
  0,
  9,
  length >> 8,
  length & 0xff,
  ...data,
];

test("an answer is read; a message that is no answer to the question is ignored", () => {
  const good = answer([record(1, [127, 0, 0, 1])]);
  expect(parseAnswer(good, query)).toEqual({
    code: "NOERROR",
    truncated: false,
    records: [{ type: "A", text: "127.0.0.1" }],
  });
  expect(parseAnswer(answer([], 0x8183), query)).toEqual({ code: "NXDOMAIN", truncated: false, records: [] });
  expect(parseAnswer(answer([], 0x8380), query)).toEqual({ code: "NOERROR", truncated: true, records: [] });
  expect(parseAnswer(good, encodeQuery(0x1235, QUESTION))).toBeUndefined();
  expect(parseAnswer(good, encodeQuery(0x1234, { ...QUESTION, name: "goof.test" }))).toBeUndefined();
  expect(parseAnswer(good, encodeQuery(0x1234, { ...QUESTION, type: "MX" }))).toBeUndefined();
  expect(parseAnswer(query, query)).toBeUndefined();
});

test("pointers of names lead only backwards, and data must have its stated length", () => {
  for (const bad of [
    record(1, [127, 0, 0]),
    record(1, [127, 0, 0, 1, 9]),
    record(1, [127, 0, 0, 1], 5),
    record(5, [0xc0, 39]),
    record(5, [0xc0, 0xff]),
    record(5, [1, 97]),
    record(5, [0x80, 97, 0]),
    record(
      5,
      Array.from({ length: 200 }, () => [1, 97])
        .flat()
        .concat(0),
    ),
    record(16, [5, 97]),
  ]) {
    expect(parseAnswer(answer([bad]), query)).toBeUndefined();
  }
  expect(parseAnswer(answer([record(5, [1, 97, 0xc0, 12])]), query)?.records).toEqual([
    { type: "CNAME", text: "a.good.test." },
  ]);
  expect(parseAnswer(answer([record(5, [3, 46, 200, 34, 0])]), query)?.records).toEqual([
    { type: "CNAME", text: '\\.\\200\\".' },
  ]);
});

test("any bytes give an answer or nothing, and never a throw", () => {
  const good = [
    answer([record(1, [127, 0, 0, 1]), record(15, [0, 10, 0xc0, 12]), record(16, [2, 97, 98, 0])]),
    answer([record(6, [0xc0, 12, 0xc0, 12, ...new Uint8Array(20)]), record(33, [0, 1, 0, 2, 0, 3, 1, 97, 0])]),
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      parseAnswer(bytes, query);
      parseAnswer(Uint8Array.from([...answer([], 0x8180).subarray(0, query.byteLength), ...bytes]), query);
    }),
    { numRuns: 2000 },
  );
  // Valid answers with a few bytes changed, or cut short.
  fc.assert(
    fc.property(
      fc.constantFrom(...good),
      fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 5 }),
      fc.nat(120),
      (whole, spoilt, cut) => {
        const bytes = Uint8Array.from(whole);
        for (const [at, byte] of spoilt) if (at < bytes.byteLength) bytes[at] = byte;
        parseAnswer(bytes, query);
        parseAnswer(bytes.subarray(0, cut), query);
      },
    ),
    { numRuns: 5000 },
  );
});

test("64 KiB of names that all point to the same one are read", () => {
  const records = Array.from({ length: 4600 }, () => record(5, [0xc0, 12]));
  expect(parseAnswer(answer(records), query)?.records).toEqual(
    records.map(() => ({ type: "CNAME", text: "good.test." })),
  );
});

test("an IPv6 address is as short as RFC 5952 has it", () => {
  const text = (hex: string) => formatIPv6(Uint8Array.from(Buffer.from(hex, "hex")));
  expect(text("00000000000000000000000000000000")).toBe("::");
  expect(text("00000000000000000000000000000001")).toBe("::1");
  expect(text("20010db8000000010000000000000001")).toBe("2001:db8:0:1::1");
  expect(text("20010db8000000000001000000000001")).toBe("2001:db8::1:0:0:1");
  expect(text("20010db8000100010001000100000001")).toBe("2001:db8:1:1:1:1:0:1");
  expect(text("00000000000000000000ffffc0000201")).toBe("::ffff:192.0.2.1");
  expect(text("20010000000000000000000000000000")).toBe("2001::");
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      expect(isIPv6(formatIPv6(bytes))).toBe(true);
    }),
  );
});

test("junk from the server is skipped for the answer after it", async () => {
  const server = createSocket("udp4");
  await new Promise<void>((bound) => server.bind(0, "127.0.0.1", bound));
  server.on("message", (message, { port, address }) => {
    const wrongId = Uint8Array.from(message);
    wrongId[0] = (wrongId[0] ?? 0) ^ 0xff;
    wrongId[2] = 0x81;
    const right = Uint8Array.from([...message, ...record(1, [10, 0, 0, 1])]);
    right.set([0x81, 0x80, 0, 1, 0, 1], 2);
    for (const datagram of [new Uint8Array(0), wrongId, message, right]) server.send(datagram, port, address);
  });
  const asked = await askServer(
    { family: "tcp", host: "127.0.0.1", port: server.address().port },
    QUESTION,
    AbortSignal.timeout(10_000),
  );
  expect(isFailure(asked) ? asked : asked.records).toEqual([{ type: "A", text: "10.0.0.1" }]);
  server.close();
});
