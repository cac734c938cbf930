// HTTP/1.1 as a client that asks once (RFC 9112): one request, one answer, the
// connection closed after. Whatever bytes come, the answer's reader takes them, asks
// for more, or names what is wrong; it never throws, and what it keeps is bounded.
//
// Not fetch: that has 256 places for the whole process, obeys proxies, and its connect
// cannot be called off.

import type { Stream } from "../../net/stream.ts";
import { type Failure, failed, isFailure } from "../../outcome.ts";
import { pause } from "../../system/event-loop.ts";
import { wordsOfHtml } from "../../text/html.ts";
import { clip, plainText } from "../../text/printable.ts";
import { version } from "../../text/version.ts";

/** Status line and headers, those of interim answers and trailers included. */
export const HEAD_BYTES = 64 * 1024;

export const BODY_BYTES = 64 * 1024;

/** Lines between chunks: a size of a few digits, perhaps with an extension. */
const CHUNK_LINE_BYTES = 4 * 1024;

/** All of them: a body that comes a byte a chunk has five times as much around it as in it. */
const CHUNKING_BYTES = 8 * BODY_BYTES;

/** For what is read only to be shown; the verdict stands already. */
const PEEK_MS = 100;

/** Of what came, for people. */
const EXCERPT_CHARACTERS = 200;

/** The title of a page comes after much else, now and then. */
const HTML_BYTES = 16 * 1024;

export interface Request {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly host: string;
  /** Beside Host, Connection and Content-Length; in place of other defaults. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | undefined;
}

export interface Answer {
  readonly status: number;
  /** By lower-case name, several of one name joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
  /**
   * Reads on to the end of the body, to its first 64 KiB, or to where what has come is `enough`; content codings are
   * undone. A body that breaks off after that, or never ends, is as good as any.
   */
  readBody(enough?: (text: string) => boolean): Promise<Body | Failure>;
  /** What comes of the body within a moment, as `excerpt` shows it; undefined where nothing does. */
  peek(): Promise<string | undefined>;
}

export interface Body {
  readonly text: string;
  /** False where there is more than what was read. */
  readonly whole: boolean;
}

