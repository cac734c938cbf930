// The bytes of one HTTP/1.1 request (RFC 9112). It asks the server to close the connection afterwards.

import { version } from "../../text/version.ts";

/** The caller guarantees that no text but the body contains CR, LF or another control character. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly host: string;
  /** Sent besides Host, Connection and Content-Length; they replace the other defaults. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | undefined;
}

/** RFC 9110, 8.6: a request with one of these methods states the length of its body even if it has none. */
const METHODS_WITH_BODY = new Set(["POST", "PUT", "PATCH"]);

export function formatRequest({ method, path, host, headers, body }: HttpRequest): string {
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const defaults = [
    ["User-Agent", `health-checker/${version}`],
    ["Accept", "*/*"],
    // Without this line the server may choose any coding (RFC 9110, 12.5.3).
    ["Accept-Encoding", "identity"],
  ] as const;
  const fields = [
    ["Host", host],
    ...defaults.filter(([name]) => !given.has(name.toLowerCase())),
    ...headers,
    ...(body === undefined && !METHODS_WITH_BODY.has(method)
      ? []
      : [["Content-Length", String(Buffer.byteLength(body ?? ""))] as const]),
    ["Connection", "close"],
  ];
  const lines = [`${method} ${path} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`)];
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}
