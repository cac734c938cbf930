// What is wrong with a configuration: one line each, with where it stands, what was
// expected and what was given, never showing what may be a secret.

import { describeOddCharacters, escapeCharacter, withoutUnseen } from "../text/printable.ts";
import { secretWords } from "../checks/secret-words.ts";
import { splitWords } from "../text/shell-words.ts";

/** One line for the user. */
export type Problem = string;

export type Path = readonly (string | number)[];

/** As people write it: `checks[2].timeout`. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${printable(step)}`))
    .join("");
}

const printable = (key: string): string => (/^[\w./-]+$/.test(key) ? cut(key) : inQuotes(cut(withoutCredentials(key))));

/** Undefined where nothing is. */
export function valueAt(root: unknown, path: Path): unknown {
  let node = root;
  for (const key of path) {
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Readonly<Record<string | number, unknown>>)[key];
  }
  return node;
}

/** What is under these keys is nobody's to read. */
const HIDDEN = new Set(["headers", "password", "env", "body", "send"]);

/** Longer values are cut: a line is for reading. */
const LONGEST = 60;

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** What was given, for the end of a line. `given` is as it was written, secrets not filled in. */
export function describe(given: unknown, path: Path): string {
  if (given === undefined) return "none";
  if (given === null) return "nothing";
  if (Array.isArray(given)) return given.length === 0 ? "an empty list" : "a list";
  if (typeof given === "object") return Object.keys(given).length === 0 ? "an empty mapping" : "a mapping";
  if (path.some((step) => HIDDEN.has(String(step)))) return "a value that is not shown";
  return typeof given === "string" ? quote(given) : String(given);
}

/** In quotes on one line, cut where it is long, without the credentials of a URL. */
export const quote = (text: string): string => quoted(cut(withoutCredentials(text)));

/** As `quote`, but never cut. */
export const quoteWhole = (text: string): string => quoted(withoutCredentials(text));

/** With what it holds that cannot be seen, or that looks like something else. */
function quoted(text: string): string {
  const odd = describeOddCharacters(text);
  return odd === undefined ? inQuotes(text) : `${inQuotes(text)} (${odd})`;
}

const inQuotes = (text: string): string => withoutUnseen(onOneLine(JSON.stringify(text), true));

/** "a", "a and b", or "a, b and 3 more". */
export function listFirstTwo(items: readonly string[]): string {
  const [first = "", second, ...more] = items;
  if (second === undefined) return first;
  return more.length === 0 ? `${first} and ${second}` : `${first}, ${second} and ${more.length} more`;
}

/** In quotes where it would not stay on one line, or would write elsewhere on a terminal. */
export function onOneLine(text: string, isQuoted = false): string {
  const harmless = isQuoted || !UNPRINTABLE.test(text) ? text : JSON.stringify(text);
  return harmless.replaceAll(new RegExp(UNPRINTABLE, "gu"), escapeCharacter);
}

/** Controls, and what turns the direction of writing or breaks the line. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

/**
 * Whoever wrote a URL badly has still written its password into it: all before the last @
 * goes, and what a query may hold. So does what follows --password and the like.
 */
export function withoutCredentials(given: string): string {
  const text = withoutSecretWords(given);
  const at = text.lastIndexOf("@");
  const scheme = text.indexOf("://");
  if (scheme < 0) return at >= 0 && text.lastIndexOf(":", at) >= 0 ? `***${text.slice(at)}` : text;
  const start = scheme + "://".length;
  const rest = at > start ? `***${text.slice(at)}` : text.slice(start);
  const query = rest.indexOf("?");
  return text.slice(0, start) + (query < 0 ? rest : `${rest.slice(0, query)}?***`);
}

function withoutSecretWords(text: string): string {
  const secrets = secretWords([text]);
  if (typeof splitWords(text) !== "string")
    return secrets.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
  // A quote that is not closed: where the secret ends is not known.
  const starts = secrets.map((secret) => text.indexOf(secret)).filter((start) => start >= 0);
  return starts.length === 0 ? text : `${text.slice(0, Math.min(...starts))}***`;
}

/** Loaded only for who mistyped. */
export async function didYouMean(name: string, known: readonly string[]): Promise<string | undefined> {
  // The distance takes a time of both lengths.
  if (known.length === 0 || name.length > LONGEST) return undefined;
  const { closest, distance } = await import("fastest-levenshtein");
  const lower = known.map((other) => other.toLowerCase());
  const near = closest(name.toLowerCase(), lower);
  const most = name.length < 4 ? 1 : Math.max(2, name.length / 3);
  if (distance(name.toLowerCase(), near) <= most) return known[lower.indexOf(near)];
  // tpc: letters in each other's place are one slip, though a distance of two.
  if (name.length >= 4) return undefined;
  const letters = lettersOf(name.toLowerCase());
  return known[lower.findIndex((other) => lettersOf(other) === letters)];
}

const lettersOf = (word: string): string => [...word].sort().join("");
