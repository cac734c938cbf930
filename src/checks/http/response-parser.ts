// Parses one HTTP/1.1 response (RFC 9112). It accepts any bytes in any pieces, never throws, and keeps a bounded part of
// them. A response that is not valid HTTP/1.1 gets a problem that names what is wrong with it.

import { BODY_BYTES, BodyBuffer, EXCERPT_CHARACTERS } from "./body.ts";
import { describeOtherProtocol, FRAME_HEADER_BYTES, mayBecomeOtherProtocol } from "./other-protocol.ts";

/** The limit for status line and headers, including those of interim responses, and trailers. */
export const HEAD_BYTES = 64 * 1024;

/** The limit for one line between chunks: a size of a few digits, perhaps with an extension. */
const CHUNK_LINE_BYTES = 4 * 1024;

/** The limit for all lines between chunks: with one byte per chunk they are five times as long as the body. */
const CHUNK_LINES_BYTES = 8 * BODY_BYTES;

const PREFIX = "HTTP/1.";

export type ParserState =
  /** status line and headers are incomplete */
  | "head"
  /** the body is incomplete */
  | "body"
  | "complete"
  /** the body is longer than what is read of it */
  | "truncated"
  /** this is not HTTP/1.1 */
  | "invalid"
  /** the peer closed before the end */
  | "interrupted";

/** What the next bytes belong to. */
type Element =
  | "status line"
  | "header"
  | "counted body"
  | "body until close"
  | "chunk size"
  | "chunk"
  | "chunk end"
  | "trailer";

/** The line that has not ended yet. */
class LineBuffer {
  #pieces: Uint8Array[] = [];
  sizeBytes = 0;

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.sizeBytes += piece.byteLength;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  take(): string {
    const text = this.bytes.toString("latin1");
    this.#pieces = [];
    this.sizeBytes = 0;
    return text;
  }
}

export class ResponseParser {
  readonly #method: string;
  #state: ParserState = "head";
  #element: Element = "status line";
  #status = 0;
  #headers = new Map<string, string>();
  #lastHeader: string | undefined;
  #problem = "";
  readonly #line = new LineBuffer();
  readonly #body = new BodyBuffer();
  #headBytes = 0;
  #chunkLinesBytes = 0;
  /** How many bytes of the chunk or of the counted body are missing. */
  #missingBytes = 0;
  #contentLength: number | undefined;
  #hasReceived = false;
  readonly #firstBytes = new Uint8Array(EXCERPT_CHARACTERS);
  #firstBytesSize = 0;

  /** `method` is the request's: the response to HEAD has no body. */
  constructor(method: string) {
    this.#method = method;
  }

  get state(): ParserState {
    return this.#state;
  }

  get status(): number {
    return this.#status;
  }

  /** By lower-case name; the values of one name are joined by commas. */
  get headers(): ReadonlyMap<string, string> {
    return this.#headers;
  }

  /** The body as far as it was received, at most its first 64 KiB. */
  get body(): Uint8Array {
    return this.#body.bytes;
  }

  /** The first bytes of the whole response, to show what a peer sent that does not speak HTTP/1.1. */
  get firstBytes(): Uint8Array {
    return this.#firstBytes.subarray(0, this.#firstBytesSize);
  }

