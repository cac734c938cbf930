// What the kinds that send and expect texts have in common: what may be sent, and the excerpt
// of an answer that a message has: short, printable, and without what was sent.

import { type Field, type Pattern, TEXT_OR_NUMBER } from "./field.ts";
import type { Conflict } from "./keys.ts";

/** The length of an excerpt. */
const EXCERPT_CHARACTERS = 200;
const EXCERPT_BYTES = 64;

/** Shorter secrets match by accident; redacting them would reveal them (src/checks/redact.ts). */
const SHORTEST_SECRET = 4;

/** Any text that is not empty, sent as UTF-8. It may hold zero bytes. */
export const textToSend: Field<string> = {
  expected: "a text to send",
  json: { ...TEXT_OR_NUMBER, examples: ["ruok", "PING\r\n"] },
  read(given) {
    if (typeof given === "boolean" || given === null) return { hint: "in quotes it would be a text" };
    if (typeof given === "number") return { value: String(given) };
    return typeof given === "string" && given !== "" ? { value: given } : {};
  },
};

const HEX_BYTES = /^\s*[\da-f]{2}(?:[\s:]*[\da-f]{2})*\s*$/i;

/** Bytes; a text cannot have those above 127 by themselves. */
export const hexBytes: Field<Uint8Array> = {
  expected: 'bytes in hexadecimal such as "16 03 01"',
  json: { type: ["string", "integer"], examples: ["16 03 01", "ffffffff54"] },
  read(given) {
    const text = typeof given === "number" ? String(given) : given;
    if (typeof text !== "string") return {};
    if (/\b0x/i.test(text)) return { hint: "without 0x" };
    if (!HEX_BYTES.test(text)) return {};
    return { value: new Uint8Array(Buffer.from(text.replace(/[\s:]/g, ""), "hex")) };
  },
};

/** What is sent, and what the answer must hold: a text or bytes each, or nothing. */
export interface Exchange {
  readonly send?: string | undefined;
  readonly "send-hex"?: Uint8Array | undefined;
  readonly expect?: Pattern | undefined;
  readonly "expect-hex"?: Uint8Array | undefined;
}

/** A text and bytes for the same thing. */
export function exchangeConflict(exchange: Exchange): Conflict | undefined {
  const key = (["send", "expect"] as const).find(
    (key) => exchange[key] !== undefined && exchange[`${key}-hex`] !== undefined,
  );
  return key && { path: [`${key}-hex`], expected: `no such key beside ${key}`, got: "both" };
}

export const bytesToSend = (exchange: Exchange): Uint8Array | undefined =>
  exchange["send-hex"] ?? (exchange.send === undefined ? undefined : Buffer.from(exchange.send));

/** Undefined where any answer will do. */
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
      // While more may come, an incomplete character at the end is left out.
      matches: (answer, isWhole) => expect.matches(new TextDecoder().decode(answer, { stream: !isWhole })),
      excerpt: (answer) => excerptOf(new TextDecoder().decode(answer), new TextDecoder().decode(sent)),
    }
  );
}

export interface Expectation {
  /** `isWhole`: no more of the answer comes. */
  matches(answer: Uint8Array, isWhole: boolean): boolean;
  /** For a message, without what was sent. */
  excerpt(answer: Uint8Array): string;
}

/** "16 03 01 …" */
function excerptOfBytes(answer: Uint8Array, sent: Uint8Array): string {
  const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const pieces: string[] = [];
  for (let from = 0; from < answer.byteLength && pieces.length < EXCERPT_BYTES; ) {
    const isSent =
      sent.byteLength >= SHORTEST_SECRET && Buffer.from(sent).equals(answer.subarray(from, from + sent.byteLength));
    pieces.push(isSent ? "***" : hexOf(answer.subarray(from, from + 1)));
    from += isSent ? sent.byteLength : 1;
    if (pieces.length === EXCERPT_BYTES && from < answer.byteLength) pieces.push("…");
  }
  return pieces.join(" ");
}

/**
 * What must not be shown of what is sent: the whole, its lines, what is behind the word of a login, and the values in
 * it where it is a form or JSON. What stands in the target, which is shown anyway, is none of it.
 */
export function secretsOfSent(given: string | Uint8Array | undefined, target: string): readonly string[] {
  if (given === undefined) return [];
  const sent = typeof given === "string" ? given : new TextDecoder().decode(given);
  const lines = sent.split(/[\r\n]+/).map((line) => line.trim());
  const all = new Set([
    sent.trim(),
    ...lines,
    ...lines.flatMap(wordsOfLogin),
    ...valuesOfForm(sent),
    ...valuesOfJson(sent),
  ]);
  return [...all].filter((text) => text !== "" && !target.includes(text));
}

/** As IMAP, POP, SMTP, Redis and others have it. Any other word alone may be one that a server says of itself. */
function wordsOfLogin(line: string): readonly string[] {
  const [, behind = ""] = /\b(?:auth|authenticate|login|logon|identify|pass|password|apop)\s+(.+)$/i.exec(line) ?? [];
  return behind.split(/[\s"']+/);
}

function valuesOfForm(sent: string): readonly string[] {
  if (!/^[^\s=&]+=[^\r\n]*$/.test(sent)) return [];
  const written = sent.split("&").map((pair) => pair.slice(pair.indexOf("=") + 1));
  return [...written, ...new URLSearchParams(sent).values()];
}

function valuesOfJson(sent: string): readonly string[] {
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

/** For a message. Where the peer echoes what was sent, that is redacted. */
export function excerptOf(answer: string, sent = ""): string {
  const secrets = [sent, ...sent.split(/[\r\n]+/)].map((line) => line.trim());
  secrets.sort((one, other) => other.length - one.length);
  let text = answer;
  for (const line of secrets) if (line.length >= SHORTEST_SECRET) text = text.replaceAll(line, "***");
  const characters = [...text.slice(0, 2 * EXCERPT_CHARACTERS)];
  const cut = characters.length > EXCERPT_CHARACTERS;
  const printable = characters.slice(0, EXCERPT_CHARACTERS).map(escapeCharacter).join("");
  return cut ? `${printable}…` : printable;
}

const NAMED: Readonly<Record<string, string>> = { "\r": "\\r", "\n": "\\n", "\t": "\\t" };

/** Control characters, direction marks and the like are written as in a YAML text in double quotes. */
function escapeCharacter(character: string): string {
  if (!/^[\p{C}\p{Zl}\p{Zp}]$/u.test(character)) return character;
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  const escaped = hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
  return NAMED[character] ?? (hex.length <= 4 ? escaped : `\\U${hex.padStart(8, "0")}`);
}
