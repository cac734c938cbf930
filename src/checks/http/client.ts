// One HTTP/1.1 request and its response over an open stream (docs/adr/0015-http-client.md).

import type { Stream } from "../../net/stream.ts";
import { type Failure, failed, isFailure } from "../../outcome.ts";
import { pause } from "../../system/event-loop.ts";
import { type Body, decodeBody, EXCERPT_CHARACTERS, excerpt } from "./body.ts";
import { describeOtherProtocol } from "./other-protocol.ts";
import { formatRequest, type HttpRequest } from "./request.ts";
import { type ParserState, ResponseParser } from "./response-parser.ts";

/** How long to read on for an excerpt; the outcome is known already. */
const EXCERPT_MS = 100;

/** How much to read of an HTML page for an excerpt: its title may come late. */
const HTML_BYTES = 16 * 1024;

export interface HttpResponse {
  readonly status: number;
  /** By lower-case name; the values of one name are joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
  /**
   * Reads to the end of the body, or its first 64 KiB, or until `isEnough` accepts what was received; undoes content
   * codings. It does not matter whether a longer body ends.
   */
  readBody(isEnough?: (text: string) => boolean): Promise<Body | Failure>;
  /** An excerpt of what arrives of the body within 100 ms; undefined if nothing does. */
  readExcerpt(): Promise<string | undefined>;
}

/**
 * Sends the request and reads the head of its response. `url` stands for the server in messages; `redact` removes
 * secrets from what the server sent.
 */
export async function sendRequest(
  stream: Stream,
  request: HttpRequest,
  url: string,
  redact: (text: string) => string,
): Promise<HttpResponse | Failure> {
  stream.write(formatRequest(request));
  const response = new IncomingResponse(stream, new ResponseParser(request.method), url, redact);
  return (await response.readHead()) ?? response;
}

class IncomingResponse implements HttpResponse {
  readonly #stream: Stream;
  readonly #parser: ResponseParser;
  readonly #url: string;
  readonly #redact: (text: string) => string;

  constructor(stream: Stream, parser: ResponseParser, url: string, redact: (text: string) => string) {
    this.#stream = stream;
    this.#parser = parser;
    this.#url = url;
    this.#redact = redact;
  }

  get status(): number {
    return this.#parser.status;
  }

  get headers(): ReadonlyMap<string, string> {
    return this.#parser.headers;
  }

  readHead(): Promise<Failure | undefined> {
    return this.#readWhile("head");
  }

  async readBody(isEnough?: (text: string) => boolean): Promise<Body | Failure> {
    const parser = this.#parser;
    while (isEnough && parser.state === "body") {
      if (parser.body.byteLength > 0) {
        const body = await this.#decodeBody();
        if (!isFailure(body) && isEnough(body.text)) return body;
      }
      const failure = await this.#readPiece();
      if (failure) return failure;
    }
    return (await this.#readWhile("body")) ?? this.#decodeBody();
  }

  async readExcerpt(): Promise<string | undefined> {
    const parser = this.#parser;
    const isHtml = /^text\/html\b|^application\/xhtml/i.test(this.headers.get("content-type") ?? "");
    const enoughBytes = isHtml ? HTML_BYTES : EXCERPT_CHARACTERS;
    const stop = new AbortController();
    const timeIsUp = pause(EXCERPT_MS, stop.signal).then(() => stop.abort());
    while (parser.state === "body" && parser.body.byteLength < enoughBytes && !stop.signal.aborted) {
      if (isFailure(await Promise.race([this.#readPiece(), timeIsUp]))) break;
    }
    stop.abort();
    if (!this.headers.has("content-encoding") || parser.body.byteLength === 0) {
      return excerpt(parser.body, this.#redact);
    }
    const body = await this.#decodeBody();
    return isFailure(body) ? undefined : excerpt(Buffer.from(body.text), this.#redact);
  }

  #decodeBody(): Promise<Body | Failure> {
    return decodeBody(this.#parser.body, this.headers, this.#parser.state === "complete", this.#url);
  }

  async #readWhile(state: ParserState): Promise<Failure | undefined> {
    while (this.#parser.state === state) {
      const failure = await this.#readPiece();
      if (failure) return failure;
    }
    return this.#parserFailure();
  }

  async #readPiece(): Promise<Failure | undefined> {
    const piece = await this.#stream.read(this.#parser.waitingFor);
    if (isFailure(piece)) return piece;
    if (piece) this.#parser.push(piece);
    else this.#parser.end();
    return undefined;
  }

  #parserFailure(): Failure | undefined {
    const { state, problem, firstBytes } = this.#parser;
    if (state === "interrupted") return failed("closed", `${this.#url} closed the connection ${problem}`);
    if (state !== "invalid") return undefined;
    const failure = failed("mismatch", `${this.#url} sent an invalid HTTP/1.1 answer: ${problem}`);
    const output = describeOtherProtocol(firstBytes) ? undefined : excerpt(firstBytes, this.#redact);
    return output === undefined ? failure : { ...failure, output };
  }
}
