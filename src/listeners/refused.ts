// Recognises what a client sent that the server refuses as a request.

export type Received =
  /** A request that can be answered: of an unknown method, for `*`, or with lines that end in LF alone. */
  { readonly path: string } | Refused;

/** What it is, in a word for metrics and in a constant message that names the likely sender. */
interface Refused {
  readonly why: "proxy_protocol" | "tls" | "http2" | "too_large" | "malformed" | "not_http";
  readonly refused: string;
}

const PROXY_V1 = "PROXY ";

/** "\r\n\r\n\0\r\nQUIT\n". The server may have skipped its blank lines, and its end may not have arrived yet. */
const isProxyV2 = (text: string): boolean => /^(?:[\r\n]+\0(?:$|\r)|\0\r\n)/.test(text);

const HTTP2 = "PRI * HTTP/2.0";

/** A TLS record that holds a handshake, of SSL 3.0 to TLS 1.3. */
const isTls = ([type, major, minor = 255]: Uint8Array): boolean => type === 0x16 && major === 3 && minor <= 4;

const REQUEST_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ (\*|\/[\x21-\x7e\x80-\xff]*) HTTP\/1\.\d\r?\n/;

const refused = (why: Refused["why"], what: string): Refused => ({ why, refused: `request refused: ${what}` });

const NO_REQUEST = refused("not_http", "not an HTTP/1.0 or HTTP/1.1 request");

/** Names of node:http for errors in the first line. */
const FIRST_LINE = ["HPE_INVALID_METHOD", "HPE_INVALID_CONSTANT", "HPE_INVALID_URL", "HPE_INVALID_VERSION"];

export const TOO_LARGE = "HPE_HEADER_OVERFLOW";

/** `bytes` are the last that arrived, as a rule all of them. `code` is the server's reason. */
export function recognise(bytes: Uint8Array, code: string): Received {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  if (text.startsWith(PROXY_V1) || isProxyV2(text)) {
    return refused("proxy_protocol", "PROXY protocol header (an NLB with proxy_protocol_v2, HAProxy send-proxy)");
  }
  if (isTls(bytes)) {
    return refused("tls", "TLS handshake (a health check of protocol HTTPS or TLS; this listener speaks HTTP)");
  }
  if (text.startsWith(HTTP2)) {
    return refused("http2", "HTTP/2 (an ALB target group of protocol version HTTP2 or gRPC; HTTP1 is answered)");
  }
  if (code === TOO_LARGE) {
    return refused("too_large", "URL and headers of more than 16 KB, or more than 198 header lines");
  }
  const target = REQUEST_LINE.exec(text)?.[1];
  if (target === undefined) return NO_REQUEST;
  if (!FIRST_LINE.includes(code)) return refused("malformed", "malformed HTTP headers");
  return { path: target === "*" ? "/" : target };
}

/** The start of the first line, for the log, without the query, which may hold a secret. */
export function startOf(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.slice(0, 40)).toString("latin1");
  return /^[\r\n\0]*[^\r\n?]*/.exec(start)?.[0] ?? "";
}
