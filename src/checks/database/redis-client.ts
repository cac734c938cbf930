// One command to Redis, Valkey or a compatible server, in version 2 of its protocol, RESP: every server and every proxy
// supports it, without HELLO. A login is a plain AUTH. Each command is sent once the reply to the one before has arrived.

import { type Address, formatAddress } from "../../net/address.ts";
import { openStream, type Stream } from "../../net/stream.ts";
import type { TlsSettings } from "../../net/tls-settings.ts";
import { type Failure, failed, isFailure } from "../../outcome.ts";
import { LIMIT_BYTES, serverText, unreadableAnswer } from "./driver.ts";

export interface RedisRequest {
  readonly address: Address;
  readonly user: string | undefined;
  /** Without a password there is no login. */
  readonly password: string | undefined;
  /** The number of the database; "" is 0. */
  readonly database: string;
  readonly command: readonly [string, ...string[]];
  readonly tls: TlsSettings | undefined;
  /** As in `StreamOptions`. */
  readonly maxWaitMs: number;
  /** Redacts a whole text; the caller cuts it afterwards. */
  readonly redact: (text: string) => string;
}

/** Null is nil. */
export type Reply = string | null | readonly Reply[];

export interface RedisResult {
  readonly reply: Reply;
  /** Set if a remembered address was used. */
  readonly warning: string | undefined;
}

/** Never rejects for anything the server does. */
export async function runRedisCommand(request: RedisRequest, signal: AbortSignal): Promise<RedisResult | Failure> {
  const { address, tls, maxWaitMs, user, password, database, command } = request;
  const stream = await openStream(address, { tls, maxWaitMs }, signal);
  if (isFailure(stream)) return stream;
  const connection = new Connection(stream, request);
  try {
    if (password !== undefined) {
      const login = user === undefined ? ["AUTH", password] : ["AUTH", user, password];
      const refusal = await connection.run(login, "the answer to the login", explainLogin);
      if (isFailure(refusal)) return refusal;
    }
    if (Number(database) !== 0) {
      const refusal = await connection.run(["SELECT", database], "the answer to SELECT", explainSelect);
      if (isFailure(refusal)) return refusal;
    }
    const reply = await connection.run(command, `the reply to ${command[0]}`, explainCommand);
    return isFailure(reply) ? reply : { reply, warning: stream.warning };
  } finally {
    stream.close();
  }
}

type Explain = (words: string, peer: string) => Failure;

class Connection {
  readonly #stream: Stream;
  readonly #peer: string;
  readonly #redact: (text: string) => string;
  readonly #hasPassword: boolean;
  #received: Buffer = Buffer.alloc(0);

  constructor(stream: Stream, { address, redact, password }: RedisRequest) {
    this.#hasPassword = password !== undefined;
    this.#stream = stream;
    this.#peer = formatAddress(address);
    this.#redact = redact;
  }

