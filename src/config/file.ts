// The bytes of a config file → its value, with the line and column of each part.

import type { Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { LineCounter, parseDocument } from "yaml";
import { causeOf, codeOf } from "../system/errors.ts";
import { describeOddCharacters, escapeInvisible } from "../text/odd-characters.ts";
import { onOneLine } from "../text/printable.ts";
import { formatPath, type Path, type Problem } from "./problem.ts";
import { FOREIGN_DIRECTIVE, type SyntaxProblem, syntaxProblemOf } from "./syntax.ts";
import { createFinder, MOST_SYNTAX_ERRORS, readTree, TOO_DEEP } from "./tree.ts";

/** yaml takes 1.3 s for 1 MB and 18 s for 10 MB (measured), so a larger file is refused unread. */
export const LARGEST_BYTES = 1024 * 1024;

export interface ConfigFile {
  /** As it was given on the command line, on one line. */
  readonly name: string;
  /** As written, secrets not filled in. */
  readonly value: unknown;
  /** A problem, with the place of the value under `path`, or of its key. */
  problem(path: Path, what: { readonly expected: string; readonly got: string; readonly at?: "key" }): Problem;
  /** `name:line:column: path: text`. */
  remark(path: Path, text: string, at?: "key"): string;
  readonly unknown: UnknownProblems;
}

export interface ReadConfigFile extends ConfigFile {
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
  /** Milliseconds since the epoch. */
  readonly readAt: number;
}

/**
 * Counts the problems of unknown keys and items. Only the first three are shown: the file may be no config file but a
 * list of passwords, which its problems must not print.
 */
export class UnknownProblems {
  #shown = 0;
  #hidden = 0;

  /** Returns the problem, or nothing after the first three. */
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

/** Never rejects, whatever the bytes. Does not block the daemon while the file system is slow, or hangs. */
export async function readConfigFile(name: string): Promise<ReadConfigFile | readonly Problem[]> {
  const readAt = Date.now();
  const bytes = await readBounded(name);
  if (typeof bytes === "string") return [cannotRead(name, bytes)];
  const parsed = parseConfigFile(onOneLine(name), bytes);
  return "problem" in parsed ? { ...parsed, sha256: Bun.CryptoHasher.hash("sha256", bytes, "hex"), readAt } : parsed;
}

/** `why` is a cause in words, or the code of an error. */
export const cannotRead = (name: string, why: string): Problem =>
  `cannot read ${escapeInvisible(onOneLine(name))}: ${causeOf(why)}`;

/** The bytes, or why they cannot be read. */
async function readBounded(name: string): Promise<Uint8Array | string> {
  let file: FileHandle | undefined;
  try {
    // Before open(), which would wait for the writer of a pipe.
    const type = typeOf(await stat(name));
    if (type !== undefined) return `it is ${type}`;
    file = await open(name, "r");
    const { size } = await file.stat();
    if (size > LARGEST_BYTES) return `it has ${size} bytes, more than 1 MiB`;
    // The file may grow meanwhile, and files in /proc have no size.
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

/** Undefined for a regular file. */
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

/** Finds by bisection where the longest prefix that is UTF-8 ends. */
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

/** A character that is cut at the end is not an error. */
const STREAM = { stream: true };

function placeAfter(text: string): string {
  const lines = text.split("\n");
  return `${lines.length}:${(lines.at(-1) ?? "").length + 1}`;
}

function parseText(name: string, text: string): ConfigFile | readonly Problem[] {
  const counter = new LineCounter();
  // The parser compares every key with every other one: minutes for a large file. readTree finds duplicates.
  const options = { lineCounter: counter, prettyErrors: false, version: "1.2", uniqueKeys: false } as const;
  const { contents, errors, warnings, directives } = parseDocument(text, options);
  const lineOf = (offset: number) => Math.max(1, counter.linePos(offset).line);
  const place = (offset: number) => `${name}:${lineOf(offset)}:${Math.max(1, counter.linePos(offset).col)}`;

  const show = ({ offset, text: problem }: SyntaxProblem) => `${place(offset)}: ${problem}${oddNear(text, offset)}`;

  if (errors.some(({ message }) => message.startsWith("Maximum call stack"))) return [`${name}:1:1: ${TOO_DEEP}`];
  const syntax = [...errors, ...warnings].map((error) => syntaxProblemOf(error, text));
  if (directives?.yaml.version === "1.1") syntax.unshift({ offset: text.search(/^%YAML/m), text: FOREIGN_DIRECTIVE });
  if (syntax.length > 0) {
    return [...new Set(syntax.map(show))].slice(0, MOST_SYNTAX_ERRORS);
  }

  const { value, problems, targets } = readTree(contents, lineOf);
  if (problems.length > 0) return problems.map(show);
  const offsetOf = createFinder(contents, targets);
  const remark = (path: Path, remarked: string, at?: "key") => {
    const shown = formatPath(path);
    return `${place(offsetOf(path, at))}: ${shown === "" ? "" : `${shown}: `}${remarked}`;
  };
  return {
    name,
    value,
    unknown: new UnknownProblems(),
    problem: (path, { expected, got, at }) => remark(path, `expected ${expected}, got ${got}`, at),
    remark,
  };
}

/** Invisible characters in the line of a problem, or in the line before: the parser may notice an error a line late. */
function oddNear(text: string, offset: number): string {
  const end = text.indexOf("\n", offset);
  const before = text.lastIndexOf("\n", text.lastIndexOf("\n", offset - 1) - 1);
  const odd = describeOddCharacters(text.slice(Math.max(0, before), end < 0 ? undefined : end));
  return odd === undefined ? "" : ` (near this place ${odd.replace(/^it holds/, "the text has")})`;
}