  /** What is wrong; empty unless the state is "invalid" or "interrupted". */
  get problem(): string {
    return (this.#state === "invalid" ? describeOtherProtocol(this.firstBytes) : undefined) ?? this.#problem;
  }

  /** What comes next, for a message: "before …". */
  get waitingFor(): string {
    if (this.#state === "body") return `the end of the body (${this.body.byteLength} bytes received)`;
    return this.#hasReceived ? "the end of the headers" : "the answer";
  }

  /** Parses the next piece; ignored unless the state is "head" or "body". */
  push(piece: Uint8Array): void {
    this.#hasReceived ||= piece.byteLength > 0;
    this.#keepFirstBytes(piece);
    for (let position = 0; position < piece.byteLength && this.#isIncomplete(); ) {
      const rest = piece.subarray(position);
      position += this.#isInBody() ? this.#parseBody(rest) : this.#parseLine(rest);
    }
  }

  /** The peer has closed. */
  end(): void {
    if (!this.#isIncomplete()) return;
    if (this.#element === "body until close") {
      this.#state = "complete";
      return;
    }
    const begun = this.#line.bytes.toString("latin1");
    if (this.#element === "status line" && begun !== "" && !begun.startsWith(PREFIX)) {
      this.#reject("the status line is malformed");
    } else {
      this.#problem = this.#describeInterruption();
      this.#state = "interrupted";
    }
  }

  #describeInterruption(): string {
    if (!this.#hasReceived) return "without an answer";
    if (this.#state === "head") return "in the middle of the headers";
    const total = this.#contentLength === undefined ? "" : ` of ${this.#contentLength}`;
    return `after ${this.body.byteLength}${total} bytes of the body`;
  }

  #isIncomplete(): boolean {
    return this.#state === "head" || this.#state === "body";
  }

  #isInBody(): boolean {
    return this.#element === "chunk" || this.#element === "counted body" || this.#element === "body until close";
  }

  #isAroundChunk(): boolean {
    return this.#element === "chunk size" || this.#element === "chunk end";
  }

  #reject(problem: string) {
    this.#state = "invalid";
    this.#problem = problem;
  }

