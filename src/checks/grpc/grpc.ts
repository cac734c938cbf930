// grpc: passes when the server's health service (grpc.health.v1.Health/Check) answers SERVING, for
// the server as a whole or for one service.

import { address, text } from "../../fields/field.ts";
import { optional, required } from "../../fields/keys.ts";
import { filesOfTls, tls } from "../../fields/tls.ts";
import { formatAddress } from "../../net/address.ts";
import { type Failure, failed, isFailure, type Outcome } from "../../outcome.ts";
import { plainLine } from "../../text/printable.ts";
import { ADDRESS_ALIASES, defineKind } from "../kind.ts";
import type { GrpcResponse } from "./call.ts";

/** Values of ServingStatus; only Watch answers SERVICE_UNKNOWN. */
const SERVING = 1;
const SERVING_STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const STATUSES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/** A longer text of the peer is cut in a message. */
const TEXT_CHARACTERS = 200;

export const grpc = defineKind({
  name: "grpc",
  value: "ADDRESS",
  rule: "the server's grpc.health.v1.Health service answers SERVING",
  example: "grpc: 127.0.0.1:50051",
  aliases: ADDRESS_ALIASES,
  keys: {
    grpc: required(address, "the address of the server; a port alone means 127.0.0.1"),
    service: optional(text("the name of a service"), "the service to check; by default the server as a whole"),
    authority: optional(text("a host name, with an optional port"), "the :authority to send; by default the target"),
    tls,
  },
  conflict: ({ authority }) =>
    authority === undefined || /^[\w.:[\]%~-]+$/.test(authority)
      ? undefined
      : { path: ["authority"], expected: "a host name, with an optional port", got: "other characters" },
  target: ({ grpc, service }) => (service === undefined ? formatAddress(grpc) : `${formatAddress(grpc)} ${service}`),
  peer: ({ grpc }) => grpc,
  files: ({ tls }) => filesOfTls(tls),
  async probe({ grpc: target, service = "", authority, tls: tlsSettings }, { timeoutMs }) {
    const [{ openStream }, { checkHealth, decodeResponse }] = await Promise.all([
      import("../../net/stream.ts"),
      import("./call.ts"),
    ]);
    const peer = formatAddress(target);
    const host = tlsSettings?.["server-name"] ?? (target.family === "tcp" ? peer : "localhost");
    const call = { peer, scheme: tlsSettings ? "https" : "http", authority: authority ?? host, service } as const;
    const options = { maxWaitMs: timeoutMs / 2, tls: tlsSettings, ...(tlsSettings && { alpn: ["h2"] }) };
    return async ({ signal }): Promise<Outcome> => {
      const stream = await openStream(target, options, signal);
      if (isFailure(stream)) return stream;
      if (tlsSettings && "alpnProtocol" in stream.socket && stream.socket.alpnProtocol !== "h2") {
        stream.close();
        return failed("mismatch", `${peer} does not speak gRPC: it did not agree on HTTP/2 (ALPN h2)`);
      }
      const response = await checkHealth(stream, call, signal);
      if (isFailure(response)) return response;
      const subject = service === "" ? peer : `${peer}: service ${quote(service)}`;
      const refusal = explain(response, peer, subject);
      if (refusal) return refusal;
      const status = decodeResponse(response.body);
      if (status === undefined) return failed("mismatch", `${peer} sent an answer that is not a HealthCheckResponse`);
      if (status !== SERVING)
        return failed("not-ready", `${subject} is ${SERVING_STATUSES[status] ?? `status ${status}`}`);
      return { ok: true, ...(stream.warning !== undefined && { warning: stream.warning }) };
    };
  },
});

/** Why the response is not gRPC with the status OK; undefined if it is. */
function explain(
  { httpStatus, contentType, status, message }: GrpcResponse,
  peer: string,
  subject: string,
): Failure | undefined {
  if (status === undefined) {
    if (httpStatus === 200 && contentType.startsWith("application/grpc")) {
      return failed("mismatch", `${peer} ended its answer without a grpc-status`);
    }
    const content = contentType === "" ? "" : `, ${quote(contentType)}`;
    return failed(reasonOfHttp(httpStatus), `${peer} did not answer with gRPC: HTTP status ${httpStatus}${content}`);
  }
  const name = STATUSES[status] ?? `grpc-status ${status}`;
  const suffix = message === "" ? "" : ` ${quote(message)}`;
  switch (name) {
    case "OK":
      return undefined;
    case "UNIMPLEMENTED":
      return failed("mismatch", `${peer} has no service grpc.health.v1.Health: UNIMPLEMENTED${suffix}`);
    case "NOT_FOUND":
      return failed("mismatch", `${subject} is unknown to the server: NOT_FOUND${suffix}`);
    case "UNAUTHENTICATED":
    case "PERMISSION_DENIED":
      return failed("auth", `${subject}: ${name}${suffix}`);
    case "UNAVAILABLE":
    case "RESOURCE_EXHAUSTED":
    case "DEADLINE_EXCEEDED":
      return failed("not-ready", `${subject}: ${name}${suffix}`);
    default:
      return failed("mismatch", `${subject}: ${name}${suffix}`);
  }
}

/** How gRPC clients interpret the HTTP status of a proxy. */
function reasonOfHttp(status: number): "auth" | "not-ready" | "mismatch" {
  if (status === 401 || status === 403) return "auth";
  return [429, 502, 503, 504].includes(status) ? "not-ready" : "mismatch";
}

const quote = (text: string): string => JSON.stringify(plainLine(text, TEXT_CHARACTERS));
