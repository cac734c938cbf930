// The reader of answers takes any bytes, in any pieces, and never throws; the pieces
// change nothing.

import { expect, test } from "bun:test";
import { BODY_BYTES, createReader, excerpt, formatRequest, HEAD_BYTES } from "../../../src/checks/http/client.ts";
import { version } from "../../../src/text/version.ts";
import * as fc from "../../support/properties.ts";

/** What is read of `text` (a byte a character), and of the end of the connection where `ends`. */
function read(text: string, { ends = false, method = "GET", pieces = [text] } = {}): object {
  const reader = createReader(method);
  for (const piece of pieces) reader.push(Buffer.from(piece, "latin1"));
  if (ends) reader.end();
  const { state, status } = reader;
  const body = Buffer.from(reader.body()).toString("latin1");
  return { state, ...(reader.flaw() !== "" && { flaw: reader.flaw() }), ...(body !== "" && { body }), status };
}

const HEAD = "HTTP/1.1 200 OK\r\n";

test("a request has the headers that it needs and those of the check, which replace its defaults", () => {
  expect(formatRequest({ method: "GET", path: "/x?y", host: "a:1", headers: [], body: undefined })).toBe(
    `GET /x?y HTTP/1.1\r\nHost: a:1\r\nUser-Agent: health-checker/${version}\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n`,
  );
  const headers = [
    ["accept", "a/b"],
    ["USER-AGENT", "me"],
  ] as const;
  expect(formatRequest({ method: "POST", path: "/", host: "a", headers, body: "ö" })).toBe(
    "POST / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: identity\r\naccept: a/b\r\nUSER-AGENT: me\r\nContent-Length: 2\r\nConnection: close\r\n\r\nö",
  );
  const bare = { method: "POST", path: "/", host: "a", headers: [], body: undefined };
  expect(formatRequest(bare)).toContain("\r\nContent-Length: 0\r\n");
});

