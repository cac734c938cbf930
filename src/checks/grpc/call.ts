// One call of grpc.health.v1.Health/Check over an open stream: gRPC over HTTP/2, and the encoding of its two messages, which
// have a few bytes each.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { Duplex } from "node:stream";
import { beginEnding } from "../../net/closing-connections.ts";
import type { Stream } from "../../net/stream.ts";
import { type Failure, failed } from "../../outcome.ts";
import { afterPendingIo } from "../../system/event-loop.ts";

export interface Call {
  /** The server, for messages: "HOST:PORT". */
  readonly peer: string;
  readonly scheme: "http" | "https";
  readonly authority: string;
  /** Empty: the server as a whole. */
  readonly service: string;
}

export interface GrpcResponse {
  readonly httpStatus: number;
  readonly contentType: string;
  /** The grpc-status; undefined if the response is not gRPC. */
  readonly status: number | undefined;
  /** The grpc-message, decoded; a text of the peer. */
  readonly message: string;
  readonly body: Uint8Array;
}

/** A HealthCheckResponse has seven bytes. */
const MAX_BODY_BYTES = 4096;

/** How long to wait for a peer that does not close after GOAWAY. */
const CLOSE_GRACE_MS = 250;

/** Closes the stream. Never rejects; after an abort the result is a failure "timeout". */
export async function checkHealth(stream: Stream, call: Call, signal: AbortSignal): Promise<GrpcResponse | Failure> {
  const { socket } = stream;
  const closed = failed("closed", `${call.peer} closed the connection before it answered`);
  const late = failed("timeout", `${call.peer}: waiting for the answer to Health/Check`);
  // The runtime would wait for ever for an end that came before.
  if (signal.aborted || socket.destroyed || socket.readableEnded) {
    socket.destroy();
    return signal.aborted ? late : closed;
  }
  return new Promise((resolve) => {
    const session = connect(`${call.scheme}://peer`, {
      createConnection: () => asDuplex(stream),
      settings: { enablePush: false },
    });
    const response = new IncomingResponse();
    let isFinished = false;
    let isBroken = false;
    const finish = (result: GrpcResponse | Failure) => {
      if (isFinished) return;
      isFinished = true;
      signal.removeEventListener("abort", onAbort);
      if (signal.aborted) session.destroy();
      else endSession(session, stream);
      resolve(result);
    };
    /** Ends the call, unless data that arrived before is the whole response. */
    const breakOff = (failure: Failure) => {
      isBroken = true;
      afterPendingIo(() => {
        if (signal.aborted) return finish(late);
        const arrived = response.read();
        finish(arrived.status !== undefined ? arrived : (stream.failureBefore("it answered") ?? failure));
      });
    };
    const onAbort = () => finish(late);
    const onError = (error: Error) => breakOff(explain(error, call.peer));
    const onClose = () => breakOff(closed);
    signal.addEventListener("abort", onAbort);
    session.on("error", onError);
    session.on("close", onClose);
    socket.on("close", onClose);
    const request = openRequest(session, call);
    if (request instanceof Error) return onError(request);
    request.on("response", (headers) => {
      response.headers = headers;
      if (response.isFinal()) finish(response.read());
    });
    request.on("trailers", (trailers) => {
      response.trailers = trailers;
    });
    request.on("data", (chunk: Uint8Array) => {
      if (!response.add(chunk)) finish(failed("mismatch", `${call.peer} sent a longer answer than a health check has`));
    });
    request.on("error", onError);
    request.on("close", () => (isBroken || !response.hasStarted() ? onClose() : finish(response.read())));
    request.end(encodeRequest(call.service));
  });
}

/** The response as far as it has arrived. */
class IncomingResponse {
  headers: IncomingHttpHeaders & { readonly ":status"?: number | undefined } = {};
  trailers: IncomingHttpHeaders = {};
  readonly #chunks: Uint8Array[] = [];
  #bodyBytes = 0;

  hasStarted(): boolean {
    return this.headers[":status"] !== undefined;
  }

  /** Whether the headers decide: a response that is not gRPC may never end, and an error needs no body. */
  isFinal(): boolean {
    const { httpStatus, contentType, status } = this.read();
    return httpStatus !== 200 || !contentType.startsWith("application/grpc") || status !== undefined;
  }

