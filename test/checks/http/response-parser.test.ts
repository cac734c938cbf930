// The parser accepts any bytes in any pieces and never throws. How the bytes are cut into pieces changes nothing.

import { expect, test } from "bun:test";
import { BODY_BYTES } from "../../../src/checks/http/body.ts";
import { HEAD_BYTES, ResponseParser } from "../../../src/checks/http/response-parser.ts";
import * as fc from "../../support/properties.ts";

/** What is parsed of `text` (a character is a byte); with `ends` the peer closes after it. */
function parse(text: string, { ends = false, method = "GET", pieces = [text] } = {}): object {
  const parser = new ResponseParser(method);
  for (const piece of pieces) parser.push(Buffer.from(piece, "latin1"));
  if (ends) parser.end();
  const { state, problem, status } = parser;
  const body = Buffer.from(parser.body).toString("latin1");
  return { state, ...(problem !== "" && { problem }), ...(body !== "" && { body }), status };
}

const HEAD = "HTTP/1.1 200 OK\r\n";

test.each([
  ["a body as long as Content-Length says", `${HEAD}Content-Length: 2\r\n\r\nOKmore`, "OK"],
  ["two equal lengths", `${HEAD}Content-Length: 2\r\ncontent-length: 2\r\n\r\nOK`, "OK"],
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
    "chunks beside a Content-Length, which is ignored",
    `${HEAD}Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
    "a",
  ],
  ["trailers", `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n`, "a"],
  ["a header that continues on the next line", `${HEAD}X: a\r\n b\r\nContent-Length: 1\r\n\r\n1`, "1"],
])("a complete response: %s", (_, text, body) => {
  expect(parse(text)).toMatchObject({ state: "complete", ...(body !== undefined && { body }) });
  expect(parse(text, { pieces: [...text] })).toEqual(parse(text));
});

test("without a length the body ends with the connection", () => {
  const text = `${HEAD}\r\nall of it`;
  expect(parse(text)).toMatchObject({ state: "body" });
  expect(parse(text, { ends: true })).toMatchObject({ state: "complete", body: "all of it" });
});

test("HEAD is answered without a body", () => {
  expect(parse(`${HEAD}Content-Length: 9\r\n\r\n`, { method: "HEAD" })).toEqual({ state: "complete", status: 200 });
});

test.each([
  ["SSH-2.0-OpenSSH_9.2p1\r\n", "the status line is malformed"],
  ["+PONG", "the status line is malformed"],
  ["<html>old</html>", "the status line is malformed"],
  ["HTTP/2.0 200 OK\r\n", "the status line is malformed"],
  ["HTTP/1.1 2000 OK\r\n", "the status line is malformed"],
  ["HTTP/1.1 099 Low\r\n", "the status line is malformed"],
  ["HTTP/1.1 200 O\0K\r\n", "the status line is malformed"],
  ["\r\nHTTP/1.1 200 OK\r\n\r\n", "the status line is malformed"],
  ["\x15\x03\x03\0\x02\x02\x16", "it speaks TLS; write https:// in the URL"],
  [`${HEAD}no colon\r\n\r\n`, "a header is malformed"],
  [`${HEAD}Name : x\r\n\r\n`, "a header is malformed"],
  [`${HEAD}: x\r\n\r\n`, "a header is malformed"],
  [`${HEAD} X: y\r\n\r\n`, "the first header begins with a space"],
  [`${HEAD}X: a\rb\r\n\r\n`, "a header contains a control character"],
  [`${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, "Content-Length is not a single number"],
  [`${HEAD}Content-Length: -1\r\n\r\n`, "Content-Length is not a single number"],
  [`${HEAD}Content-Length: 1e3\r\n\r\n`, "Content-Length is not a single number"],
  [`${HEAD}Content-Length: 9999999999999999\r\n\r\n`, "Content-Length is not a single number"],
  [`${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n`, "the transfer coding was not requested"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\nOK\r\n`, "the size of a chunk is malformed"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\n`, "the size of a chunk is malformed"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffff\r\n`, "the size of a chunk is malformed"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\n1\na\r\n`, "a chunk is malformed"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n`, "a chunk does not end after its size"],
])("%j is not HTTP/1.1", (text, problem) => {
  expect(parse(text)).toMatchObject({ state: "invalid", problem });
  expect(parse(text, { pieces: [...text] })).toMatchObject({ state: "invalid", problem });
});

test.each([
  ["\0\0", "\x12\x04\0\0\0\0\0", "it speaks only HTTP/2, and this check speaks HTTP/1.1"],
  ["\0", "\0\x08\x07\0\0\0\0\0", "it speaks only HTTP/2, and this check speaks HTTP/1.1"],
  ["\0\0\x12\x04\0\0\0\0", "\0", "it speaks only HTTP/2, and this check speaks HTTP/1.1"],
  ["\x15", "\x03\x03\0\x02\x02\x16", "it speaks TLS; write https:// in the URL"],
  ["\0\0", "\0\x0f\0\0\0\0\0", "the status line is malformed"],
])("the first piece %j does not decide which other protocol it is", (first, rest, problem) => {
  const parser = new ResponseParser("GET");
  parser.push(Buffer.from(first, "latin1"));
  expect(parser.state).toBe("head");
  parser.push(Buffer.from(rest, "latin1"));
  expect({ state: parser.state, problem: parser.problem }).toEqual({ state: "invalid", problem });
  const ended = new ResponseParser("GET");
  ended.push(Buffer.from(first, "latin1"));
  ended.end();
  expect({ state: ended.state, problem: ended.problem }).toEqual({
    state: "invalid",
    problem: "the status line is malformed",
  });
});

test.each([
  ["", "without an answer"],
  ["HTTP/1.1 200", "in the middle of the headers"],
  [`${HEAD}X: y\r\n`, "in the middle of the headers"],
  [`HTTP/1.1 100 Continue\r\n\r\n`, "in the middle of the headers"],
  [`${HEAD}Content-Length: 20\r\n\r\n0123456789`, "after 10 of 20 bytes of the body"],
  [`${HEAD}Content-Length: 20\r\n\r\n`, "after 0 of 20 bytes of the body"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nab`, "after 2 bytes of the body"],
  [`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n`, "after 2 bytes of the body"],
])("the connection closes too early after %j", (text, problem) => {
  expect(parse(text, { ends: true })).toMatchObject({ state: "interrupted", problem });
});

