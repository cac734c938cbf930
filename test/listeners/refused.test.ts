// What is no request is recognised by its first bytes; some of what the runtime refuses is a request all the same.

import { expect, test } from "bun:test";
import { type Received, recognise, startOf } from "../../src/listeners/refused.ts";

const METHOD = "HPE_INVALID_METHOD";
const CONSTANT = "HPE_INVALID_CONSTANT";
const PROXY = {
  why: "proxy_protocol",
  refused: "request refused: PROXY protocol header (an NLB with proxy_protocol_v2, HAProxy send-proxy)",
} as const;
const NONE = { why: "not_http", refused: "request refused: not an HTTP/1.0 or HTTP/1.1 request" } as const;
const MALFORMED = { why: "malformed", refused: "request refused: malformed HTTP headers" } as const;

test.each<readonly [string, string, Received]>([
  ["PROXY TCP4 10.0.0.1 10.0.0.2 4242 5000\r\nGET / HTTP/1.1\r\n\r\n", CONSTANT, PROXY],
  ["PROXY UNKNOWN\r\n", CONSTANT, PROXY],
  ["\r\n\r\n\0\r\nQUIT\n\x20\0\0\0GET / HTTP/1.1\r\n\r\n", METHOD, PROXY],
  ["\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", METHOD, PROXY],
  ["\r\n\r\n\0", METHOD, PROXY],
  ["\r\n\r\n\0\r\nQUI", METHOD, PROXY],
  ["\n\0\r\nQUIT\n\x21\x11\0\x0c", METHOD, PROXY],
  ["\0\r\nQUIT\n\x21\x11\0\x0c", METHOD, PROXY],
  [
    "\x16\x03\x01\x02\0\x01\0",
    METHOD,
    {
      why: "tls",
      refused: "request refused: TLS handshake (a health check of protocol HTTPS or TLS; this listener speaks HTTP)",
    },
  ],
  [
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HPE_PAUSED_H2_UPGRADE",
    {
      why: "http2",
      refused: "request refused: HTTP/2 (an ALB target group of protocol version HTTP2 or gRPC; HTTP1 is answered)",
    },
  ],
  [
    "GET /aaaa",
    "HPE_HEADER_OVERFLOW",
    { why: "too_large", refused: "request refused: URL and headers of more than 16 KB, or more than 198 header lines" },
  ],
  ["OPTIONS * HTTP/1.0\r\nHost: x\r\n\r\n", CONSTANT, { path: "/" }],
  ["HEALTH /replica?x HTTP/1.0\r\n\r\n", METHOD, { path: "/replica?x" }],
  ["get / HTTP/1.1\r\n\r\n", METHOD, { path: "/" }],
  ["GET / HTTP/1.0\n\n", "HPE_INVALID_VERSION", { path: "/" }],
  ["GET / HTTP/1.2\r\n\r\n", "HPE_INVALID_VERSION", { path: "/" }],
  ["GET /\xff HTTP/1.1\r\n\r\n", "HPE_INVALID_URL", { path: "/\xff" }],
  ["GET / HTTP/1.1\r\nA b: c\r\n\r\n", "HPE_INVALID_HEADER_TOKEN", MALFORMED],
  ["POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "HPE_UNEXPECTED_CONTENT_LENGTH", MALFORMED],
  ["GET /\x01 HTTP/1.1\r\n\r\n", "HPE_INVALID_URL", NONE],
  ["GET /\r\n", "HPE_INVALID_VERSION", NONE],
  ["SSH-2.0-x\r\n", METHOD, NONE],
  ["\0", METHOD, NONE],
])("%j, refused for %s", (received, code, expected) => {
  expect(recognise(Buffer.from(received, "latin1"), code)).toEqual(expected);
});

test("the log shows only the start of the first line that was received", () => {
  expect(startOf(Buffer.alloc(100, "a"))).toBe("a".repeat(40));
  expect(startOf(Buffer.from("\r\n\r\n\0\r\nQUIT\n!"))).toBe("\r\n\r\n\0\r\nQUIT");
  expect(startOf(Buffer.from("GET /x?token=abc HTTP/1.1\r\nAuthorization: s"))).toBe("GET /x");
  expect(startOf(Buffer.from("GET /x\r\nAuthorization: s"))).toBe("GET /x");
});
