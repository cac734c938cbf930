// The bytes of a config file → what it says, with the line and column of each part.

import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import { formatPath, onOneLine, type Path, type Problem, quote } from "./problem.ts";

/** yaml takes 1.3 s for 1 MB and 18 s for 10 MB (measured), so a larger file is refused unread. */
export const LARGEST_BYTES = 1024 * 1024;

/** Far more than checks need; what follows may recurse. */
const DEEPEST = 64;

/** Far more than a hand writes; a bomb doubles what it names at each level. */
const MOST_BY_ALIAS = 10_000;

/** The first mistake in the syntax makes most of those after it. */
const MOST_SYNTAX_ERRORS = 5;

export interface ConfigFile {
  /** As it was named. */
  readonly name: string;
  /** As it was written, secrets not filled in. */
  readonly value: unknown;
  /** A whole problem, at the value under `path`, or at its key. */
  problem(path: Path, what: { readonly expected: string; readonly got: string; readonly at?: "key" }): Problem;
  /** `name:line:column: path: text`. */
  remark(path: Path, text: string, at?: "key"): string;
}

/** Never throws, whatever the bytes. */
export function readConfigFile(name: string): ConfigFile | readonly Problem[] {
  const bytes = readBounded(name);
  if (typeof bytes === "string") return [`${onOneLine(name)}: ${bytes}`];
  return parseConfigFile(onOneLine(name), bytes);
}

/** The bytes, or what is wrong. */
function readBounded(name: string): Uint8Array | string {
  const expected = (got: string) => `expected a readable file of at most 1 MiB, got ${got}`;
  let fd: number | undefined;
  try {
    // Before it is opened: to open a pipe would wait for who writes it.
    const type = typeOf(statSync(name));
    if (type !== undefined) return expected(type);
    fd = openSync(name, "r");
    const { size } = fstatSync(fd);
    if (size > LARGEST_BYTES) return expected(`${size} bytes`);
    // It may grow meanwhile, and what is in /proc has no size.
    const buffer = new Uint8Array(LARGEST_BYTES + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < buffer.byteLength; length += count) {
      count = readSync(fd, buffer, length, buffer.byteLength - length, null);
    }
    return length > LARGEST_BYTES ? expected("more") : buffer.subarray(0, length);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return expected(UNREADABLE[code] ?? code);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EACCES: "no permission to read it",
  EPERM: "no permission to read it",
};

/** What it is where it is no regular file. */
export function typeOf(found: Stats): string | undefined {
  if (found.isFile()) return undefined;
  if (found.isDirectory()) return "a folder";
  return found.isFIFO() ? "a pipe" : found.isSocket() ? "a socket" : "a device";
}

export function parseConfigFile(name: string, bytes: Uint8Array): ConfigFile | readonly Problem[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return [`${name}:${placeOfForeignByte(bytes)}: expected text in UTF-8, got other bytes`];
  }
  const zero = text.indexOf("\0");
  if (zero >= 0) return [`${name}:${placeAfter(text.slice(0, zero))}: expected text in UTF-8, got a zero byte`];
  try {
    return parseText(name, text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [`${name}:1:1: ${TOO_DEEP}`];
  }
}

const TOO_DEEP = `expected at most ${DEEPEST} levels of lists and mappings, got more`;

/** Where the longest beginning that is UTF-8 ends, by halving. */
function placeOfForeignByte(bytes: Uint8Array): string {
  let good = 0;
  let bad = bytes.byteLength;
  const decode = (end: number) => new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end), STREAM);
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      decode(middle);
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return placeAfter(decode(good));
}

/** A character that is cut at the end is no mistake. */
const STREAM = { stream: true };

function placeAfter(text: string): string {
  const lines = text.split("\n");
  return `${lines.length}:${(lines.at(-1) ?? "").length + 1}`;
}

function parseText(name: string, text: string): ConfigFile | readonly Problem[] {
  const counter = new LineCounter();
  // Its own look for duplicate keys compares each with each: minutes for a large file.
  const options = { lineCounter: counter, prettyErrors: false, version: "1.2", uniqueKeys: false } as const;
  const { contents, errors, warnings, directives } = parseDocument(text, options);
  const lineOf = (offset: number) => Math.max(1, counter.linePos(offset).line);
  const place = (offset: number) => `${name}:${lineOf(offset)}:${Math.max(1, counter.linePos(offset).col)}`;

  if (errors.some(({ message }) => message.startsWith("Maximum call stack"))) return [`${name}:1:1: ${TOO_DEEP}`];
  const syntax = [...errors, ...warnings].map((error) => explain(error, text));
  if (directives?.yaml.version === "1.1") syntax.unshift({ offset: text.search(/^%YAML/m), said: FOREIGN_DIRECTIVE });
  if (syntax.length > 0) {
    const told = new Set(syntax.map(({ offset, said }) => `${place(offset)}: ${said}`));
    return [...told].slice(0, MOST_SYNTAX_ERRORS);
  }

  const { value, flaws, targets } = read(contents, lineOf);
  if (flaws.length > 0) return flaws.map(({ offset, said }) => `${place(offset)}: ${said}`);
  const offsetOf = createFinder(contents, targets);
  const remark = (path: Path, said: string, at?: "key") => {
    const shown = formatPath(path);
    return `${place(offsetOf(path, at))}: ${shown === "" ? "" : `${shown}: `}${said}`;
  };
  return {
    name,
    value,
    problem: (path, { expected, got, at }) => remark(path, `expected ${expected}, got ${got}`, at),
    remark,
  };
}