test.each([
  ["a body of the length that is said", `${HEAD}Content-Length: 2\r\n\r\nOKmore`, "OK"],
  ["a length said twice alike", `${HEAD}Content-Length: 2\r\ncontent-length: 2\r\n\r\nOK`, "OK"],
  ["no body", `${HEAD}Content-Length: 0\r\n\r\n`, undefined],
  ["a status without a reason, lines that end with LF alone", "HTTP/1.0 200\nContent-Length: 1\n\n1", "1"],
  ["204, whatever its headers say", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", undefined],
  ["304", "HTTP/1.1 304 Not Modified\r\n\r\n", undefined],
  [
    "interim answers first",
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n${HEAD}Content-Length: 1\r\n\r\nx`,
    "x",
  ],
  [
    "chunks",
    `${HEAD}Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0A;ext="x"\r\n0123456789\r\n0\r\n\r\n`,
    "ab0123456789",
  ],
  [
    "chunks, whatever length is said",
    `${HEAD}Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
    "a",
  ],
  ["trailers", `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n`, "a"],
  ["a header that goes on in the next line", `${HEAD}X: a\r\n b\r\nContent-Length: 1\r\n\r\n1`, "1"],
])("a whole answer: %s", (_, text, body) => {
  expect(read(text)).toMatchObject({ state: "whole", ...(body !== undefined && { body }) });
  expect(read(text, { pieces: [...text] })).toEqual(read(text));
});

test("without a length the body ends with the connection", () => {
  const text = `${HEAD}\r\nall of it`;
  expect(read(text)).toMatchObject({ state: "body" });
  expect(read(text, { ends: true })).toMatchObject({ state: "whole", body: "all of it" });
});

test("HEAD is answered without a body", () => {
  expect(read(`${HEAD}Content-Length: 9\r\n\r\n`, { method: "HEAD" })).toEqual({ state: "whole", status: 200 });
});

test.each([
  ["SSH-2.0-OpenSSH_9.2p1\r\n", "its status line is malformed"],
  ["+PONG", "its status line is malformed"],
  ["<html>old</html>", "its status line is malformed"],
  ["HTTP/2.0 200 OK\r\n", "its status line is malformed"],
  ["HTTP/1.1 2000 OK\r\n", "its status line is malformed"],
  ["HTTP/1.1 099 Low\r\n", "its status line is malformed"],
  ["HTTP/1.1 200 O\0K\r\n", "its status line is malformed"],
  ["\r\nHTTP/1.1 200 OK\r\n\r\n", "its status line is malformed"],
  ["\x15\x03\x03\0\x02\x02\x16", "it speaks TLS; the URL would begin with https://"],
  [`${HEAD}no colon\r\n\r\n`, "a header is malformed"],
  [`${HEAD}Name : x\r\n\r\n`, "a header is malformed"],
  [`${HEAD}: x\r\n\r\n`, "a header is malformed"],
  [`${HEAD} X: y\r\n\r\n`, "its first header begins with a space"],
  [`${HEAD}X: a\rb\r\n\r\n`, "a header holds a control character"],
  [`${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, "its Content-Length is no single number"],
  [`${HEAD}Content-Length: -1\r\n\r\n`, "its Content-Length is no single number"],
  [`${HEAD}Content-Length: 1e3\r\n\r\n`, "its Content-Length is no single number"],
  [`${HEAD}Content-Length: 9999999999999999\r\n\r\n`, "its Content-Length is no single number"],
  [`${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n`, "it has a transfer coding that was not asked for"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\nOK\r\n`, "the size of a chunk is malformed"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\n`, "the size of a chunk is malformed"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffff\r\n`, "the size of a chunk is malformed"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\n1\na\r\n`, "a chunk is malformed"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n`, "a chunk does not end where it should"],
])("no HTTP/1.1: %j", (text, flaw) => {
  expect(read(text)).toMatchObject({ state: "flawed", flaw });
  expect(read(text, { pieces: [...text] })).toMatchObject({ state: "flawed", flaw });
});

test.each([
  ["\0\0", "\x12\x04\0\0\0\0\0", "it speaks HTTP/2 only, and this check HTTP/1.1"],
  ["\0", "\0\x08\x07\0\0\0\0\0", "it speaks HTTP/2 only, and this check HTTP/1.1"],
  ["\0\0\x12\x04\0\0\0\0", "\0", "it speaks HTTP/2 only, and this check HTTP/1.1"],
  ["\x15", "\x03\x03\0\x02\x02\x16", "it speaks TLS; the URL would begin with https://"],
  ["\0\0", "\0\x0f\0\0\0\0\0", "its status line is malformed"],
])("another protocol is not judged by a first piece %j", (first, rest, flaw) => {
  const reader = createReader("GET");
  reader.push(Buffer.from(first, "latin1"));
  expect(reader.state).toBe("head");
  reader.push(Buffer.from(rest, "latin1"));
  expect({ state: reader.state, flaw: reader.flaw() }).toEqual({ state: "flawed", flaw });
  const ended = createReader("GET");
  ended.push(Buffer.from(first, "latin1"));
  ended.end();
  expect({ state: ended.state, flaw: ended.flaw() }).toEqual({ state: "flawed", flaw: "its status line is malformed" });
});

test.each([
  ["", "without an answer"],
  ["HTTP/1.1 200", "amid its headers"],
  [`${HEAD}X: y\r\n`, "amid its headers"],
  [`HTTP/1.1 100 Continue\r\n\r\n`, "amid its headers"],
  [`${HEAD}Content-Length: 20\r\n\r\n0123456789`, "after 10 of 20 bytes of the body"],
  [`${HEAD}Content-Length: 20\r\n\r\n`, "after 0 of 20 bytes of the body"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nab`, "after 2 bytes of the body"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n`, "after 2 bytes of the body"],
])("an end that is too early: %j", (text, flaw) => {
  expect(read(text, { ends: true })).toMatchObject({ state: "broken", flaw });
});

test("a response without end is not read for ever", () => {
  const long = "x".repeat(HEAD_BYTES);
  const headers = "its headers go on for more than 64 KiB";
  expect(read(`${HEAD}X: ${long}`)).toMatchObject({ state: "flawed", flaw: headers });
  expect(read(`${HEAD}${"X: y\r\n".repeat(20_000)}`)).toMatchObject({ state: "flawed", flaw: headers });
  expect(read("HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000))).toMatchObject({ state: "flawed", flaw: headers });
  const chunked = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
  const framing = "there is more around its chunks than in them";
  expect(read(`${chunked}1;${"x".repeat(5000)}`)).toMatchObject({ state: "flawed", flaw: framing });
  expect(read(`${chunked}${`1;${"x".repeat(4000)}\r\na\r\n`.repeat(1000)}`)).toMatchObject({
    state: "flawed",
    flaw: framing,
  });
  expect(read(`${chunked}1\r\na\r\n0\r\n${"X: y\r\n".repeat(20_000)}`)).toMatchObject({ state: "flawed" });
  for (const start of [`${HEAD}\r\n`, `${HEAD}Content-Length: 999999\r\n\r\n`, `${chunked}fffff\r\n`]) {
    expect(read(`${start}${"x".repeat(BODY_BYTES + 1)}`)).toMatchObject({ state: "cut", body: "x".repeat(BODY_BYTES) });
  }
  const whole = `${HEAD}Content-Length: ${BODY_BYTES}\r\n\r\n${"x".repeat(BODY_BYTES)}`;
  expect(read(whole)).toMatchObject({ state: "whole", body: "x".repeat(BODY_BYTES) });
});

test("single bytes and long runs of blanks are read", () => {
  const blanks = `${HEAD}X: a${" ".repeat(50_000)}b\r\n${"Y: y\r\n y\r\n".repeat(1000)}Content-Length: 60000\r\n\r\n`;
  const text = `${blanks}${"x".repeat(60_000)}`;
  expect(read(text, { pieces: [...text] })).toMatchObject({ state: "whole" });
});

/** Bytes that come near to what an answer is. */
const answers = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  fc
    .array(
      fc.constantFrom(
        ...[
          "HTTP/1.1 ",
          "200",
          " OK",
          "\r\n",
          "\n",
          "\r",
          "Content-Length: ",
          "5",
          "Transfer-Encoding: chunked",
          "0",
          "a",
        ],
        ...[
          ": ",
          " ",
          ";",
          ",",
          "100",
          "204",
          "\0",
          "HTTP/1.1 200 OK\r\n",
          "\r\n\r\n",
          "HTTP/1.1 100 Continue\r\n\r\n",
        ],
      ),
      { maxLength: 40 },
    )
    .map((words) => words.join("")),
);

test("any bytes in any pieces are read the same, and never throw", () => {
  fc.assert(
    fc.property(
      answers,
      fc.array(fc.nat(20)),
      fc.boolean(),
      fc.constantFrom("GET", "HEAD"),
      (text, cuts, ends, method) => {
        const pieces: string[] = [];
        let rest = text;
        for (const length of cuts) {
          pieces.push(rest.slice(0, length));
          rest = rest.slice(length);
        }
        expect(read(text, { ends, method, pieces: [...pieces, rest] })).toEqual(read(text, { ends, method }));
      },
    ),
    { numRuns: 5000 },
  );
});

test("a body is read as it was sent, by length, by chunks and by the end of the connection", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.integer({ min: 1, max: 50 })), (bytes, sizes) => {
      const body = Buffer.from(bytes).toString("latin1");
      let chunked = "";
      let rest = body;
      for (const size of [...sizes, body.length]) {
        const chunk = rest.slice(0, size);
        rest = rest.slice(size);
        if (chunk !== "") chunked += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
      }
      const whole = { state: "whole", status: 200, ...(body !== "" && { body }) };
      expect(read(`${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`)).toEqual(whole);
      expect(read(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunked}0\r\n\r\n`)).toEqual(whole);
      expect(read(`${HEAD}\r\n${body}`, { ends: true })).toEqual(whole);
    }),
  );
});

test("an excerpt is short, readable and redacted", () => {
  const redact = (text: string) => text.replaceAll("secret", "***");
  expect(excerpt(Buffer.from(" \n"), redact)).toBeUndefined();
  expect(excerpt(Buffer.from("a\0\x1b[1mb secret\n"), redact)).toBe("a\ufffd\u001b[1mb ***");
  const long = excerpt(Buffer.from("🎈".repeat(300)), redact) ?? "";
  expect(long).toHaveLength(201);
  expect(long.isWellFormed()).toBe(true);
});
