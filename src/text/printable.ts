// The one way to make foreign text safe to show: nothing in it breaks a line of ours, writes elsewhere on a terminal, or is
// a password.

import { describeOddCharacters, escapeCharacter, withoutUnseen } from "./odd-characters.ts";
import { withoutSecretsOfText } from "./secret-words.ts";

/** In quotes on one line, cut where it is long, without the credentials of a URL. */
export const quote = (text: string): string => quoted(cutLong(withoutCredentials(text)));

/** As `quote`, but never cut. */
export const quoteWhole = (text: string): string => quoted(withoutCredentials(text));

/** With what it holds that cannot be seen, or that looks like something else. */
function quoted(text: string): string {
  const odd = describeOddCharacters(text);
  return odd === undefined ? inQuotes(text) : `${inQuotes(text)} (${odd})`;
}

export const inQuotes = (text: string): string => withoutUnseen(onOneLine(JSON.stringify(text), true));

/** In quotes where it would not stay on one line, or would write elsewhere on a terminal. */
export function onOneLine(text: string, isQuoted = false): string {
  return escapeUnprintable(isQuoted || text.search(UNPRINTABLE) < 0 ? text : JSON.stringify(text));
}

/** Controls, and what turns the direction of writing or breaks the line. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** With each character that cannot be printed as JSON escapes it. */
export const escapeUnprintable = (text: string): string => text.replaceAll(UNPRINTABLE, escapeCharacter);

/** For the middle of a message: blanks and what cannot be seen are single spaces; cut after `longest` characters. */
export const plainLine = (text: string, longest = Number.POSITIVE_INFINITY): string =>
  clip(text.replaceAll(/[\s\p{C}]+/gu, " ").trim(), longest);

/** Several lines of what a program or a server printed: stretches of binary are one replacement character each. */
export const plainText = (text: string): string => text.replaceAll(/\r\n?/g, "\n").replaceAll(BINARY, "\ufffd");

/** Controls that no text has; a terminal's escape sequences are kept, to be taken out or escaped whole. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const BINARY = /(?:(?![\t\n\u001b])\p{Cc})+/gu;

/** Never half a character; what is cut ends in an ellipsis. */
export const clip = (text: string, longest: number): string =>
  text.length > longest ? `${text.slice(0, longest).replace(/[\ud800-\udbff]$/, "")}…` : text;

/**
 * Whoever wrote a URL badly has still written its password into it: all before the last @
 * goes, and what a query may hold. So does what follows --password and the like.
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

/** Longer values are cut: a line is for reading. */
export const LONGEST = 60;

export const cutLong = (text: string): string => clip(text, LONGEST);
