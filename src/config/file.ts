// The bytes of a config file → what it says, with the line and column of each part.

import type { Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { LineCounter, parseDocument } from "yaml";
import { causeOf, codeOf } from "../system/errors.ts";
import { describeOddCharacters, withoutUnseen } from "../text/odd-characters.ts";
import { onOneLine } from "../text/printable.ts";
import { formatPath, type Path, type Problem } from "./problem.ts";
import { explain, FOREIGN_DIRECTIVE } from "./syntax.ts";
import { createFinder, MOST_SYNTAX_ERRORS, readTree, TOO_DEEP } from "./tree.ts";

/** yaml takes 1.3 s for 1 MB and 18 s for 10 MB (measured), so a larger file is refused unread. */
export const LARGEST_BYTES = 1024 * 1024;

export interface ConfigFile {
  /** As it was named. */
  readonly name: string;
  /** As it was written, secrets not filled in. */
  readonly value: unknown;
  /** A whole problem, at the value under `path`, or at its key. */
  problem(path: Path, what: { readonly expected: string; readonly got: string; readonly at?: "key" }): Problem;
  /** `name:line:column: path: text`. */
  remark(path: Path, text: string, at?: "key"): string;
  readonly unknown: UnknownLines;
}

/**
 * Problems that show what nothing here knows. The first three are enough for a config file; one that is none,
 * but a file of passwords, is not to be printed by its problems.
 */
export class UnknownLines {
  #shown = 0;
  #hidden = 0;

  /** The problem, or nothing and it is counted. */
  show(problem: Problem): readonly Problem[] {
    if (this.#shown >= MOST_UNKNOWN) {
      this.#hidden++;
      return [];
    }
    this.#shown++;
    return [problem];
  }

  hide(count: number): void {
    this.#hidden += count;
  }

  get hidden(): number {
    return this.#hidden;
  }
}

const MOST_UNKNOWN = 3;

/** Never rejects, whatever the bytes. Nothing else waits while the file system is slow, or hangs. */
export async function readConfigFile(name: string): Promise<ConfigFile | readonly Problem[]> {
  const bytes = await readBounded(name);
  if (typeof bytes === "string") return [cannotRead(name, bytes)];
  return parseConfigFile(onOneLine(name), bytes);
}

/** `why` is a cause, or the code of an error. */
export const cannotRead = (name: string, why: string): Problem =>
  `cannot read ${withoutUnseen(onOneLine(name))}: ${causeOf(why)}`;

/** The bytes, or why there are none. */
async function readBounded(name: string): Promise<Uint8Array | string> {
  let file: FileHandle | undefined;
  try {
    // Before it is opened: to open a pipe would wait for who writes it.
    const type = typeOf(await stat(name));
    if (type !== undefined) return `it is ${type}`;
    file = await open(name, "r");
    const { size } = await file.stat();
    if (size > LARGEST_BYTES) return `it has ${size} bytes, more than 1 MiB`;
    // It may grow meanwhile, and what is in /proc has no size.
    const buffer = new Uint8Array(LARGEST_BYTES + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < buffer.byteLength; length += count) {
      count = (await file.read(buffer, length, buffer.byteLength - length, null)).bytesRead;
    }
    return length > LARGEST_BYTES ? "it has more than 1 MiB" : buffer.subarray(0, length);
  } catch (error) {
    return codeOf(error);
  } finally {
    await file?.close();
  }
}

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
    const told = new Set(syntax.map(({ offset, said }) => `${place(offset)}: ${said}${oddNear(text, offset)}`));
    return [...told].slice(0, MOST_SYNTAX_ERRORS);
  }

  const { value, flaws, targets } = readTree(contents, lineOf);
  if (flaws.length > 0) return flaws.map(({ offset, said }) => `${place(offset)}: ${said}${oddNear(text, offset)}`);
  const offsetOf = createFinder(contents, targets);
  const remark = (path: Path, said: string, at?: "key") => {
    const shown = formatPath(path);
    return `${place(offsetOf(path, at))}: ${shown === "" ? "" : `${shown}: `}${said}`;
  };
  return {
    name,
    value,
    unknown: new UnknownLines(),
    problem: (path, { expected, got, at }) => remark(path, `expected ${expected}, got ${got}`, at),
    remark,
  };
}

/** What the line holds that cannot be seen, and the line before, in which the parser may not have seen the flaw yet. */
function oddNear(text: string, offset: number): string {
  const end = text.indexOf("\n", offset);
  const before = text.lastIndexOf("\n", text.lastIndexOf("\n", offset - 1) - 1);
  const odd = describeOddCharacters(text.slice(Math.max(0, before), end < 0 ? undefined : end));
  return odd === undefined ? "" : ` (near there ${odd.replace(/^it holds/, "the text has")})`;
}
