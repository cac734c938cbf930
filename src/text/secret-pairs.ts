// Finds secrets by the form of the text around them: NAME=SECRET, "Name: secret", JSON, lists, queries, URLs, lines of a protocol.

import { isSecretValue, schemeLength, surenessOf, surenessOfHeader } from "./secret-names.ts";

export interface Place {
  readonly start: number;
  readonly end: number;
}

/** What is known of the text from the words before it. */
interface Meaning {
  /** A shell, or another interpreter, reads it. */
  readonly isProgram: boolean;
  /** It is the value of an option for a header. */
  readonly isHeader: boolean;
  /** An @ before a value names a file. */
  readonly takesFiles: boolean;
}

export function placesWithin(text: string, { isProgram, isHeader, takesFiles }: Meaning): readonly Place[] {
  if (!/[=:@ <_-]/.test(text)) return [];
  const places = [
    ...(isProgram ? [] : wholeOf(text, isHeader)),
    ...pairsIn(text, isHeader, isProgram),
    ...(text.includes("://") ? inUrls(text) : []),
    ...(!isProgram && text.includes("@") ? placesOf(LOGIN, text) : []),
    ...(/AUTH|PASS/i.test(text) ? placesOf(LINES, text) : []),
    ...(/BY|PASSWORD/i.test(text) ? placesOf(SQL, text) : []),
    ...(text.includes("</") ? inElements(text) : []),
    ...placesOf(WELL_KNOWN, text),
  ];
  // A text for a shell may hold variables, and commands that print a secret.
  const isInterpreted = isProgram || /[ \t\n]/.test(text);
  if (isInterpreted) places.push(...defaults(text));
  return places.filter(({ start }) => {
    const sign = text[start] ?? "";
    return !(isInterpreted && (sign === "$" || sign === "`")) && !(takesFiles && sign === "@");
  });
}

/** The default of a variable in a shell: `${PASSWORD:-SECRET}`. */
function* defaults(text: string): Generator<Place> {
  for (const { 0: whole, 1: name = "", 2: value = "", index } of text.matchAll(DEFAULT)) {
    const end = index + whole.length;
    if (isSecretValue(value, name)) yield { start: end - value.length, end };
  }
}