  async run(command: readonly string[], waitingFor: string, explain: Explain): Promise<Reply | Failure> {
    this.#stream.write(encodeCommand(command));
    for (;;) {
      const read = parseReply(this.#received);
      if (read === "malformed") return unreadableAnswer(this.#peer, "Redis");
      if (read !== "incomplete") {
        this.#received = this.#received.subarray(read.end);
        if (!(read.reply instanceof ErrorReply)) return read.reply;
        const words = serverText(read.reply.words, this.#redact);
        if (/^NOAUTH\b/.test(words) && !this.#hasPassword) {
          return failed("auth", `${this.#peer} requires a password: set password`);
        }
        return explainCommonError(words, this.#peer) ?? explain(words, this.#peer);
      }
      const piece = await this.#stream.read(waitingFor);
      if (piece === undefined) return failed("closed", `${this.#peer} closed the connection before it had answered`);
      if (isFailure(piece)) return piece;
      this.#received = Buffer.concat([this.#received, piece]);
      if (this.#received.byteLength > LIMIT_BYTES) {
        return failed("mismatch", `${this.#peer} answered with more than ${LIMIT_BYTES / 1024 / 1024} MiB`);
      }
    }
  }
}

/** Errors begin with a word in capitals; these mean the same for every command. */
function explainCommonError(words: string, peer: string): Failure | undefined {
  if (/^(WRONGPASS|NOAUTH|NOPERM|DENIED)\b|^ERR (invalid password|operation not permitted)/i.test(words)) {
    return failed("auth", words);
  }
  if (
    /^(LOADING|MASTERDOWN|CLUSTERDOWN|BUSY|TRYAGAIN|MISCONF|NOREPLICAS|OOM)\b|^ERR max number of clients/i.test(words)
  ) {
    return failed("not-ready", `${peer} reports: ${words}`);
  }
  return undefined;
}

function explainLogin(words: string, peer: string): Failure {
  // Some servers repeat the unknown command, and so the password.
  if (/unknown command/i.test(words)) return failed("auth", `${peer} does not support AUTH; remove the password`);
  if (/wrong number of arguments/i.test(words)) {
    return failed("auth", `${peer} does not support users, as before Redis 6; write redis://:PASSWORD@HOST`);
  }
  return failed("auth", words);
}

function explainSelect(words: string, peer: string): Failure {
  if (/DB index|out of range|invalid/i.test(words)) return failed("missing", words);
  return failed("mismatch", `${peer} has no numbered databases (${words}); remove the number from the URL`);
}

const explainCommand: Explain = (words) => failed("mismatch", `the command failed: ${words}`);

export function encodeCommand(words: readonly string[]): Buffer {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${parts.join("")}`);
}

export class ErrorReply {
  readonly words: string;

  constructor(words: string) {
    this.words = words;
  }
}

export interface ParsedReply {
  readonly reply: Reply | ErrorReply;
  /** Where the next reply begins. */
  readonly end: number;
}

/** The limit for a line, which is a type and a number or a text; a longer one is another protocol. */
const MAX_LINE_BYTES = 64 * 1024;

/** The limit for lists within lists. */
const MAX_DEPTH = 8;

/** Accepts any bytes. */
export function parseReply(bytes: Buffer, at = 0, depth = 0): ParsedReply | "incomplete" | "malformed" {
  if (bytes.byteLength <= at) return "incomplete";
  const type = bytes.toString("latin1", at, at + 1);
  if (!"+-:$*".includes(type)) return "malformed";
  const lineEnd = bytes.indexOf("\r\n", at);
  if (lineEnd < 0) return bytes.byteLength - at > MAX_LINE_BYTES ? "malformed" : "incomplete";
  const line = bytes.toString("utf8", at + 1, lineEnd);
  const afterLine = lineEnd + 2;
  if (type === "+") return { reply: line, end: afterLine };
  if (type === "-") return { reply: new ErrorReply(line), end: afterLine };
  if (!/^-?\d{1,20}$/.test(line)) return "malformed";
  if (type === ":") return { reply: line, end: afterLine };
  const size = Number(line);
  if (size === -1) return { reply: null, end: afterLine };
  if (size < 0) return "malformed";
  if (type === "$") {
    const end = afterLine + size;
    if (bytes.byteLength < end + 2) return "incomplete";
    if (bytes.toString("latin1", end, end + 2) !== "\r\n") return "malformed";
    return { reply: bytes.toString("utf8", afterLine, end), end: end + 2 };
  }
  if (depth === MAX_DEPTH) return "malformed";
  const elements: Reply[] = [];
  let next = afterLine;
  for (let count = 0; count < size; count++) {
    const read = parseReply(bytes, next, depth + 1);
    if (typeof read === "string") return read;
    // An error within a list, as in the reply to EXEC, becomes its text.
    elements.push(read.reply instanceof ErrorReply ? read.reply.words : read.reply);
    next = read.end;
  }
  return { reply: elements, end: next };
}