interface Flaw {
  readonly offset: number;
  readonly said: string;
}

/** In the words of who wrote it. What was written there is not shown: it may be a password that wants quotes. */
function explain({ code, message, pos: [offset] }: YAMLError, text: string): Flaw {
  const flaw = (expected: string, got: string, at = offset) => ({
    offset: at,
    said: `expected ${expected}, got ${got}`,
  });
  switch (code) {
    case "TAB_AS_INDENT":
      return flaw("spaces to indent with", "a tab");
    case "MULTIPLE_DOCS":
      return flaw("one document", "more");
    case "BAD_DIRECTIVE":
      return { offset, said: FOREIGN_DIRECTIVE };
    case "TAG_RESOLVE_FAILED":
      return flaw("no tag", "one (put a text that begins with ! in quotes)");
    case "BLOCK_AS_IMPLICIT_KEY":
      return flaw(
        "one value after a key",
        "another key or colon (put a text that holds a colon and a space in quotes)",
      );
    case "MULTILINE_IMPLICIT_KEY":
      return flaw("a colon and a space after a key", "the next line");
    case "BAD_SCALAR_START":
      return /[!-~]/.test(text.charAt(offset))
        ? flaw("a value", `one that begins with ${text.charAt(offset)} (put it in quotes)`)
        : flaw("a value", "a tab or another character that begins none");
    case "BAD_DQ_ESCAPE":
      return flaw(
        "an escape of double quotes",
        `${JSON.stringify(text.slice(offset, offset + 2))} (in single quotes a backslash is itself)`,
      );
    case "BAD_ALIAS":
      return flaw("the name of an anchor after *", "none (put a text that begins with * in quotes)");
    case "BLOCK_IN_FLOW":
      return flaw("a comma between two items in brackets", "none");
    case "UNEXPECTED_TOKEN":
      return / at node end/.test(message)
        ? flaw("nothing more after a value", "more (put the whole in quotes)")
        : flaw("YAML", `a flaw: ${plain(message)}`);
    case "KEY_OVER_1024_CHARS":
      return flaw("a key of at most 1024 characters", "more");
    case "MISSING_CHAR": {
      const [, mark] = /closing (["'])/.exec(message) ?? [];
      if (mark !== undefined) return flaw(`a closing ${mark}`, "none", Math.max(0, text.lastIndexOf(mark, offset - 1)));
      if (/^implicit map keys/i.test(message)) return flaw("a colon and a space after a key", "none");
      return /without - indicator/.test(message)
        ? flaw(SAME_COLUMN, "another")
        : flaw("YAML", `a flaw: ${plain(message)}`);
    }
    case "BAD_INDENT": {
      const [, bracket] = /end with an? ([\]}])/.exec(message) ?? [];
      return bracket === undefined ? flaw(SAME_COLUMN, "another") : flaw(`a closing ${bracket}`, "none");
    }
    default:
      return flaw("YAML", `a flaw: ${plain(message)}`);
  }
}

const FOREIGN_DIRECTIVE = "expected no directive but %YAML 1.2, got one (a line that begins with %)";

const SAME_COLUMN = "the indentation of the lines before";

