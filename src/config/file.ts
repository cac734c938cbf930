// The bytes of a config file → what it says, with the line and column of each part.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from "yaml";
import { formatPath, type Path, type Problem } from "./problem.ts";

/** yaml takes 1.3 s for 1 MB and 18 s for 10 MB (measured), so a larger file is refused unread. */
export const LARGEST_BYTES = 1024 * 1024;

/** As many aliases as a hand writes; a bomb doubles what it names at each level. */
const MOST_ALIASES = 100;

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
  if (typeof bytes === "string") return [`${name}: ${bytes}`];
  return parseConfigFile(name, bytes);
}

/** The bytes, or what is wrong. */
function readBounded(name: string): Uint8Array | string {
  const expected = (got: string) => `expected a readable file of at most 1 MiB, got ${got}`;
  let fd: number | undefined;
  try {
    fd = openSync(name, "r");
    const found = fstatSync(fd);
    if (found.isDirectory()) return expected("a folder");
    if (found.size > LARGEST_BYTES) return expected(`${found.size} bytes`);
    // What has no size, such as a pipe, is read up to the limit and a byte beyond.
    const buffer = new Uint8Array(LARGEST_BYTES + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < buffer.byteLength; length += count) {
      count = readSync(fd, buffer, length, buffer.byteLength - length, null);
    }
    return length > LARGEST_BYTES ? expected("more") : buffer.subarray(0, length);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return expected(code === "ENOENT" ? "none" : code === "EACCES" ? "no permission to read it" : code);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export function parseConfigFile(name: string, bytes: Uint8Array): ConfigFile | readonly Problem[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return [`${name}:1:1: expected text in UTF-8, got other bytes`];
  }
  if (text.includes("\0")) return [`${name}:1:1: expected text in UTF-8, got zero bytes`];
  try {
    return parseText(name, text);
  } catch (error) {
    // Nested deeper than the stack, or more aliases than allowed.
    const got = error instanceof RangeError ? "too many levels" : "too many aliases";
    return [`${name}:1:1: expected YAML, got ${got}`];
  }
}

function parseText(name: string, text: string): ConfigFile | readonly Problem[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: "1.2" });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  const flaws = [...document.errors, ...document.warnings];
  if (flaws.length > 0) return flaws.map((flaw) => `${place(flaw.pos[0])}: ${explain(flaw, text)}`);

  const remark = (path: Path, said: string, at?: "key") => {
    const shown = formatPath(path);
    return `${place(offsetOf(document, path, at))}: ${shown === "" ? "" : `${shown}: `}${said}`;
  };
  return {
    name,
    value: document.toJS({ maxAliasCount: MOST_ALIASES }),
    problem: (path, { expected, got, at }) => remark(path, `expected ${expected}, got ${got}`, at),
    remark,
  };
}

function explain(flaw: YAMLError, text: string): string {
  switch (flaw.code) {
    case "DUPLICATE_KEY":
      return `expected each key once, got ${JSON.stringify(/^[\w.-]+/.exec(text.slice(flaw.pos[0]))?.[0] ?? "a key")} again`;
    case "TAB_AS_INDENT":
      return "expected spaces to indent with, got a tab";
    case "MULTIPLE_DOCS":
      return "expected one document, got more";
    case "TAG_RESOLVE_FAILED":
      return "expected no tag, got one";
    default: {
      const [first = ""] = flaw.message.split("\n");
      return `expected YAML, got an error: ${first.charAt(0).toLowerCase()}${first.slice(1)}`;
    }
  }
}

/** Where the value under `path` begins; where it has no text of its own, its key; where it is not there, what holds it. */
function offsetOf(document: Document, path: Path, at?: "key"): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, step] of path.entries()) {
    const resolved: unknown = isAlias(node) ? node.resolve(document) : node;
    if (isMap(resolved)) {
      const pair = resolved.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (!pair) return offset;
      const atKey = at === "key" && index === path.length - 1;
      const empty = !isPair(pair) || pair.value === null || (isScalar(pair.value) && pair.value.value === null);
      offset = (atKey || empty ? startOf(pair.key) : startOf(pair.value)) ?? offset;
      node = pair.value;
    } else if (isSeq(resolved)) {
      node = resolved.items[Number(step)];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

const startOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0];
