// Makes foreign text safe to show: the result does not break a line, does not control a terminal and shows no password.

import { describeOddCharacters, escapeCharacter, escapeInvisible } from "./odd-characters.ts";
import { withoutSecretsOfText } from "./secret-words.ts";

/** In quotes on one line, cut if it is long, without credentials. */
export const quote = (text: string): string => quoted(cutLong(withoutCredentials(text)));

/** Like `quote`, but never cut. */
export const quoteWhole = (text: string): string => quoted(withoutCredentials(text));

/** Adds a note about characters that are invisible or look like others. */
function quoted(text: string): string {
  const odd = describeOddCharacters(text);
  return odd === undefined ? inQuotes(text) : `${inQuotes(text)} (${odd})`;
}

export const inQuotes = (text: string): string => escapeInvisible(onOneLine(JSON.stringify(text), true));

/** In quotes if it holds a character that would break the line or control a terminal. */
export function onOneLine(text: string, isQuoted = false): string {
  return escapeUnprintable(isQuoted || text.search(UNPRINTABLE) < 0 ? text : JSON.stringify(text));
}

/** Control characters, and those that break the line or change the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** Each unprintable character is escaped as in JSON. */
export const escapeUnprintable = (text: string): string => text.replaceAll(UNPRINTABLE, escapeCharacter);

/** For the middle of a message: blanks and invisible characters become single spaces; cut after `longest` characters. */
export const plainLine = (text: string, longest = Number.POSITIVE_INFINITY): string =>
  clip(text.replaceAll(/[\s\p{C}]+/gu, " ").trim(), longest);

/** For output of several lines: each run of control characters becomes one replacement character. */
export const plainText = (text: string): string => text.replaceAll(/\r\n?/g, "\n").replaceAll(BINARY, "\ufffd");

/** Control characters that texts do not have. The escape character is kept, so that whole sequences can be removed or escaped later. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const BINARY = /(?:(?![\t\n\u001b])\p{Cc})+/gu;

/** A cut text ends in an ellipsis, and never in half of a surrogate pair. */
export const clip = (text: string, longest: number): string =>
  text.length > longest ? `${text.slice(0, longest).replace(/[\ud800-\udbff]$/, "")}…` : text;

/**
 * Replaces everything before the last @, since even a malformed URL may hold a password, the query of a URL, and the
 * value of --password and the like.
 */
export function withoutCredentials(given: string): string {
  const text = withoutSecretsOfText(given);
  const at = text.lastIndexOf("@");
  const scheme = text.indexOf("://");
  if (scheme < 0) return at >= 0 && text.lastIndexOf(":", at) >= 0 ? `***${text.slice(at)}` : text;
  const start = scheme + "://".length;
  const rest = at > start ? `***${text.slice(at)}` : text.slice(start);
  const query = rest.indexOf("?");
  return text.slice(0, start) + (query < 0 ? rest : `${rest.slice(0, query)}?***`);
}

/** Longer values are cut, so that a line stays readable. */
export const LONGEST = 60;

export const cutLong = (text: string): string => clip(text, LONGEST);
