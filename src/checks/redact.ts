// Redacts secrets in texts: as they are, in the encodings that programs use, and where a text is cut within one.

import { fault, type Outcome } from "../outcome.ts";
import type { Abortable } from "../system/abort.ts";
import type { Probe } from "./check.ts";
import type { CheckKind, Truncated } from "./kind.ts";

/** Shorter secrets match by accident; redacting them would reveal them. */
const MIN_SECRET_LENGTH = 4;

/** `cut` is the end of the text where a secret may be cut in two. */
type Redact = (text: string, cut?: Truncated) => string;

/** All checks of a config file share the redactor of its secrets. */
const redactors = new WeakMap<readonly string[], Redact | undefined>();

/** Undefined if there is nothing to redact. */
export function redactorOf(secrets: readonly string[], more: readonly string[] = []): Redact | undefined {
  if (more.some((secret) => !secrets.includes(secret))) return createRedactor([...secrets, ...more]);
  if (!redactors.has(secrets)) redactors.set(secrets, createRedactor(secrets));
  return redactors.get(secrets);
}

/** The target of a check, redacted. */
export function targetOf(check: {
  readonly kind: CheckKind;
  readonly settings: unknown;
  readonly secrets: readonly string[];
}): string {
  const { kind, settings, secrets } = check;
  const target = kind.target(settings);
  return redactorOf(secrets, (kind.secretsOfTarget ?? kind.secrets)?.(settings))?.(target) ?? target;
}

function createRedactor(secrets: readonly string[]): Redact | undefined {
  const texts = [...new Set(secrets.flatMap(partsOf))];
  if (texts.length === 0) return undefined;
  const encoded = new Set([...texts.map(bytesOf), ...texts.flatMap(encodingsOf)]);
  const lowerCased = new Set(texts.map((part) => lowerCase(bytesOf(part))));
  return (text, cut = "nowhere") => {
    const shown = bytesOf(text);
    const views = viewsOf(shown);
    const spans = [
      ...views.flatMap((view) => find(view, encoded, cut)),
      // Some programs write a whole URL in lower case.
      ...views
        .filter(({ sign }) => sign === "%")
        .flatMap((view) => find({ ...view, bytes: lowerCase(view.bytes) }, lowerCased, cut))
        .filter(({ start, end }) => shown.slice(start, end).includes("%")),
    ];
    return spans.length === 0 ? text : textOf(replaceSpans(shown, spans));
  };
}

/** UTF-8 as latin1, a character for each byte, since an escape stands for one byte. */
const bytesOf = (text: string): string => Buffer.from(text).toString("latin1");
const textOf = (bytes: string): string => Buffer.from(bytes, "latin1").toString();

const lowerCase = (bytes: string): string => bytes.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** A secret, and its lines; also without the blanks around it, which programs often remove. */
const partsOf = (secret: string): readonly string[] =>
  [secret, secret.trim(), ...secret.split(/[\r\n]+/).map((line) => line.trim())].filter(
    ({ length }) => length >= MIN_SECRET_LENGTH,
  );

/** The encodings of a whole text, also with the newline that `echo` adds. */
function encodingsOf(text: string): readonly string[] {
  const hex = Buffer.from(text).toString("hex");
  const base64 = [text, `${text}\n`].flatMap((whole) => {
    const bytes = Buffer.from(whole);
    return [bytes.toString("base64"), bytes.toString("base64url")].flatMap((one) => [one, one.replace(/=+$/, "")]);
  });
  return [hex, hex.toUpperCase(), ...base64, ...base64.map((one) => one.padEnd(4 * Math.ceil(one.length / 4), "="))];
}

/** A text with one type of escape decoded; `starts` and `ends` map each byte to its place in the original. */
interface View {
  /** The first character of the escapes. */
  readonly sign: string | undefined;
  readonly bytes: string;
  readonly starts: (index: number) => number;
  readonly ends: (index: number) => number;
}

const plain = (bytes: string): View => ({
  sign: undefined,
  bytes,
  starts: (index) => index,
  ends: (index) => index + 1,
});

/** How programs escape a byte, or several bytes. */
const ESCAPES: readonly {
  readonly sign: string;
  readonly pattern: RegExp;
  readonly decode: (escaped: string) => string;
}[] = [
  { sign: "%", pattern: /%[\da-f]{2}/gi, decode: (escaped) => fromCode(escaped.slice(1)) },
  // Forms write a blank as a plus.
  {
    sign: "%",
    pattern: /%[\da-f]{2}|\+/gi,
    decode: (escaped) => (escaped === "+" ? " " : fromCode(escaped.slice(1))),
  },
  // In single quotes of a shell.
  { sign: "'", pattern: /'\\''/g, decode: () => "'" },
  // SQL, CSV, and YAML in single quotes.
  { sign: "'", pattern: /''/g, decode: () => "'" },
  { sign: '"', pattern: /""/g, decode: () => '"' },
  // JSON, C, and a shell without quotes.
  {
    sign: "\\",
    pattern: /\\x[\da-f]{2}|\\ud[89ab][\da-f]{2}\\ud[c-f][\da-f]{2}|\\u[\da-f]{4}|\\[^xu]/gi,
    decode(escaped) {
      if (/^\\x/i.test(escaped)) return fromCode(escaped.slice(2));
      if (/^\\u/i.test(escaped)) {
        const units = escaped.split(/\\u/i).slice(1);
        return bytesOf(String.fromCharCode(...units.map((hex) => Number.parseInt(hex, 16))));
      }
      const character = escaped.slice(1);
      return { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }[character] ?? character;
    },
  },
  {
    sign: "&",
    pattern: /&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,7}|#x[\da-f]{1,6});/gi,
    decode(escaped) {
      const name = escaped.slice(1, -1).toLowerCase();
      const named = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" }[name];
      const code = name.startsWith("#x") ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
      return bytesOf(named ?? (code <= 0x10ffff ? String.fromCodePoint(code) : escaped));
    },
  },
];

