// One command to Redis, Valkey or what speaks like them, in the second version of their
// protocol, RESP: every server and every proxy speaks it, without HELLO. A login is a plain
// AUTH; each command waits for the reply to the one before.

import { type Address, formatAddress } from "../../net/address.ts";
import { openStream, type Stream } from "../../net/stream.ts";
import type { TlsSettings } from "../../net/tls-settings.ts";
import { type Failure, failed, isFailure } from "../../outcome.ts";
import { LIMIT_BYTES, unreadable, wordsOf } from "./driver.ts";

export interface RedisQuestion {
  readonly address: Address;
  readonly user: string | undefined;
  /** Without one nothing is said of a login. */
  readonly password: string | undefined;
  /** The number of a database; "" is 0. */
  readonly database: string;
  readonly command: readonly [string, ...string[]];
  readonly tls: TlsSettings | undefined;
  /** As that of a stream. */
  readonly maxWaitMs: number;
  /** Takes secrets out of a text that is cut afterwards. */
  readonly redact: (text: string) => string;
}

/** Null stands for nil. */
export type Reply = string | null | readonly Reply[];

export interface RedisAnswer {
  readonly reply: Reply;
  /** Set where a remembered address was used. */
  readonly warning: string | undefined;
}

/** Never rejects for anything the server does. */
export async function askRedis(question: RedisQuestion, signal: AbortSignal): Promise<RedisAnswer | Failure> {
  const { address, tls, maxWaitMs, user, password, database, command } = question;
  const stream = await openStream(address, { tls, maxWaitMs }, signal);
  if (isFailure(stream)) return stream;
  const talk = new Talk(stream, question);
  try {
    if (password !== undefined) {
      const login = user === undefined ? ["AUTH", password] : ["AUTH", user, password];
      const refusal = await talk.ask(login, "the answer to the login", explainLogin);
      if (isFailure(refusal)) return refusal;
    }
    if (Number(database) !== 0) {
      const refusal = await talk.ask(["SELECT", database], "the answer to SELECT", explainSelect);
      if (isFailure(refusal)) return refusal;
    }
    const reply = await talk.ask(command, `the reply to ${command[0]}`, explainCommand);
    return isFailure(reply) ? reply : { reply, warning: stream.warning };
  } finally {
    stream.close();
  }
}

type Explain = (words: string, peer: string) => Failure;

class Talk {
  readonly #stream: Stream;
  readonly #peer: string;
  readonly #redact: (text: string) => string;
  readonly #hasPassword: boolean;
  #came: Buffer = Buffer.alloc(0);

  constructor(stream: Stream, { address, redact, password }: RedisQuestion) {
    this.#hasPassword = password !== undefined;
    this.#stream = stream;
    this.#peer = formatAddress(address);
    this.#redact = redact;
  }

  async ask(words: readonly string[], waitingFor: string, explain: Explain): Promise<Reply | Failure> {
    this.#stream.write(encodeCommand(words));
    for (;;) {
      const read = readReply(this.#came);
      if (read === "malformed") return unreadable(this.#peer, "Redis");
      if (read !== "incomplete") {
        this.#came = this.#came.subarray(read.end);
        if (!(read.reply instanceof ErrorReply)) return read.reply;
        const words = wordsOf(read.reply.words, this.#redact);
        if (/^NOAUTH\b/.test(words) && !this.#hasPassword) {
          return failed("auth", `${this.#peer} wants a password: set password`);
        }
        return explainAny(words, this.#peer) ?? explain(words, this.#peer);
      }
      const piece = await this.#stream.read(waitingFor);
      if (piece === undefined) return failed("closed", `${this.#peer} closed the connection before it had answered`);
      if (isFailure(piece)) return piece;
      this.#came = Buffer.concat([this.#came, piece]);
      if (this.#came.byteLength > LIMIT_BYTES) {
        return failed("mismatch", `${this.#peer} answered with more than ${LIMIT_BYTES / 1024 / 1024} MiB`);
      }
    }
  }
}

/** Errors begin with a word in capitals; these mean the same whatever was asked. */
function explainAny(words: string, peer: string): Failure | undefined {
  if (/^(WRONGPASS|NOAUTH|NOPERM|DENIED)\b|^ERR (invalid password|operation not permitted)/i.test(words)) {
    return failed("auth", words);
  }
  if (
    /^(LOADING|MASTERDOWN|CLUSTERDOWN|BUSY|TRYAGAIN|MISCONF|NOREPLICAS|OOM)\b|^ERR max number of clients/i.test(words)
  ) {
    return failed("not-ready", `${peer} says: ${words}`);
  }
  return undefined;
}

function explainLogin(words: string, peer: string): Failure {
  // What is unknown is repeated by some, the password with it.
  if (/unknown command/i.test(words)) return failed("auth", `${peer} does not know AUTH; leave the password out`);
  if (/wrong number of arguments/i.test(words)) {
    return failed("auth", `${peer} knows no users: it is older than Redis 6; write redis://:PASSWORD@HOST`);
  }
  return failed("auth", words);
}

function explainSelect(words: string, peer: string): Failure {
  if (/DB index|out of range|invalid/i.test(words)) return failed("missing", words);
  return failed("mismatch", `${peer} has no databases to select (${words}); leave the number out of the URL`);
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

export interface Read {
  readonly reply: Reply | ErrorReply;
  /** Where the next begins. */
  readonly end: number;
}

/** A line of a type and a number or a text; more would be another protocol. */
const LONGEST_LINE_BYTES = 64 * 1024;
const DEEPEST = 8;

/** Any bytes may be given. */
export function readReply(bytes: Buffer, at = 0, depth = 0): Read | "incomplete" | "malformed" {
  if (bytes.byteLength <= at) return "incomplete";
  const type = bytes.toString("latin1", at, at + 1);
  if (!"+-:$*".includes(type)) return "malformed";
  const lineEnd = bytes.indexOf("\r\n", at);
  if (lineEnd < 0) return bytes.byteLength - at > LONGEST_LINE_BYTES ? "malformed" : "incomplete";
  const line = bytes.toString("utf8", at + 1, lineEnd);
  const behind = lineEnd + 2;
  if (type === "+") return { reply: line, end: behind };
  if (type === "-") return { reply: new ErrorReply(line), end: behind };
  if (!/^-?\d{1,20}$/.test(line)) return "malformed";
  if (type === ":") return { reply: line, end: behind };
  const size = Number(line);
  if (size === -1) return { reply: null, end: behind };
  if (size < 0) return "malformed";
  if (type === "$") {
    const end = behind + size;
    if (bytes.byteLength < end + 2) return "incomplete";
    if (bytes.toString("latin1", end, end + 2) !== "\r\n") return "malformed";
    return { reply: bytes.toString("utf8", behind, end), end: end + 2 };
  }
  if (depth === DEEPEST) return "malformed";
  const elements: Reply[] = [];
  let next = behind;
  for (let count = 0; count < size; count++) {
    const read = readReply(bytes, next, depth + 1);
    if (typeof read === "string") return read;
    // An error within a list, as EXEC has it, is its words.
    elements.push(read.reply instanceof ErrorReply ? read.reply.words : read.reply);
    next = read.end;
  }
  return { reply: elements, end: next };
}
