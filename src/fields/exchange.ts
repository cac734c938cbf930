// What the kinds that send and expect texts have in common: what may be sent, and
// how that what came is shown: bounded, printable, and without what was sent.

import { type Field, type Pattern, TEXT_OR_NUMBER } from "./field.ts";
import type { Conflict } from "./keys.ts";

/** What is shown of an answer at most. */
const SHOWN_CHARACTERS = 200;

const SHOWN_BYTES = 64;

/** As build.ts has it: to hide what is shorter would hide all else. */
const SHORTEST_HIDDEN = 4;

/** Any text that is not empty, sent as UTF-8; zero bytes are as good as others here. */
export const words: Field<string> = {
  expected: "a text to send",
  json: { ...TEXT_OR_NUMBER, examples: ["ruok", "PING\r\n"] },
  read(given) {
    if (typeof given === "boolean" || given === null) return { hint: "in quotes it would be a text" };
    if (typeof given === "number") return { value: String(given) };
    return typeof given === "string" && given !== "" ? { value: given } : {};
  },
};

const HEX_BYTES = /^\s*[\da-f]{2}(?:[\s:]*[\da-f]{2})*\s*$/i;

/** The same as bytes, of which no text has those above 127 by themselves. */
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

/** What is said, and what must come of it: a text or bytes each, or nothing. */
export interface Talk {
  readonly send?: string | undefined;
  readonly "send-hex"?: Uint8Array | undefined;
  readonly expect?: Pattern | undefined;
  readonly "expect-hex"?: Uint8Array | undefined;
}

/** Both of a pair say the same twice, or two things. */
export function conflictOf(talk: Talk): Conflict | undefined {
  const key = (["send", "expect"] as const).find((key) => talk[key] !== undefined && talk[`${key}-hex`] !== undefined);
  return key && { path: [`${key}-hex`], expected: `no such key beside ${key}`, got: "both" };
}

export const bytesToSend = (talk: Talk): Uint8Array | undefined =>
  talk["send-hex"] ?? (talk.send === undefined ? undefined : Buffer.from(talk.send));

/** Undefined where any answer will do. */
export function expectationOf(talk: Talk): Expectation | undefined {
  const { expect, "expect-hex": bytes } = talk;
  const sent = bytesToSend(talk) ?? new Uint8Array();
  if (bytes) {
    return {
      matches: (answer) => Buffer.from(answer).includes(bytes),
      show: (answer) => shownBytes(answer, sent),
    };
  }
  return (
    expect && {
      // At the end a character that is not whole counts as it is.
      matches: (answer, isWhole) => expect.matches(new TextDecoder().decode(answer, { stream: !isWhole })),
      show: (answer) => shown(new TextDecoder().decode(answer), new TextDecoder().decode(sent)),
    }
  );
}

export interface Expectation {
  /** `isWhole` says that no more of it comes. */
  matches(answer: Uint8Array, isWhole: boolean): boolean;
  /** For people, without what was sent. */
  show(answer: Uint8Array): string;
}

/** "16 03 01 …" */
function shownBytes(answer: Uint8Array, sent: Uint8Array): string {
  const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const pieces: string[] = [];
  for (let from = 0; from < answer.byteLength && pieces.length < SHOWN_BYTES; ) {
    const isSent =
      sent.byteLength >= SHORTEST_HIDDEN && Buffer.from(sent).equals(answer.subarray(from, from + sent.byteLength));
    pieces.push(isSent ? "***" : hexOf(answer.subarray(from, from + 1)));
    from += isSent ? sent.byteLength : 1;
    if (pieces.length === SHOWN_BYTES && from < answer.byteLength) pieces.push("…");
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

/** An answer for people. A peer that echoes what it was sent does not give it away. */
export function shown(answer: string, sent = ""): string {
  const hidden = [sent, ...sent.split(/[\r\n]+/)].map((line) => line.trim());
  hidden.sort((one, other) => other.length - one.length);
  let text = answer;
  for (const line of hidden) if (line.length >= SHORTEST_HIDDEN) text = text.replaceAll(line, "***");
  const characters = [...text.slice(0, 2 * SHOWN_CHARACTERS)];
  const cut = characters.length > SHOWN_CHARACTERS;
  const printable = characters.slice(0, SHOWN_CHARACTERS).map(printed).join("");
  return cut ? `${printable}…` : printable;
}

const NAMED: Readonly<Record<string, string>> = { "\r": "\\r", "\n": "\\n", "\t": "\\t" };

/** Controls, marks that turn the direction of writing and the like, as a YAML text in double quotes has them. */
function printed(character: string): string {
  if (!/^[\p{C}\p{Zl}\p{Zp}]$/u.test(character)) return character;
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  const escaped = hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
  return NAMED[character] ?? (hex.length <= 4 ? escaped : `\\U${hex.padStart(8, "0")}`);
}