const fromCode = (hex: string): string => String.fromCharCode(Number.parseInt(hex, 16));

/** The text as it is, and with each type of escape decoded. */
function viewsOf(shown: string): readonly View[] {
  return [plain(shown), ...ESCAPES.flatMap(({ sign, pattern, decode }) => viewOf(shown, sign, pattern, decode) ?? [])];
}

/** Undefined if the text has no such escape. */
function viewOf(shown: string, sign: string, pattern: RegExp, decode: (escaped: string) => string): View | undefined {
  const pieces: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  let position = 0;
  const add = (bytes: string, start: number, end: number, isWhole: boolean) => {
    pieces.push(bytes);
    for (let index = 0; index < bytes.length; index++) {
      starts.push(isWhole ? start : start + index);
      ends.push(isWhole ? end : start + index + 1);
    }
  };
  for (const { 0: escaped, index } of shown.matchAll(pattern)) {
    add(shown.slice(position, index), position, index, false);
    position = index + escaped.length;
    add(decode(escaped), index, position, true);
  }
  if (position === 0) return undefined;
  add(shown.slice(position), position, shown.length, false);
  return {
    sign,
    bytes: pieces.join(""),
    starts: (index) => starts[index] ?? 0,
    ends: (index) => ends[index] ?? shown.length,
  };
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where the original of `view` has one of the `secrets`; also a part of one, at the end that `cut` names. */
function find({ bytes, starts, ends }: View, secrets: ReadonlySet<string>, cut: Truncated): readonly Span[] {
  const spans: Span[] = [];
  const add = (from: number, to: number) => spans.push({ start: starts(from), end: ends(to - 1) });
  for (const secret of secrets) {
    for (let at = bytes.indexOf(secret); at >= 0; at = bytes.indexOf(secret, at + secret.length)) {
      add(at, at + secret.length);
    }
  }
  if (
    cut === "nowhere" ||
    spans.some(({ start, end }) => (cut === "end" ? end === ends(bytes.length - 1) : start === 0))
  ) {
    return spans;
  }
  // An escape may be cut in two as well, and so may a character, which leaves a replacement character.
  const [tail = ""] = cut === "end" ? (CUT_TAIL.exec(bytes) ?? []) : [];
  const skips =
    cut === "start" ? [0, ...CUT_HEADS].filter((skip) => skip === 0 || /^\w*;?$/.test(bytes.slice(0, skip))) : [];
  for (const secret of secrets) {
    for (let length = Math.min(secret.length - 1, bytes.length); length >= MIN_SECRET_LENGTH; length--) {
      const rest =
        cut === "end"
          ? [0, tail.length].find((left) => bytes.endsWith(secret.slice(0, length), bytes.length - left))
          : skips.find((skip) => bytes.startsWith(secret.slice(-length), skip));
      if (rest === undefined) continue;
      if (cut === "end") add(bytes.length - rest - length, bytes.length);
      else add(0, rest + length);
      break;
    }
  }
  return spans;
}

const CUT_TAIL = /(?:\xef\xbf\xbd)*(?:%[\da-f]?|\\(?:[xu][\da-f]{0,3})?|&#?\w{0,7})?$/i;

/** The possible lengths of the rest of an escape that was cut. */
const CUT_HEADS: readonly number[] = [1, 2, 3, 4, 5, 6];

/** Replaces each span by three stars; overlapping spans by one set of them. */
function replaceSpans(shown: string, spans: readonly Span[]): string {
  const pieces: string[] = [];
  let position = 0;
  for (const { start, end } of spans.toSorted((one, other) => one.start - other.start || other.end - one.end)) {
    if (start >= position) pieces.push(shown.slice(position, start), "***");
    position = Math.max(position, end);
  }
  return [...pieces, shown.slice(position)].join("");
}

/** The text before an ellipsis, which marks where it was cut. */
const BEFORE_ELLIPSIS = /[^…]+(?=…)/g;

export function withRedaction(probe: Probe, redact: Redact): Probe {
  const redactAll = (text: string) => redact(text).replaceAll(BEFORE_ELLIPSIS, (piece) => redact(piece, "end"));
  const redacted = (outcome: Outcome): Outcome => {
    const shown: Record<string, unknown> = { ...outcome };
    for (const key of ["detail", "warning", "message", "output"]) {
      const text = shown[key];
      if (typeof text === "string") shown[key] = redactAll(text);
    }
    return shown as Outcome;
  };
  return (limit) => {
    const outcome = runSafely(probe, limit);
    return outcome instanceof Promise ? outcome.then(redacted) : redacted(outcome);
  };
}

/** Makes a throw a failure here, so that its message is redacted too. */
function runSafely(probe: Probe, limit: Abortable): Outcome | Promise<Outcome> {
  try {
    const outcome = probe(limit);
    return outcome instanceof Promise ? outcome.catch(fault) : outcome;
  } catch (error) {
    return fault(error);
  }
}