test("an endless response is read up to a limit", () => {
  const long = "x".repeat(HEAD_BYTES);
  const headers = "the headers are longer than 64 KiB";
  expect(parse(`${HEAD}X: ${long}`)).toMatchObject({ state: "invalid", problem: headers });
  expect(parse(`${HEAD}${"X: y\r\n".repeat(20_000)}`)).toMatchObject({ state: "invalid", problem: headers });
  expect(parse("HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000))).toMatchObject({ state: "invalid", problem: headers });
  const chunked = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
  const framing = "the chunk lines are longer than the chunks";
  expect(parse(`${chunked}1;${"x".repeat(5000)}`)).toMatchObject({ state: "invalid", problem: framing });
  expect(parse(`${chunked}${`1;${"x".repeat(4000)}\r\na\r\n`.repeat(1000)}`)).toMatchObject({
    state: "invalid",
    problem: framing,
  });
  expect(parse(`${chunked}1\r\na\r\n0\r\n${"X: y\r\n".repeat(20_000)}`)).toMatchObject({ state: "invalid" });
  for (const start of [`${HEAD}\r\n`, `${HEAD}Content-Length: 999999\r\n\r\n`, `${chunked}fffff\r\n`]) {
    expect(parse(`${start}${"x".repeat(BODY_BYTES + 1)}`)).toMatchObject({
      state: "truncated",
      body: "x".repeat(BODY_BYTES),
    });
  }
  const whole = `${HEAD}Content-Length: ${BODY_BYTES}\r\n\r\n${"x".repeat(BODY_BYTES)}`;
  expect(parse(whole)).toMatchObject({ state: "complete", body: "x".repeat(BODY_BYTES) });
});

test("single bytes and long runs of blanks are parsed", () => {
  const blanks = `${HEAD}X: a${" ".repeat(50_000)}b\r\n${"Y: y\r\n y\r\n".repeat(1000)}Content-Length: 60000\r\n\r\n`;
  const text = `${blanks}${"x".repeat(60_000)}`;
  expect(parse(text, { pieces: [...text] })).toMatchObject({ state: "complete" });
});

/** Bytes that resemble a response. */
const responses = fc.oneof(
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

test("any bytes give the same result in any pieces, and never throw", () => {
  fc.assert(
    fc.property(
      responses,
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
        expect(parse(text, { ends, method, pieces: [...pieces, rest] })).toEqual(parse(text, { ends, method }));
      },
    ),
    { numRuns: 5000 },
  );
});

test("a body is parsed as it was sent: counted, chunked, and until the connection closes", () => {
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
      const whole = { state: "complete", status: 200, ...(body !== "" && { body }) };
      expect(parse(`${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`)).toEqual(whole);
      expect(parse(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunked}0\r\n\r\n`)).toEqual(whole);
      expect(parse(`${HEAD}\r\n${body}`, { ends: true })).toEqual(whole);
    }),
  );
});