  #expectBody(element: Element) {
    this.#state = "body";
    this.#element = element;
  }

  #keepFirstBytes(piece: Uint8Array) {
    const kept = piece.subarray(0, this.#firstBytes.byteLength - this.#firstBytesSize);
    this.#firstBytes.set(kept, this.#firstBytesSize);
    this.#firstBytesSize += kept.byteLength;
  }

  /** Parses up to the end of a line; returns how many bytes that was. */
  #parseLine(bytes: Uint8Array): number {
    const newline = bytes.indexOf(10);
    const taken = newline < 0 ? bytes : bytes.subarray(0, newline + 1);
    const beforeBytes = this.#line.sizeBytes;
    this.#line.add(taken);
    if (this.#isAroundChunk()) this.#chunkLinesBytes += taken.byteLength;
    else this.#headBytes += taken.byteLength;
    const excess = this.#findExcess();
    if (excess !== undefined) this.#reject(excess);
    else if (newline >= 0) this.#onLine(this.#line.take());
    else if (this.#element === "status line" && beforeBytes < FRAME_HEADER_BYTES) {
      this.#onBegunStatusLine(this.#line.bytes);
    }
    return taken.byteLength;
  }

  #findExcess(): string | undefined {
    if (this.#isAroundChunk()) {
      const isExceeded = this.#line.sizeBytes > CHUNK_LINE_BYTES || this.#chunkLinesBytes > CHUNK_LINES_BYTES;
      return isExceeded ? "the chunk lines are longer than the chunks" : undefined;
    }
    if (this.#headBytes <= HEAD_BYTES) return undefined;
    return this.#element === "trailer" ? "the trailers are too long" : "the headers are longer than 64 KiB";
  }

  #onLine(terminated: string) {
    const ending = terminated.endsWith("\r\n") ? "\r\n" : "\n";
    const line = terminated.slice(0, -ending.length);
    // A line of the head may end with LF alone (RFC 9112, 2.2), one around a chunk may not.
    if (this.#isAroundChunk() && ending !== "\r\n") return this.#reject("a chunk is malformed");
    switch (this.#element) {
      case "status line":
        return this.#onStatusLine(line);
      case "header":
        return line === "" ? this.#onHeadersEnd() : this.#onHeader(line);
      case "chunk size":
        return this.#onChunkSize(line);
      case "chunk end":
        return this.#onChunkEnd(line);
      default:
        return this.#onTrailer(line);
    }
  }

  /** A peer of another protocol may wait for us: reject it at once, not at the timeout. */
  #onBegunStatusLine(begun: Buffer) {
    const isHttp = PREFIX.startsWith(begun.toString("latin1", 0, PREFIX.length));
    if (!isHttp && !mayBecomeOtherProtocol(begun)) this.#onStatusLine(begun.toString("latin1"));
  }

  #onStatusLine(line: string) {
    const [, digits] = /^HTTP\/1\.\d (\d{3})(?: [\t -~\x80-\xff]*)?$/.exec(line) ?? [];
    this.#status = Number(digits ?? 0);
    if (digits === undefined || this.#status < 100) return this.#reject("the status line is malformed");
    this.#element = "header";
  }

  #onHeader(line: string) {
    if (/[\0\r]/.test(line)) return this.#reject("a header contains a control character");
    if (/^[ \t]/.test(line)) {
      // An obsolete folded line continues the last header (RFC 9112, 5.2).
      if (this.#lastHeader === undefined) return this.#reject("the first header begins with a space");
      this.#headers.set(this.#lastHeader, `${this.#headers.get(this.#lastHeader)} ${trimBlanks(line)}`);
      return;
    }
    const [label = "", name] = /^([!#$%&'*+.^`|~\w-]+):/.exec(line) ?? [];
    if (name === undefined) return this.#reject("a header is malformed");
    this.#lastHeader = name.toLowerCase();
    const before = this.#headers.get(this.#lastHeader);
    const value = trimBlanks(line.slice(label.length));
    this.#headers.set(this.#lastHeader, before === undefined ? value : `${before}, ${value}`);
  }

  /** Finds out how the end of the body is marked (RFC 9112, 6.3). */
  #onHeadersEnd() {
    const status = this.#status;
    // 101 is no interim response: no HTTP follows it.
    if (status < 200 && status !== 101) return this.#onInterimEnd();
    const hasNoBody = this.#method === "HEAD" || status < 200 || status === 204 || status === 304;
    const coding = this.#headers.get("transfer-encoding")?.toLowerCase();
    const length = this.#headers.get("content-length");
    if (hasNoBody) this.#state = "complete";
    // A Content-Length beside a transfer coding is ignored.
    else if (coding === "chunked") this.#expectBody("chunk size");
    else if (coding !== undefined && coding !== "identity") {
      this.#reject("the transfer coding was not requested");
    } else if (length === undefined) this.#expectBody("body until close");
    else this.#onContentLength(length);
  }

  #onInterimEnd() {
    this.#element = "status line";
    this.#headers = new Map();
    this.#lastHeader = undefined;
  }

  #onContentLength(value: string) {
    // Equal lengths count as one.
    const lengths = new Set(value.split(",").map(trimBlanks));
    const [only = ""] = lengths;
    if (lengths.size > 1 || !/^\d{1,15}$/.test(only)) return this.#reject("Content-Length is not a single number");
    this.#contentLength = Number(only);
    this.#missingBytes = this.#contentLength;
    this.#expectBody("counted body");
    if (this.#missingBytes === 0) this.#state = "complete";
  }

  #onChunkSize(line: string) {
    const [, digits] = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?$/.exec(line) ?? [];
    if (digits === undefined) return this.#reject("the size of a chunk is malformed");
    this.#missingBytes = Number.parseInt(digits, 16);
    this.#element = this.#missingBytes === 0 ? "trailer" : "chunk";
    if (this.#missingBytes > 0 && this.#body.isFull) this.#state = "truncated";
  }

  #onChunkEnd(line: string) {
    if (line !== "") return this.#reject("a chunk does not end after its size");
    this.#element = "chunk size";
  }

  #onTrailer(line: string) {
    if (line === "") this.#state = "complete";
  }

  /** Parses bytes of the body; returns how many that was. */
  #parseBody(bytes: Uint8Array): number {
    const taken = this.#element === "body until close" ? bytes : bytes.subarray(0, this.#missingBytes);
    const hasRoom = this.#body.add(taken);
    if (!hasRoom) this.#state = "truncated";
    else if (this.#element !== "body until close") this.#onCountedBytes(taken.byteLength);
    return taken.byteLength;
  }

  #onCountedBytes(count: number) {
    this.#missingBytes -= count;
    if (this.#missingBytes > 0) {
      if (this.#body.isFull) this.#state = "truncated";
    } else if (this.#element === "chunk") this.#element = "chunk end";
    else this.#state = "complete";
  }
}

/** Removes spaces and tabs. By hand, since a regular expression would be slow on 64 KiB of them. */
function trimBlanks(text: string): string {
  const isBlank = (position: number) => text[position] === " " || text[position] === "\t";
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(start)) start++;
  while (end > start && isBlank(end - 1)) end--;
  return text.slice(start, end);
}