/** Without what it quotes of the text. */
const plain = (message: string): string =>
  message.charAt(0).toLowerCase() + message.slice(1).replace(/[^\w \-"'{}[\],|>&!].*/su, "");

interface Content {
  readonly value: unknown;
  readonly flaws: readonly Flaw[];
  /** What each alias stands for. */
  readonly targets: Targets;
}

type Targets = ReadonlyMap<object, object>;

interface YAMLNode {
  readonly range?: readonly number[] | null | undefined;
  readonly anchor?: string;
  readonly tag?: string;
}

/** The document as plain values; what yaml lets pass and nobody can have meant is a flaw. */
function read(root: unknown, lineOf: (offset: number) => number): Content {
  const flaws: Flaw[] = [];
  const anchors = new Map<string, YAMLNode>();
  const targets = new Map<object, YAMLNode>();
  const open = new Set<object>();
  let byAlias = 0;
  const flaw = (node: unknown, expected: string, got: string) => {
    flaws.push({ offset: startOf(node) ?? 0, said: `expected ${expected}, got ${got}` });
  };

  const convert = (node: unknown, depth: number, aliased: boolean, isJson: boolean): unknown => {
    if (flaws.length >= MOST_SYNTAX_ERRORS || typeof node !== "object" || node === null) return null;
    if (aliased && ++byAlias > MOST_BY_ALIAS) {
      if (byAlias === MOST_BY_ALIAS + 1) flaw(node, `at most ${MOST_BY_ALIAS} values that aliases stand for`, "more");
      return null;
    }
    if (depth > DEEPEST) {
      flaws.push({ offset: startOf(node) ?? 0, said: TOO_DEEP });
      return null;
    }
    if (isAlias(node)) {
      const target = aliased ? targets.get(node) : anchors.get(node.source);
      if (!target) flaw(node, "the name of an anchor before it", "another (put a text that begins with * in quotes)");
      else if (open.has(target)) flaw(node, "an alias of something else", "one of what it stands in");
      else {
        targets.set(node, target);
        return convert(target, depth, true, isJson);
      }
      return null;
    }
    const { anchor, tag } = node as YAMLNode;
    if (anchor !== undefined && !aliased) anchors.set(anchor, node as YAMLNode);
    if (tag !== undefined && tag !== "tag:yaml.org,2002:str") {
      flaw(node, "no tag", "one (put a text that begins with ! in quotes)");
      return null;
    }
    if (isScalar(node)) return scalarOf(node, isJson);
    open.add(node);
    const value = isSeq(node)
      ? node.items.map((item) => convert(item, depth + 1, aliased, isJson))
      : isMap(node)
        ? mapOf(node.items, depth, aliased, isJson)
        : null;
    open.delete(node);
    return value;
  };

  const mapOf = (
    pairs: readonly { readonly key: unknown; readonly value: unknown }[],
    depth: number,
    aliased: boolean,
    isJson: boolean,
  ): unknown => {
    const entries = new Map<string, unknown>();
    const places = new Map<string, number>();
    for (const { key, value } of pairs) {
      if (!isScalar(key) || key.value === null) {
        flaw(
          key ?? value,
          "a text as key",
          key === null || isScalar(key) ? "nothing" : "a list, a mapping or an alias",
        );
        continue;
      }
      const name = String(scalarOf(key, false));
      const first = places.get(name);
      if (first !== undefined) flaw(key, "each key once", `${quote(name)} again (first in line ${lineOf(first)})`);
      places.set(name, startOf(key) ?? 0);
      entries.set(name, convert(value, depth + 1, aliased, isJson || name === "json"));
    }
    return Object.fromEntries(entries);
  };

  return { value: convert(root, 0, false, false), flaws, targets };
}

/**
 * A number is the text that was written where that would lose by being one: 1.10, 007,
 * 12345678901234567890. But in what is compared with JSON it is a number.
 */
function scalarOf({ value, source }: Scalar, isJson: boolean): unknown {
  if (typeof value === "bigint") return String(value);
  return typeof value === "number" && !isJson && source !== undefined && String(value) !== source ? source : value;
}

/**
 * Where the value under a path begins; where it has no text of its own, its key; where it is
 * not there, what holds it. Mappings are searched once, since there may be as many problems as keys.
 */
function createFinder(root: unknown, targets: Targets) {
  const indexes = new Map<YAMLMap, ReadonlyMap<string, Pair>>();
  const indexOf = (map: YAMLMap): ReadonlyMap<string, Pair> => {
    const found = indexes.get(map) ?? new Map(map.items.map((pair) => [keyOf(pair), pair]));
    indexes.set(map, found);
    return found;
  };
  return (path: Path, at?: "key"): number => {
    let node = root;
    let offset = startOf(node) ?? 0;
    for (const [index, step] of path.entries()) {
      while (isAlias(node)) node = targets.get(node);
      if (isMap(node)) {
        const pair = indexOf(node).get(String(step));
        if (!pair) return offset;
        const atKey = at === "key" && index === path.length - 1;
        const empty = pair.value === null || (isScalar(pair.value) && pair.value.source === "");
        offset = (atKey || empty ? startOf(pair.key) : startOf(pair.value)) ?? offset;
        node = pair.value;
      } else if (isSeq(node)) {
        node = node.items[Number(step)];
        offset = startOf(node) ?? offset;
      } else return offset;
    }
    return offset;
  };
}

const keyOf = ({ key }: Pair): string => (isScalar(key) ? String(scalarOf(key, false)) : "");

const startOf = (node: unknown): number | undefined => (node as YAMLNode | null | undefined)?.range?.[0];
