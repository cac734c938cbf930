// A YAML document → plain values, and where in the text each of them begins. A construct that the parser accepts but no
// author can mean is a problem.

import { type Alias, isAlias, isMap, isScalar, isSeq, type Pair, type Scalar, type YAMLMap } from "yaml";
import { quote } from "../text/printable.ts";
import type { Path } from "./problem.ts";
import { HINT_FOR_TAGS, NO_TAGS, type SyntaxProblem } from "./syntax.ts";

/** Far more than checks need; the code that reads the values may recurse. */
const DEEPEST = 64;

/** Far more than a person writes; an alias bomb doubles the values at each level. */
const MOST_BY_ALIAS = 10_000;

/** Most later syntax errors follow from the first one. */
export const MOST_SYNTAX_ERRORS = 5;

const BINARY = "tag:yaml.org,2002:binary";
const HINT_FOR_BYTES = "put bytes in hexadecimal under send-hex or expect-hex";

export const TOO_DEEP = `expected at most ${DEEPEST} levels of lists and mappings, got more`;

export interface Content {
  readonly value: unknown;
  readonly problems: readonly SyntaxProblem[];
  /** The node that each alias refers to. */
  readonly targets: Targets;
}

type Targets = ReadonlyMap<object, object>;

interface YAMLNode {
  readonly range?: readonly number[] | null | undefined;
  readonly anchor?: string;
  readonly tag?: string;
}

/** The document as plain values. `lineOf` gives the line of an offset. */
export function readTree(root: unknown, lineOf: (offset: number) => number): Content {
  const reader = new TreeReader(lineOf);
  return { value: reader.read(root, TOP), problems: reader.problems, targets: reader.targets };
}

/** Where a node is. */
interface Place {
  readonly depth: number;
  /** Under an alias, whose target was read before. */
  readonly isAliased: boolean;
  /** Under a `json` key, whose value is compared with JSON. */
  readonly isJson: boolean;
}

const TOP: Place = { depth: 0, isAliased: false, isJson: false };

class TreeReader {
  readonly problems: SyntaxProblem[] = [];
  readonly targets = new Map<object, YAMLNode>();
  readonly #lineOf: (offset: number) => number;
  readonly #anchors = new Map<string, YAMLNode>();
  /** The nodes around the one that is being read. */
  readonly #open = new Set<object>();
  #byAlias = 0;

  constructor(lineOf: (offset: number) => number) {
    this.#lineOf = lineOf;
  }

  read(node: unknown, place: Place): unknown {
    if (this.problems.length >= MOST_SYNTAX_ERRORS || typeof node !== "object" || node === null) return null;
    if (this.#isOverLimits(node, place)) return null;
    if (isAlias(node)) return this.#readAlias(node, place);
    const { anchor, tag } = node as YAMLNode;
    if (anchor !== undefined && !place.isAliased) this.#anchors.set(anchor, node as YAMLNode);
    if (tag !== undefined && tag !== "tag:yaml.org,2002:str") {
      this.#report(node, `${NO_TAGS}; ${tag === BINARY ? HINT_FOR_BYTES : HINT_FOR_TAGS}`);
      return null;
    }
    if (isScalar(node)) return scalarOf(node, place.isJson);
    this.#open.add(node);
    const value = this.#readCollection(node, { ...place, depth: place.depth + 1 });
    this.#open.delete(node);
    return value;
  }

  #isOverLimits(node: object, { depth, isAliased }: Place): boolean {
    if (isAliased && ++this.#byAlias > MOST_BY_ALIAS) {
      if (this.#byAlias === MOST_BY_ALIAS + 1) {
        this.#report(node, `expected at most ${MOST_BY_ALIAS} values from aliases, got more`);
      }
      return true;
    }
    if (depth > DEEPEST) this.problems.push({ offset: startOf(node) ?? 0, text: TOO_DEEP });
    return depth > DEEPEST;
  }

  #readAlias(alias: Alias, place: Place): unknown {
    const target = place.isAliased ? this.targets.get(alias) : this.#anchors.get(alias.source);
    if (!target) {
      this.#report(alias, "unknown alias; put a text that begins with * in quotes");
      return null;
    }
    if (this.#open.has(target)) {
      this.#report(alias, "an alias cannot refer to a value that contains it");
      return null;
    }
    this.targets.set(alias, target);
    return this.read(target, { ...place, isAliased: true });
  }

  #readCollection(node: object, place: Place): unknown {
    if (isSeq(node)) return node.items.map((item) => this.read(item, place));
    return isMap(node) ? this.#readMap(node.items, place) : null;
  }

  #readMap(pairs: readonly { readonly key: unknown; readonly value: unknown }[], place: Place): unknown {
    const entries = new Map<string, unknown>();
    const offsets = new Map<string, number>();
    for (const { key, value } of pairs) {
      if (!isScalar(key) || key.value === null) {
        const got = key === null || isScalar(key) ? "nothing" : "a list, a mapping or an alias";
        this.#report(key ?? value, `expected a text as a key, got ${got}`);
        continue;
      }
      const name = String(scalarOf(key, false));
      const first = offsets.get(name);
      if (first !== undefined) {
        this.#report(key, `duplicate key ${quote(name)}, first on line ${this.#lineOf(first)}`);
      }
      offsets.set(name, startOf(key) ?? 0);
      entries.set(name, this.read(value, { ...place, isJson: place.isJson || name === "json" }));
    }
    return Object.fromEntries(entries);
  }

  #report(node: unknown, text: string): void {
    this.problems.push({ offset: startOf(node) ?? 0, text });
  }
}

/**
 * A number stays the text that was written if its digits would change: 1.10, 007, 12345678901234567890. A value that is
 * compared with JSON is always a number.
 */
function scalarOf({ value, source }: Scalar, isJson: boolean): unknown {
  if (typeof value === "bigint") return String(value);
  return typeof value === "number" && !isJson && source !== undefined && String(value) !== source ? source : value;
}

/**
 * The offset of the value under a path. An empty value has the offset of its key, and a missing value that of the
 * mapping or list it is missing from. Each mapping is indexed once, since there may be as many problems as keys.
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