/** Neither text may hold CR, LF or a control character; whoever makes a request sees to that. */
export function formatRequest({ method, path, host, headers, body }: Request): string {
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const defaults = [
    ["User-Agent", `health-checker/${version}`],
    ["Accept", "*/*"],
    // Without this line any coding would do (RFC 9110, 12.5.3).
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

/** RFC 9110, 8.6: these say how long their body is though there is none. */
const METHODS_WITH_BODY = new Set(["POST", "PUT", "PATCH"]);

/**
 * Sends the request and reads the headers of its answer. `url` is how messages call whom
 * it asks, `redact` takes from foreign text what must not be shown.
 */
export async function ask(
  stream: Stream,
  request: Request,
  url: string,
  redact: (text: string) => string,
): Promise<Answer | Failure> {
  const reader = createReader(request.method);
  stream.write(formatRequest(request));
  const readOn = async (): Promise<Failure | undefined> => {
    const read = await stream.read(reader.waitingFor());
    if (isFailure(read)) return read;
    if (read) reader.push(read);
    else reader.end();
    return undefined;
  };
  const flaw = (): Failure | undefined => {
    const { state } = reader;
    if (state === "flawed") {
      const output = otherProtocol(reader.beginning()) ? undefined : excerpt(reader.beginning(), redact);
      const failure = failed("mismatch", `${url} gave no valid HTTP/1.1 answer: ${reader.flaw()}`);
      return output === undefined ? failure : { ...failure, output };
    }
    return state === "broken" ? failed("closed", `${url} closed the connection ${reader.flaw()}`) : undefined;
  };
  const readWhile = async (state: State): Promise<Failure | undefined> => {
    while (reader.state === state) {
      const failure = await readOn();
      if (failure) return failure;
    }
    return flaw();
  };

  const failure = await readWhile("head");
  if (failure) return failure;
  const { status, headers } = reader;
  return {
    status,
    headers,
    async readBody(enough) {
      const decoded = () => decode(reader.body(), headers, reader.state === "whole", url);
      while (enough && reader.state === "body") {
        if (reader.body().byteLength > 0) {
          const body = await decoded();
          if (!isFailure(body) && enough(body.text)) return body;
        }
        const failure = await readOn();
        if (failure) return failure;
      }
      const failure = (await readWhile("body")) ?? flaw();
      return failure ?? decoded();
    },
    async peek() {
      const enough = new AbortController();
      const peeked = pause(PEEK_MS, enough.signal).then(() => enough.abort());
      const isHtml = /^text\/html\b|^application\/xhtml/i.test(headers.get("content-type") ?? "");
      const enoughBytes = isHtml ? HTML_BYTES : EXCERPT_CHARACTERS;
      while (reader.state === "body" && reader.body().byteLength < enoughBytes && !enough.signal.aborted) {
        if (isFailure(await Promise.race([readOn(), peeked]))) break;
      }
      enough.abort();
      const coding = headers.get("content-encoding");
      const bytes = reader.body();
      if (coding === undefined || bytes.byteLength === 0) return excerpt(bytes, redact);
      const body = await decode(bytes, headers, false, url);
      return isFailure(body) ? undefined : excerpt(Buffer.from(body.text), redact);
    },
  };
}

/** The title of a page of HTML, else the first 200 characters, fit to be shown; undefined where there are none. */
export function excerpt(bytes: Uint8Array, redact: (text: string) => string): string | undefined {
  // A secret that is cut in two would no longer be known as one: hidden first, cut then.
  const printed = redact(new TextDecoder().decode(bytes));
  const text = plainText(redact(wordsOfHtml(printed) ?? printed.replace(/\r\n?/g, "\n"))).trim();
  return text === "" ? undefined : clip(text, EXCERPT_CHARACTERS);
}

type State =
  /** the headers are not all there */
  | "head"
  /** nor is the body */
  | "body"
  | "whole"
  /** the body has more than is read */
  | "cut"
  /** this is not HTTP/1.1 */
  | "flawed"
  /** the peer closed before the end */
  | "broken";

export interface Reader {
  readonly state: State;
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** What has come of the body, its first 64 KiB at most. */
  body(): Uint8Array;
  /** Takes what has come; of no effect once the state is neither "head" nor "body". */
  push(bytes: Uint8Array): void;
  /** The peer has closed. */
  end(): void;
  /** What comes next, as in "before …". */
  waitingFor(): string;
  /** In the states "flawed" and "broken": what was wrong. */
  flaw(): string;
  /** The first bytes of all that came. */
  beginning(): Uint8Array;
}

/** What the next bytes are. */
type Expecting = "status" | "header" | "size" | "chunk" | "chunk end" | "trailer" | "counted" | "rest";

/** Reads the answer to one request with `method`. */
export function createReader(method: string): Reader {
  let state: State = "head";
  let expecting: Expecting = "status";
  let status = 0;
  let headers = new Map<string, string>();
  let lastHeader: string | undefined;
  let flaw = "";
  /** Parts of a line whose end has not come, and how many bytes they are. */
  let parts: Uint8Array[] = [];
  let partBytes = 0;
  let headBytes = 0;
  let chunkingBytes = 0;
  /** Of a chunk or a body of known length, what is still to come. */
  let remaining = 0;
  let length: number | undefined;
  let body = new Uint8Array(0);
  let bodyBytes = 0;
  let arrived = false;
  const beginning = new Uint8Array(EXCERPT_CHARACTERS);
  let beginningBytes = 0;

  const refuse = (why: string) => {
    state = "flawed";
    flaw = why;
  };

  /** Adds what there is room for; the body is cut where there is more. */
  const addBody = (bytes: Uint8Array) => {
    const taken = bytes.subarray(0, BODY_BYTES - bodyBytes);
    const neededBytes = bodyBytes + taken.byteLength;
    if (neededBytes > body.byteLength) {
      const grown = new Uint8Array(Math.min(BODY_BYTES, Math.max(neededBytes, 2 * body.byteLength)));
      grown.set(body);
      body = grown;
    }
    body.set(taken, bodyBytes);
    bodyBytes = neededBytes;
    if (taken.byteLength < bytes.byteLength) state = "cut";
  };

  const onStatusLine = (line: string) => {
    const [, digits] = /^HTTP\/1\.\d (\d{3})(?: [\t -~\x80-\xff]*)?$/.exec(line) ?? [];
    status = Number(digits ?? 0);
    if (digits === undefined || status < 100) return refuse("its status line is malformed");
    expecting = "header";
  };

  const onHeaderLine = (line: string) => {
    if (line === "") return onHeadersEnd();
    if (/[\0\r]/.test(line)) return refuse("a header holds a control character");
    if (/^[ \t]/.test(line)) {
      // A line of old that goes on with the last one (RFC 9112, 5.2).
      if (lastHeader === undefined) return refuse("its first header begins with a space");
      headers.set(lastHeader, `${headers.get(lastHeader)} ${trimBlanks(line)}`);
      return;
    }
    const [label = "", name] = /^([!#$%&'*+.^`|~\w-]+):/.exec(line) ?? [];
    if (name === undefined) return refuse("a header is malformed");
    lastHeader = name.toLowerCase();
    const before = headers.get(lastHeader);
    const value = trimBlanks(line.slice(label.length));
    headers.set(lastHeader, before === undefined ? value : `${before}, ${value}`);
  };

  const onHeadersEnd = () => {
    // Interim answers; 101 is none, since after it no HTTP follows.
    if (status < 200 && status !== 101) {
      expecting = "status";
      headers = new Map();
      lastHeader = undefined;
      return;
    }
    const coding = headers.get("transfer-encoding")?.toLowerCase();
    // A Content-Length beside it counts for nothing (RFC 9112, 6.3).
    if (method === "HEAD" || status < 200 || status === 204 || status === 304) state = "whole";
    else if (coding === "chunked") {
      state = "body";
      expecting = "size";
    } else if (coding !== undefined && coding !== "identity") {
      refuse("it has a transfer coding that was not asked for");
    } else {
      const stated = headers.get("content-length");
      if (stated === undefined) {
        state = "body";
        expecting = "rest";
        return;
      }
      // Said twice alike is said once (RFC 9112, 6.3).
      const lengths = new Set(stated.split(",").map(trimBlanks));
      const [only = ""] = lengths;
      if (lengths.size > 1 || !/^\d{1,15}$/.test(only)) return refuse("its Content-Length is no single number");
      length = Number(only);
      remaining = length;
      expecting = "counted";
      state = remaining === 0 ? "whole" : "body";
    }
  };

  const onSizeLine = (line: string) => {
    const [, digits] = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?$/.exec(line) ?? [];
    if (digits === undefined) return refuse("the size of a chunk is malformed");
    remaining = Number.parseInt(digits, 16);
    expecting = remaining === 0 ? "trailer" : "chunk";
    if (remaining > 0 && bodyBytes === BODY_BYTES) state = "cut";
  };

  const onLine = (line: string, ending: string) => {
    // A line of the headers may end with LF alone (RFC 9112, 2.2), one around a chunk may not.
    const strict = expecting === "size" || expecting === "chunk end";
    if (strict && ending !== "\r\n") return refuse("a chunk is malformed");
    if (expecting === "status") onStatusLine(line);
    else if (expecting === "header") onHeaderLine(line);
    else if (expecting === "size") onSizeLine(line);
    else if (expecting === "trailer") {
      if (line === "") state = "whole";
    } else if (line === "") expecting = "size";
    else refuse("a chunk does not end where it should");
  };

  const overlong = (): string | undefined => {
    if (expecting === "status" || expecting === "header") {
      return headBytes > HEAD_BYTES ? "its headers go on for more than 64 KiB" : undefined;
    }
    if (expecting === "trailer") return headBytes > HEAD_BYTES ? "its trailers go on for too long" : undefined;
    const flawed = partBytes > CHUNK_LINE_BYTES || chunkingBytes > CHUNKING_BYTES;
    return flawed ? "there is more around its chunks than in them" : undefined;
  };

  /** Takes bytes up to the end of a line; how many they were. */
  const takeLine = (bytes: Uint8Array): number => {
    const newline = bytes.indexOf(10);
    const taken = newline < 0 ? bytes : bytes.subarray(0, newline + 1);
    parts.push(taken);
    partBytes += taken.byteLength;
    if (expecting === "size" || expecting === "chunk end") chunkingBytes += taken.byteLength;
    else headBytes += taken.byteLength;
    const tooLong = overlong();
    if (tooLong !== undefined) refuse(tooLong);
    else if (newline >= 0) {
      const text = Buffer.concat(parts).toString("latin1");
      parts = [];
      partBytes = 0;
      const ending = text.endsWith("\r\n") ? "\r\n" : "\n";
      onLine(text.slice(0, -ending.length), ending);
    } else if (expecting === "status" && partBytes - taken.byteLength < FRAME_BYTES) {
      // A peer of another protocol may wait for us now: better said at once than at the timeout.
      const begun = Buffer.concat(parts);
      if (!isStatusLine(begun) && !mayGoOn(begun)) onStatusLine(begun.toString("latin1"));
    }
    return taken.byteLength;
  };

  /** Takes bytes of the body; how many they were. */
  const takeBody = (bytes: Uint8Array): number => {
    if (expecting === "rest") {
      addBody(bytes);
      return bytes.byteLength;
    }
    const taken = bytes.subarray(0, remaining);
    addBody(taken);
    remaining -= taken.byteLength;
    if (state !== "body") return taken.byteLength;
    if (remaining > 0 && bodyBytes === BODY_BYTES) state = "cut";
    else if (remaining === 0 && expecting === "chunk") expecting = "chunk end";
    else if (remaining === 0) state = "whole";
    return taken.byteLength;
  };

  const isOpen = () => state === "head" || state === "body";

  return {
    get state() {
      return state;
    },
    get status() {
      return status;
    },
    get headers() {
      return headers;
    },
    body: () => body.subarray(0, bodyBytes),
    push(bytes) {
      arrived ||= bytes.byteLength > 0;
      const first = bytes.subarray(0, beginning.byteLength - beginningBytes);
      beginning.set(first, beginningBytes);
      beginningBytes += first.byteLength;
      for (let position = 0; position < bytes.byteLength && isOpen(); ) {
        const next = bytes.subarray(position);
        const inBody = expecting === "chunk" || expecting === "counted" || expecting === "rest";
        position += inBody ? takeBody(next) : takeLine(next);
      }
    },
    end() {
      if (!isOpen()) return;
      if (state === "body" && expecting === "rest") {
        state = "whole";
        return;
      }
      const speaksOtherwise =
        expecting === "status" && partBytes > 0 && !Buffer.concat(parts).toString("latin1").startsWith(PREFIX);
      if (speaksOtherwise) return refuse("its status line is malformed");
      if (!arrived) flaw = "without an answer";
      else if (state === "head") flaw = "amid its headers";
      else flaw = `after ${bodyBytes}${length === undefined ? "" : ` of ${length}`} bytes of the body`;
      state = "broken";
    },
    waitingFor() {
      if (state === "body") return `the end of the body, of which ${bodyBytes} bytes have come`;
      return arrived ? "the end of its headers" : "its answer";
    },
    flaw() {
      return state === "flawed" ? (otherProtocol(beginning.subarray(0, beginningBytes)) ?? flaw) : flaw;
    },
    beginning: () => beginning.subarray(0, beginningBytes),
  };
}

const PREFIX = "HTTP/1.";

/** The head of a frame of HTTP/2. */
const FRAME_BYTES = 9;

/** As far as it has come. */
const isStatusLine = (begun: Buffer): boolean => PREFIX.startsWith(begun.toString("latin1", 0, PREFIX.length));

/** Too little of TLS or of HTTP/2 to be known by. */
const mayGoOn = (begun: Buffer): boolean =>
  begun[0] === 0 ? begun.byteLength < FRAME_BYTES : begun.byteLength === 1 && (begun[0] === 0x15 || begun[0] === 0x16);

/** What speaks in bytes that are not for people, as what follows "no valid HTTP/1.1 answer:". */
function otherProtocol(bytes: Uint8Array): string | undefined {
  const [first, second, third, type, flags] = bytes;
  // A TLS alert or handshake record.
  if ((first === 0x15 || first === 0x16) && second === 3) return "it speaks TLS; the URL would begin with https://";
  // Every HTTP/2 server begins with its settings: in one short frame, of the connection itself (RFC 9113, 3.4).
  const ofConnection = bytes.byteLength >= FRAME_BYTES && bytes.subarray(5, 9).every((byte) => byte === 0);
  const settings = type === 4 && flags === 0 && first === 0 && second === 0 && (third ?? 1) % 6 === 0;
  // One that will have none of this says no more than that it goes.
  const goesAway = type === 7 && flags === 0 && first === 0;
  if (ofConnection && (settings || goesAway)) return "it speaks HTTP/2 only, and this check HTTP/1.1";
  return undefined;
}

/** Spaces and tabs alone, and by hand: a regular expression would take its time over 64 KiB of them. */
function trimBlanks(text: string): string {
  const isBlank = (position: number) => text[position] === " " || text[position] === "\t";
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(start)) start++;
  while (end > start && isBlank(end - 1)) end--;
  return text.slice(start, end);
}

/** The body as text, which is UTF-8, less what a server has done to it unasked. */
async function decode(
  bytes: Uint8Array,
  headers: ReadonlyMap<string, string>,
  whole: boolean,
  url: string,
): Promise<Body | Failure> {
  const coding = headers.get("content-encoding")?.toLowerCase() ?? "identity";
  if (coding === "identity" || coding === "" || bytes.byteLength === 0) {
    return { text: new TextDecoder().decode(bytes), whole };
  }
  if (!["gzip", "x-gzip", "deflate"].includes(coding)) {
    return failed("mismatch", `${url} answered with a content coding that was not asked for: ${printable(coding)}`);
  }
  const inflated = await inflate(bytes);
  if (inflated === undefined) return failed("mismatch", `${url} answered with a body that is not valid ${coding}`);
  const text = new TextDecoder().decode(inflated.subarray(0, BODY_BYTES));
  return { text, whole: whole && inflated.byteLength <= BODY_BYTES };
}

/** Foreign text on a line of ours. */
const printable = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** As much as 64 KiB and some, whatever it would come to; undefined where it is not what it says. */
async function inflate(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const { constants, createUnzip } = await import("node:zlib");
  return new Promise((resolve) => {
    // What was cut off at its end is inflated as far as it goes.
    const unzip = createUnzip({ finishFlush: constants.Z_SYNC_FLUSH });
    const chunks: Uint8Array[] = [];
    let totalBytes = 0;
    const settle = () => {
      resolve(Buffer.concat(chunks));
      unzip.destroy();
    };
    unzip.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      totalBytes += chunk.byteLength;
      if (totalBytes > BODY_BYTES) settle();
    });
    unzip.on("error", () => resolve(undefined));
    unzip.on("end", settle);
    unzip.end(bytes);
  });
}
