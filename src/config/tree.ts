// A YAML document → plain values, and where in the text each of them begins. What
// yaml lets pass and nobody can have meant is a flaw.

import { isAlias, isMap, isScalar, isSeq, type Pair, type Scalar, type YAMLMap } from "yaml";
import { quote } from "../text/printable.ts";
import type { Path } from "./problem.ts";
import type { SyntaxProblem } from "./syntax.ts";

/** Far more than checks need; what follows may recurse. */
const DEEPEST = 64;

/** Far more than a hand writes; a bomb doubles what it names at each level. */
const MOST_BY_ALIAS = 10_000;

/** The first mistake in the syntax makes most of those after it. */
export const MOST_SYNTAX_ERRORS = 5;

const BINARY = "tag:yaml.org,2002:binary";

export const TOO_DEEP = `expected at most ${DEEPEST} levels of lists and mappings, got more`;

export interface Content {
  readonly value: unknown;
  readonly problems: readonly SyntaxProblem[];
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
export function readTree(root: unknown, lineOf: (offset: number) => number): Content {
  const problems: SyntaxProblem[] = [];
  const anchors = new Map<string, YAMLNode>();
  const targets = new Map<object, YAMLNode>();
  const open = new Set<object>();
  let byAlias = 0;
  const report = (node: unknown, expected: string, got: string) => {
    problems.push({ offset: startOf(node) ?? 0, text: `expected ${expected}, got ${got}` });
  };

  const convert = (node: unknown, depth: number, aliased: boolean, isJson: boolean): unknown => {
    if (problems.length >= MOST_SYNTAX_ERRORS || typeof node !== "object" || node === null) return null;
    if (aliased && ++byAlias > MOST_BY_ALIAS) {
      if (byAlias === MOST_BY_ALIAS + 1) report(node, `at most ${MOST_BY_ALIAS} values that aliases stand for`, "more");
      return null;
    }
    if (depth > DEEPEST) {
      problems.push({ offset: startOf(node) ?? 0, text: TOO_DEEP });
      return null;
    }
    if (isAlias(node)) {
      const target = aliased ? targets.get(node) : anchors.get(node.source);
      if (!target) report(node, "the name of an anchor before it", "another (put a text that begins with * in quotes)");
      else if (open.has(target)) report(node, "an alias of something else", "one of what it stands in");
      else {
        targets.set(node, target);
        return convert(target, depth, true, isJson);
      }
      return null;
    }
    const { anchor, tag } = node as YAMLNode;
    if (anchor !== undefined && !aliased) anchors.set(anchor, node as YAMLNode);
    if (tag !== undefined && tag !== "tag:yaml.org,2002:str") {
      const hint =
        tag === BINARY
          ? "bytes are written in hexadecimal, under send-hex or expect-hex"
          : "put a text that begins with ! in quotes";
      report(node, "no tag", `one (${hint})`);
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
        report(
          key ?? value,
          "a text as key",
          key === null || isScalar(key) ? "nothing" : "a list, a mapping or an alias",
        );
        continue;
      }
      const name = String(scalarOf(key, false));
      const first = places.get(name);
      if (first !== undefined) report(key, "each key once", `${quote(name)} again (first in line ${lineOf(first)})`);
      places.set(name, startOf(key) ?? 0);
      entries.set(name, convert(value, depth + 1, aliased, isJson || name === "json"));
    }
    return Object.fromEntries(entries);
  };

  return { value: convert(root, 0, false, false), problems, targets };
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
export function createFinder(root: unknown, targets: Targets) {
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
