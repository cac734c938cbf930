// What kinds that send and expect texts have in common: what may be sent, and the excerpt of an answer for a message, which
// is short, printable, and without what was sent.

import { type Field, type Pattern, TEXT_OR_NUMBER } from "./field.ts";
import type { Conflict } from "./keys.ts";

/** The limits of an excerpt: of a text, and of bytes. */
const EXCERPT_CHARACTERS = 200;
const EXCERPT_BYTES = 64;

/** Shorter secrets match by accident; redacting them would reveal them (src/checks/redact.ts). */
const MIN_SECRET_LENGTH = 4;

/** Any text that is not empty, sent as UTF-8. It may contain zero bytes. */
export const textToSend: Field<string> = {
  expected: "a text to send",
  json: { ...TEXT_OR_NUMBER, examples: ["ruok", "PING\r\n"] },
  read(given) {
    if (typeof given === "boolean" || given === null) return { hint: "put it in quotes" };
    if (typeof given === "number") return { value: String(given) };
    return typeof given === "string" && given !== "" ? { value: given } : {};
  },
};

const HEX_BYTES = /^\s*[\da-f]{2}(?:[\s:]*[\da-f]{2})*\s*$/i;

/** Bytes in hexadecimal, since a text in UTF-8 cannot have single bytes above 127. */
export const hexBytes: Field<Uint8Array> = {
  expected: 'bytes in hexadecimal such as "16 03 01"',
  json: { title: "bytes in hexadecimal", type: ["string", "integer"], examples: ["16 03 01", "ffffffff54"] },
  read(given) {
    const text = typeof given === "number" ? String(given) : given;
    if (typeof text !== "string") return {};
    if (/\b0x/i.test(text)) return { hint: "leave out 0x" };
    if (!HEX_BYTES.test(text)) return {};
    return { value: new Uint8Array(Buffer.from(text.replace(/[\s:]/g, ""), "hex")) };
  },
};

/** What to send and what the answer must contain: each a text, or bytes, or nothing. */
export interface Exchange {
  readonly send?: string | undefined;
  readonly "send-hex"?: Uint8Array | undefined;
  readonly expect?: Pattern | undefined;
  readonly "expect-hex"?: Uint8Array | undefined;
}

/** A conflict if both a text and bytes are given for one of them. */
export function exchangeConflict(exchange: Exchange): Conflict | undefined {
  const key = (["send", "expect"] as const).find(
    (key) => exchange[key] !== undefined && exchange[`${key}-hex`] !== undefined,
  );
  return key && { path: [`${key}-hex`], expected: `either ${key} or ${key}-hex`, got: "both" };
}

export const bytesToSend = (exchange: Exchange): Uint8Array | undefined =>
  exchange["send-hex"] ?? (exchange.send === undefined ? undefined : Buffer.from(exchange.send));

/** Undefined if any answer passes. */
export function expectationOf(exchange: Exchange): Expectation | undefined {
  const { expect, "expect-hex": bytes } = exchange;
  const sent = bytesToSend(exchange) ?? new Uint8Array();
  if (bytes) {
    return {
      matches: (answer) => Buffer.from(answer).includes(bytes),
      excerpt: (answer) => excerptOfBytes(answer, sent),
    };
  }
  return (
    expect && {
      // While more may arrive, an incomplete character at the end is ignored.
      matches: (answer, isWhole) => expect.matches(new TextDecoder().decode(answer, { stream: !isWhole })),
      excerpt: (answer) => excerptOf(new TextDecoder().decode(answer), new TextDecoder().decode(sent)),
    }
  );
}

export interface Expectation {
  /** `isWhole`: the answer has ended. */
  matches(answer: Uint8Array, isWhole: boolean): boolean;
  /** For a message; without what was sent. */
  excerpt(answer: Uint8Array): string;
}

/** "16 03 01 …" */
function excerptOfBytes(answer: Uint8Array, sent: Uint8Array): string {
  const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const pieces: string[] = [];
  for (let from = 0; from < answer.byteLength && pieces.length < EXCERPT_BYTES; ) {
    const isSent =
      sent.byteLength >= MIN_SECRET_LENGTH && Buffer.from(sent).equals(answer.subarray(from, from + sent.byteLength));
    pieces.push(isSent ? "***" : hexOf(answer.subarray(from, from + 1)));
    from += isSent ? sent.byteLength : 1;
    if (pieces.length === EXCERPT_BYTES && from < answer.byteLength) pieces.push("…");
  }
  return pieces.join(" ");
}

/**
 * The parts of a sent text that must be redacted: the whole, its lines, the words after a login command, and the values of a
 * form or of JSON. Parts that occur in the target are not secret, since the target is shown.
 */
export function secretsOfSent(given: string | Uint8Array | undefined, target: string): readonly string[] {
  if (given === undefined) return [];
  const sent = typeof given === "string" ? given : new TextDecoder().decode(given);
  const lines = sent.split(/[\r\n]+/).map((line) => line.trim());
  const all = new Set([sent.trim(), ...lines, ...lines.flatMap(loginWords), ...formValues(sent), ...jsonValues(sent)]);
  return [...all].filter((text) => text !== "" && !target.includes(text));
}

/** The words after a login command of IMAP, POP, SMTP, Redis and others. A server may use any other single word by itself. */
function loginWords(line: string): readonly string[] {
  const [, rest = ""] = /\b(?:auth|authenticate|login|logon|identify|pass|password|apop)\s+(.+)$/i.exec(line) ?? [];
  return rest.split(/[\s"']+/);
}

function formValues(sent: string): readonly string[] {
  if (!/^[^\s=&]+=[^\r\n]*$/.test(sent)) return [];
  const written = sent.split("&").map((pair) => pair.slice(pair.indexOf("=") + 1));
  return [...written, ...new URLSearchParams(sent).values()];
}

function jsonValues(sent: string): readonly string[] {
  const leaves = (value: unknown): readonly string[] => {
    if (typeof value === "string" || typeof value === "number") return [String(value)];
    return typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [];
  };
  try {
    return leaves(JSON.parse(sent));
  } catch {
    return [];
  }
}

/** For a message. If the peer echoes what was sent, that is redacted. */
export function excerptOf(answer: string, sent = ""): string {
  const secrets = [sent, ...sent.split(/[\r\n]+/)].map((line) => line.trim());
  secrets.sort((one, other) => other.length - one.length);
  let text = answer;
  for (const line of secrets) if (line.length >= MIN_SECRET_LENGTH) text = text.replaceAll(line, "***");
  const characters = [...text.slice(0, 2 * EXCERPT_CHARACTERS)];
  const cut = characters.length > EXCERPT_CHARACTERS;
  const printable = characters.slice(0, EXCERPT_CHARACTERS).map(escapeCharacter).join("");
  return cut ? `${printable}…` : printable;
}

const NAMED: Readonly<Record<string, string>> = { "\r": "\\r", "\n": "\\n", "\t": "\\t" };

/** Escapes control characters, direction marks and the like as in a YAML text in double quotes. */
function escapeCharacter(character: string): string {
  if (!/^[\p{C}\p{Zl}\p{Zp}]$/u.test(character)) return character;
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  const escaped = hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
  return NAMED[character] ?? (hex.length <= 4 ? escaped : `\\U${hex.padStart(8, "0")}`);
}
