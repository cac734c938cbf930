// The secrets that a text holds by its own form: NAME=SECRET, "Name: secret", JSON, lists, queries, URLs, lines of a protocol.

import { isSecretValue, schemeLength, surenessOf } from "./secret-names.ts";

export interface Place {
  readonly start: number;
  readonly end: number;
}

interface Meaning {
  /** A shell, or another interpreter, takes it apart. */
  readonly isProgram: boolean;
  /** It follows an option for a header. */
  readonly isHeader: boolean;
  /** An @ before a value names a file. */
  readonly takesFiles: boolean;
}

export function placesWithin(text: string, { isProgram, isHeader, takesFiles }: Meaning): readonly Place[] {
  if (!/[=:@ ]/.test(text)) return [];
  const places = [
    ...(isProgram ? [] : [...wholeOf(text, isHeader), ...placesOf(LOGIN, text)]),
    ...listed(text, isHeader),
    ...inUrls(text),
    ...placesOf(LINES, text),
  ];
  // What is to be taken apart may hold variables, and commands that write a secret.
  const isTakenApart = isProgram || /[ \t\n]/.test(text);
  return places.filter(({ start }) => {
    const sign = text[start] ?? "";
    return !(isTakenApart && (sign === "$" || sign === "`")) && !(takesFiles && sign === "@");
  });
}

/** Where the first group of a pattern with the flags d and g stands. */
export function* placesOf(pattern: RegExp, text: string): Generator<Place> {
  for (const { indices } of text.matchAll(pattern)) {
    const [start, end] = indices?.[1] ?? [0, 0];
    yield { start, end };
  }
}

/** The password of NAME:PASSWORD@HOST without a scheme. */
const LOGIN = /^(?:--?[\w-]+=|\w+=)?(?!mailto:|sips?:|xmpp:)[^\s:@/='"]+:(?!\/\/)(\S+)@(?!sha\d)\S/dg;

/** Of a dialogue that `printf` writes to a server. */
const LINES = /(?:^|\\n|\n)(?:AUTH|PASS) +([^\\\r\n]+)(?=\\|[\r\n])/dgi;

const URL_START = /(?<![\w+.-])([\w+.-]*):\/\/([^\s"'<>/?#]*)/g;

/** The password before @; where a web server is asked, a name alone may be a token. */
function* inUrls(text: string): Generator<Place> {
  for (const { 0: whole, 1: scheme = "", 2: authority = "", index } of text.matchAll(URL_START)) {
    const at = authority.lastIndexOf("@");
    const colon = authority.indexOf(":");
    const start = index + whole.length - authority.length;
    const end = start + at;
    if (colon >= 0 && colon < at) yield { start: start + colon + 1, end };
    else if (at >= SHORTEST_TOKEN && /^https?$/i.test(scheme)) yield { start, end };
  }
}

const SHORTEST_TOKEN = 6;

const NAMED = /(\/?[\w.-]+)([=:])([ \t]*)/y;

/** All that follows the name at the start, or that of a header behind `--header=`. */
function* wholeOf(text: string, isHeader: boolean): Generator<Place> {
  let from = /^-H(?=\w+[-:])/.test(text) ? "-H".length : 0;
  for (let names = 0; names < 2; names++) {
    NAMED.lastIndex = from;
    const [whole = "", name = "", sign, blanks = ""] = NAMED.exec(text) ?? [];
    const value = text.slice(from + whole.length);
    const start = from + whole.length + schemeLength(name, value);
    if (isSecretOf({ name, sign, blanks, isHeader: isHeader || from > 0 }, text.slice(start))) {
      yield { start, end: text.length };
      return;
    }
    if (sign !== "=") return;
    from += whole.length;
  }
}

/** Names longer than that are none, and a text may be one long word. */
const HEAD = /(?<![\w.-])([\w.-]{1,64})(\\?["']?)([ \t]*)([=:])([ \t]*)/g;
const VALUE = /\\"([^"\\]*)|"((?:[^"\\]|\\[\s\S])*)|'([^']*)|([^\s&;,"'(){}<>|\\]+)/y;

const LONGEST_SCHEME = 20;

/** Amid others, each up to what separates them in a list, a query, JSON or a program. */
function* listed(text: string, isHeader: boolean): Generator<Place> {
  for (const match of text.matchAll(HEAD)) {
    const [head, name = "", quote, before, sign, after = ""] = match;
    if (surenessOf(name) === undefined || text.slice(match.index - 2, match.index) === "//") continue;
    const at = match.index + head.length;
    VALUE.lastIndex = at + schemeLength(name, text.slice(at, at + LONGEST_SCHEME));
    const [found = "", ...groups] = VALUE.exec(text) ?? [];
    const value = groups.find((group) => group !== undefined) ?? "";
    const isQuoted = value !== found;
    const isApart = before !== "" || (sign === "=" && after !== "");
    const blanks = isQuoted || quote !== "" ? "" : after;
    if ((isQuoted || !isApart) && isSecretOf({ name, sign, blanks, isHeader, isQuoted: isQuoted || quote !== "" }, value)) {
      const end = VALUE.lastIndex;
      yield { start: end - value.length, end };
    }
  }
}

interface Pair {
  readonly name: string;
  readonly sign: string | undefined;
  readonly blanks: string;
  readonly isHeader: boolean;
  readonly isQuoted?: boolean;
}

function isSecretOf({ name, sign, blanks, isHeader, isQuoted = false }: Pair, value: string): boolean {
  const sureness = surenessOf(name);
  if (sureness === undefined || /^[=:]/.test(value) || !isSecretValue(value, sureness)) return false;
  if (sign === "=" || isQuoted) return true;
  // A port, a path or a URL.
  if (blanks === "") return !/^(?:\d{1,5}(?!\w)|\/)/.test(value);
  // Prose has a word there.
  return isHeader || /[-_]|authorization|cookie/i.test(name) || !/^[a-z]+$/.test(value);
}
