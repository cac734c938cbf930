// What is no request is recognised by its first bytes; some of what the runtime refuses is a request all the same.

import { expect, test } from "bun:test";
import { recognise, startOf } from "../../src/listeners/refused.ts";

const METHOD = "HPE_INVALID_METHOD";
const CONSTANT = "HPE_INVALID_CONSTANT";
const PROXY = "request refused: PROXY protocol header (an NLB with proxy_protocol_v2, HAProxy send-proxy)";
const NONE = "request refused: not an HTTP/1.0 or HTTP/1.1 request";
const MALFORMED = "request refused: malformed HTTP headers";

test.each([
  ["PROXY TCP4 10.0.0.1 10.0.0.2 4242 5000\r\nGET / HTTP/1.1\r\n\r\n", CONSTANT, { refused: PROXY }],
  ["PROXY UNKNOWN\r\n", CONSTANT, { refused: PROXY }],
  ["\r\n\r\n\0\r\nQUIT\n\x20\0\0\0GET / HTTP/1.1\r\n\r\n", METHOD, { refused: PROXY }],
  ["\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", METHOD, { refused: PROXY }],
  ["\r\n\r\n\0", METHOD, { refused: PROXY }],
  ["\r\n\r\n\0\r\nQUI", METHOD, { refused: PROXY }],
  ["\n\0\r\nQUIT\n\x21\x11\0\x0c", METHOD, { refused: PROXY }],
  ["\0\r\nQUIT\n\x21\x11\0\x0c", METHOD, { refused: PROXY }],
  [
    "\x16\x03\x01\x02\0\x01\0",
    METHOD,
    { refused: "request refused: TLS handshake (a health check of protocol HTTPS or TLS; this listener speaks HTTP)" },
  ],
  [
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HPE_PAUSED_H2_UPGRADE",
    { refused: "request refused: HTTP/2 (an ALB target group of protocol version HTTP2 or gRPC; HTTP1 is answered)" },
  ],
  [
    "GET /aaaa",
    "HPE_HEADER_OVERFLOW",
    { refused: "request refused: URL and headers of more than 16 KB, or more than 198 header lines" },
  ],
  ["OPTIONS * HTTP/1.0\r\nHost: x\r\n\r\n", CONSTANT, { path: "/" }],
  ["HEALTH /replica?x HTTP/1.0\r\n\r\n", METHOD, { path: "/replica?x" }],
  ["get / HTTP/1.1\r\n\r\n", METHOD, { path: "/" }],
  ["GET / HTTP/1.0\n\n", "HPE_INVALID_VERSION", { path: "/" }],
  ["GET / HTTP/1.2\r\n\r\n", "HPE_INVALID_VERSION", { path: "/" }],
  ["GET /\xff HTTP/1.1\r\n\r\n", "HPE_INVALID_URL", { path: "/\xff" }],
  ["GET / HTTP/1.1\r\nA b: c\r\n\r\n", "HPE_INVALID_HEADER_TOKEN", { refused: MALFORMED }],
  ["POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "HPE_UNEXPECTED_CONTENT_LENGTH", { refused: MALFORMED }],
  ["GET /\x01 HTTP/1.1\r\n\r\n", "HPE_INVALID_URL", { refused: NONE }],
  ["GET /\r\n", "HPE_INVALID_VERSION", { refused: NONE }],
  ["SSH-2.0-x\r\n", METHOD, { refused: NONE }],
  ["\0", METHOD, { refused: NONE }],
])("%j, refused for %s", (received, code, expected) => {
  expect(recognise(Buffer.from(received, "latin1"), code)).toEqual(expected);
});

test("the log shows only the start of the first line that was received", () => {
  expect(startOf(Buffer.alloc(100, "a"))).toBe("a".repeat(40));
  expect(startOf(Buffer.from("\r\n\r\n\0\r\nQUIT\n!"))).toBe("\r\n\r\n\0\r\nQUIT");
  expect(startOf(Buffer.from("GET /x?token=abc HTTP/1.1\r\nAuthorization: s"))).toBe("GET /x");
  expect(startOf(Buffer.from("GET /x\r\nAuthorization: s"))).toBe("GET /x");
});