  /** False if the body is too long for a health check. */
  add(chunk: Uint8Array): boolean {
    this.#chunks.push(chunk);
    this.#bodyBytes += chunk.byteLength;
    return this.#bodyBytes <= MAX_BODY_BYTES;
  }

  read(): GrpcResponse {
    const { headers, trailers } = this;
    const status = trailers["grpc-status"] ?? headers["grpc-status"];
    return {
      httpStatus: headers[":status"] ?? 0,
      contentType: headers["content-type"] ?? "",
      status: typeof status === "string" && /^\d{1,9}$/.test(status) ? Number(status) : undefined,
      message: decodeMessage(String(trailers["grpc-message"] ?? headers["grpc-message"] ?? "")),
      body: Buffer.concat(this.#chunks),
    };
  }
}

/**
 * The stream as a Duplex for the session. The runtime loses the trailers when the socket ends right after the
 * answer, so the end comes a turn of the event loop later here.
 */
function asDuplex(stream: Stream): Duplex {
  return new Duplex({
    read() {
      void stream.read("the answer to Health/Check").then((piece) => {
        if (piece instanceof Uint8Array) this.push(piece);
        else afterPendingIo(() => this.push(null));
      });
    },
    write(data, _, done) {
      stream.write(data);
      done();
    },
  });
}

/** Returns an error if the session has already ended. */
function openRequest(session: ClientHttp2Session, { scheme, authority }: Call): ClientHttp2Stream | Error {
  try {
    return session.request(
      {
        ":method": "POST",
        ":scheme": scheme,
        ":authority": authority,
        ":path": "/grpc.health.v1.Health/Check",
        "content-type": "application/grpc",
        te: "trailers",
        "user-agent": "health-checker",
      },
      { endStream: false },
    );
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Sends GOAWAY, then FIN. */
function endSession(session: ClientHttp2Session, stream: Stream): void {
  const over = beginEnding();
  session.close();
  stream.close();
  if (session.destroyed) {
    over();
    return;
  }
  const giveUp = setTimeout(() => session.destroy(), CLOSE_GRACE_MS);
  session.on("close", () => {
    clearTimeout(giveUp);
    over();
  });
}

function explain(error: Error, peer: string): Failure {
  const code = "code" in error ? String(error.code) : error.message;
  switch (code) {
    case "ERR_HTTP2_GOAWAY_SESSION":
      return failed("not-ready", `${peer} accepts no more calls (GOAWAY)`);
    default:
      return failed("mismatch", `${peer} does not speak gRPC: its answer is not valid HTTP/2`);
  }
}

/** An uncompressed frame with HealthCheckRequest { string service = 1 }. */
export function encodeRequest(service: string): Uint8Array {
  const name = Buffer.from(service);
  const field = name.byteLength === 0 ? [] : [0x0a, ...encodeVarint(name.byteLength)];
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(field.length + name.byteLength, 1);
  return Buffer.concat([frame, Uint8Array.from(field), name]);
}

/**
 * The status of HealthCheckResponse { ServingStatus status = 1 }; undefined unless the body is exactly one such
 * message. Unknown fields are skipped, as protobuf demands.
 */
export function decodeResponse(body: Uint8Array): number | undefined {
  if (body.byteLength < 5 || body[0] !== 0) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (view.getUint32(1) !== body.byteLength - 5) return undefined;
  let at = 5;
  const varint = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = body[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  let status = 0;
  while (at < body.byteLength) {
    const tag = varint();
    if (tag === undefined || tag < 8n) return undefined;
    const value = skip(Number(tag & 7n));
    if (value === undefined || at > body.byteLength) return undefined;
    // The last value counts; an enum has 32 bits.
    if (tag === 0x08n) status = Number(BigInt.asIntN(32, value));
  }
  return status;

  /** Skips a field; returns its value if it is a varint. */
  function skip(wireType: number): bigint | undefined {
    if (wireType === 0) return varint();
    const length = wireType === 1 ? 8n : wireType === 5 ? 4n : wireType === 2 ? varint() : undefined;
    if (length === undefined || length > BigInt(body.byteLength)) return undefined;
    at += Number(length);
    return 0n;
  }
}

function encodeVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

/** Percent-encoded UTF-8; anything else stays as it is. */
export function decodeMessage(encoded: string): string {
  const bytes = Buffer.from(encoded.slice(0, MAX_BODY_BYTES)).toString("latin1");
  const decoded = bytes.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(decoded, "latin1").toString("utf8");
}