const DEFAULT = /\$\{(\w{1,64}):?[-=]["']?([^}$`"'\\]*)/g;

/** The places of the first group of a pattern with the flags d and g. */
export function* placesOf(pattern: RegExp, text: string): Generator<Place> {
  for (const { indices } of text.matchAll(pattern)) {
    const [start, end] = indices?.[1] ?? [0, 0];
    yield { start, end };
  }
}

/** The password of NAME:PASSWORD@HOST without a scheme. */
const LOGIN = /^(?:--?[\w-]+=|\w+=)?(?!mailto:|sips?:|xmpp:)[^\s:@/='"]+:(?!\/\/|\d+:\d+@)(\S+)@(?!sha\d)\S/dg;

/** Lines of a protocol that `printf` writes to a server. */
const LINES = /(?:^|\\n|\n)(?:AUTH|PASS) +([^\\\r\n]+)(?=\\|[\r\n])/dgi;

const SQL = /\b(?:IDENTIFIED (?:WITH \w{1,64} )?BY|PASSWORD) +\\?["']([^"'\\]+)/dgi;

/** Tokens of GitHub, GitLab and Slack, and the secret that follows an access key of AWS. */
const WELL_KNOWN =
  /\b((?:gh[opsu]_|github_pat_|glpat-|xox[abeprs]-)[\w-]{10,}|(?<=\bAKIA[A-Z0-9]{16}[:, /])[\w+/]{40}(?![\w+/]))/dg;

/** `<password>SECRET</password>` */
function* inElements(text: string): Generator<Place> {
  for (const { 0: whole, 1: name = "", 2: value = "", index } of text.matchAll(/<([\w.:-]{1,64})>([^<]+)/g)) {
    const end = index + whole.length;
    if (isSecretValue(value, name)) yield { start: end - value.length, end };
  }
}

const URL_START = /(?<![\w+.-])([\w+.-]*):\/\/([^\s"'<>/?#]*)/g;

/** The password before @. In a URL of a web server or of Redis a user that is no plain name may be a token too. */
function* inUrls(text: string): Generator<Place> {
  for (const { 0: whole, 1: scheme = "", 2: authority = "", index } of text.matchAll(URL_START)) {
    const at = authority.lastIndexOf("@");
    const colon = authority.indexOf(":");
    const start = index + whole.length - authority.length;
    const end = start + at;
    if (colon >= 0 && colon < at) yield { start: start + colon + 1, end };
    else if (at >= SHORTEST_TOKEN && /^(?:https?|rediss?)$/i.test(scheme) && !/^[a-z]+@/.test(authority))
      yield { start, end };
  }
}

const SHORTEST_TOKEN = 6;

const NAMED = /(\/?[\w.-]+)\+?([=:])([ \t]*)/y;

/** Everything after the name at the start, or after that of a header in `--header=NAME: …`. */
function wholeOf(text: string, isHeader: boolean): readonly Place[] {
  let from = /^-H(?=\w+[-:])/.test(text) ? "-H".length : 0;
  for (let names = 0; names < 2; names++) {
    NAMED.lastIndex = from;
    const [whole = "", name = "", sign, blanks = ""] = NAMED.exec(text) ?? [];
    const start = from + whole.length;
    const places = secretsOf({ name, sign, blanks, isHeader: isHeader || from > 0 }, text.slice(start), start);
    if (places.length > 0 || sign !== "=") return places;
    from = start;
  }
  return [];
}

/** No name is longer, and a text may be one long word. */
const HEAD = /(?<![\w.-])([\w.-]{1,64})(\\?["'\]]?)([ \t]*)\+?([=:]|%3[Dd])([ \t]*)/g;

const QUOTED = String.raw`\\"([^"\\]*)|"((?:[^"\\]|\\[\s\S])*)|'([^']*)`;
const valuePattern = (unquoted: string): RegExp => new RegExp(`${QUOTED}|(${unquoted})`, "y");
const VALUE = valuePattern(String.raw`(?:[A-Z][a-z]{4,10} )?[^\s&;,"'(){}<>|\\]+`);
const VALUE_OF_QUERY = valuePattern(String.raw`[^\s&#"'<>\\]+`);
const VALUE_OF_WORDS = valuePattern(String.raw`(?:[A-Z][a-z]{4,10} )?[^\s&;|"'<>\\]+`);
/** In ODBC a value with a semicolon is in braces. */
const VALUE_OF_LIST = valuePattern(String.raw`\{(?:[^}]|\}\})*\}?|[^;]+`);
const LIST = /^[\w .-]{1,64}=[^;]*;/;
const JSON_LIST = /\[([^\]]*)/y;
const JSON_TEXTS = /"((?:[^"\\]|\\[\s\S])*)"/dg;

/** Before the name of a host or a variable. */
const OTHER_NAME = /\/\/|\$\{/;

/** Pairs anywhere in the text, each up to the separator of the list, query, JSON or program. */
function pairsIn(text: string, isHeader: boolean, isProgram: boolean): readonly Place[] {
  const places: Place[] = [];
  const isList = !isProgram && LIST.test(text);
  let position = 0;
  for (const match of text.matchAll(HEAD)) {
    const [head, name = "", quote, before, sign, after = ""] = match;
    const { index } = match;
    // A value is read only once, or the time would grow with the square of the number of names.
    if (index < position || surenessOf(name) === undefined || OTHER_NAME.test(text.slice(index - 2, index))) continue;
    JSON_LIST.lastIndex = index + head.length;
    const texts = quote === '"' && sign === ":" ? JSON_LIST.exec(text)?.[1] : undefined;
    if (texts !== undefined) {
      position = JSON_LIST.lastIndex;
      const at = position - texts.length;
      places.push(...[...placesOf(JSON_TEXTS, texts)].map(({ start, end }) => ({ start: at + start, end: at + end })));
      continue;
    }
    const pattern = isProgram ? VALUE : valuePatternAfter(text[index - 1] ?? "", isList);
    pattern.lastIndex = index + head.length;
    const [found = "", ...groups] = pattern.exec(text) ?? [];
    const value = groups.find((group) => group !== undefined) ?? "";
    const isQuoted = value !== found;
    if (!isQuoted && (before !== "" || (sign === "=" && after !== ""))) continue;
    position = index + head.length + found.length;
    const pair = { name, sign, blanks: after, isHeader, isQuoted: isQuoted || quote !== "" };
    places.push(...secretsOf(pair, value, position - value.length));
  }
  return places;
}

/** The pattern of the value, by the character before the name. */
function valuePatternAfter(sign: string, isList: boolean): RegExp {
  if (/[?&[]/.test(sign)) return VALUE_OF_QUERY;
  if (isList) return VALUE_OF_LIST;
  return /\s/.test(sign) ? VALUE_OF_WORDS : VALUE;
}

interface Pair {
  readonly name: string;
  readonly sign: string | undefined;
  readonly blanks: string;
  readonly isHeader: boolean;
  readonly isQuoted?: boolean;
}

/** The secrets of a value; `at` is its position in the text. */
function secretsOf(
  { name, sign, blanks, isHeader, isQuoted = false }: Pair,
  value: string,
  at: number,
): readonly Place[] {
  const sureness = isHeader ? surenessOfHeader(name) : surenessOf(name);
  const from = schemeLength(name, value);
  const secret = from === 0 ? value : value.slice(from);
  if (sureness === undefined || /^[=:]/.test(value) || !isSecretValue(secret, name, sureness)) return [];
  if (sign === ":" && !isQuoted) {
    // The first is a port, a path or a URL, the second prose.
    if (blanks === "" && /^(?:\d{1,5}(?!\w)|\/)/.test(secret)) return [];
    if (blanks !== "" && !isHeader && !/[-_]|authorization|cookie/i.test(name) && /^[a-z]+$/.test(secret)) return [];
  }
  if (!/cookie$/i.test(name) || !value.includes("=")) return [{ start: at + from, end: at + value.length }];
  return [...placesOf(COOKIES, value)].map(({ start, end }) => ({ start: at + start, end: at + end }));
}

const COOKIES = /=([^;]+)/dg;
