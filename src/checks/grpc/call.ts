// One call of grpc.health.v1.Health/Check over an open stream: the gRPC protocol over HTTP/2, and
// an encoder and a decoder of its two messages, a few bytes each.
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

export interface Answer {
  /** Of the HTTP response. */
  readonly httpStatus: number;
  readonly contentType: string;
  /** Undefined where the response is not gRPC's. */
  readonly status: number | undefined;
  /** Decoded; a text of the peer. */
  readonly message: string;
  readonly body: Uint8Array;
}

/** The answer has seven bytes. */
const MAX_BODY_BYTES = 4096;

/** A peer that does not close after GOAWAY is waited for so long. */
const CLOSE_GRACE_MS = 250;

/** Never rejects; ends the stream in any case. After an abort a failure "timeout". */
export async function checkHealth(stream: Stream, call: Call, signal: AbortSignal): Promise<Answer | Failure> {
  const { socket } = stream;
  const closed = failed("closed", `${call.peer} closed the connection before it answered`);
  const late = failed("timeout", `${call.peer}: waiting for the answer to Health/Check`);
  // The runtime would wait for ever for an end that has already come.
  if (signal.aborted || socket.destroyed || socket.readableEnded) {
    socket.destroy();
    return signal.aborted ? late : closed;
  }
  return new Promise((resolve) => {
    const session = connect(`${call.scheme}://peer`, {
      createConnection: () => asDuplex(stream),
      settings: { enablePush: false },
    });
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    let head: IncomingHttpHeaders & { readonly ":status"?: number | undefined } = {};
    let trailers: IncomingHttpHeaders = {};
    const answer = (): Answer => {
      const status = trailers["grpc-status"] ?? head["grpc-status"];
      return {
        httpStatus: head[":status"] ?? 0,
        contentType: head["content-type"] ?? "",
        status: typeof status === "string" && /^\d{1,9}$/.test(status) ? Number(status) : undefined,
        message: decodeMessage(String(trailers["grpc-message"] ?? head["grpc-message"] ?? "")),
        body: Buffer.concat(chunks),
      };
    };
    let isDone = false;
    const finish = (result: Answer | Failure) => {
      if (isDone) return;
      isDone = true;
      signal.removeEventListener("abort", abort);
      if (signal.aborted) session.destroy();
      else endSession(session, stream);
      resolve(result);
    };
    const abort = () => finish(late);
    let isOver = false;
    // What has arrived is read first: it may be the whole answer.
    const over = (why: () => Failure) => {
      isOver = true;
      afterPendingIo(() => {
        if (signal.aborted) return finish(late);
        const arrived = answer();
        finish(arrived.status !== undefined ? arrived : (stream.trouble("it answered") ?? why()));
      });
    };
    const broken = (error: Error) => over(() => explain(error, call.peer));
    const gone = () => over(() => closed);
    signal.addEventListener("abort", abort);
    session.on("error", broken);
    session.on("close", gone);
    socket.on("close", gone);
    const request = ask(session, call);
    if (request instanceof Error) return broken(request);
    request.on("response", (headers) => {
      head = headers;
      const { httpStatus, contentType, status } = answer();
      // A response that is not gRPC's may never end, and an error needs no body.
      if (httpStatus !== 200 || !contentType.startsWith("application/grpc") || status !== undefined) finish(answer());
    });
    request.on("trailers", (headers) => {
      trailers = headers;
    });
    request.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      sizeBytes += chunk.byteLength;
      if (sizeBytes > MAX_BODY_BYTES)
        finish(failed("mismatch", `${call.peer} answers more than a health check has to say`));
    });
    request.on("error", broken);
    request.on("close", () => (isOver || head[":status"] === undefined ? gone() : finish(answer())));
    request.end(encodeRequest(call.service));
  });
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

/** An error if the session has already ended. */
function ask(session: ClientHttp2Session, { scheme, authority }: Call): ClientHttp2Stream | Error {
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

/** GOAWAY, then FIN. */
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
      return failed("not-ready", `${peer} takes no more calls (GOAWAY)`);
    default:
      return failed("mismatch", `${peer} does not speak gRPC: what came back is not valid HTTP/2`);
  }
}

/** A frame that is not compressed, and in it HealthCheckRequest { string service = 1 }. */
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
    // The last one counts; an enum is a number of 32 bits.
    if (tag === 0x08n) status = Number(BigInt.asIntN(32, value));
  }
  return status;

  /** Skips a field; its value if that is a varint. */
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
