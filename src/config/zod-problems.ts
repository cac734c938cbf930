// zod's issues → problems with line and column.

import type { z } from "zod";
import type { CheckKind } from "../checks/kind.ts";
import { isRecord } from "../system/json.ts";
import { didYouMean } from "../text/did-you-mean.ts";
import { describeOddCharacters } from "../text/odd-characters.ts";
import { quote } from "../text/printable.ts";
import type { ConfigFile } from "./file.ts";
import { optionNamed } from "./options.ts";
import { describe, type Path, type Problem, valueAt } from "./problem.ts";
import type { FileSchema } from "./schema.ts";

export type Issue = z.core.$ZodIssue;

/** `base` is the path of the value that was parsed. */
export async function describeIssues(
  issues: readonly Issue[],
  base: Path,
  file: ConfigFile,
  schema: FileSchema,
): Promise<readonly Problem[]> {
  const problems = await Promise.all(
    issues.map((issue) => describeIssue(issue, [...base, ...issue.path.map(step)], file, schema)),
  );
  return problems.flat();
}

async function describeIssue(
  issue: Issue,
  path: Path,
  file: ConfigFile,
  schema: FileSchema,
): Promise<readonly Problem[]> {
  const given = valueAt(file.value, path);
  const expected = (what: string, hint?: unknown) => {
    const got = describe(given, path);
    const problem = file.problem(path, { expected: what, got: typeof hint === "string" ? `${got} (${hint})` : got });
    return isText(given) && isItem(path) ? file.unknown.show(problem) : [problem];
  };
  switch (issue.code) {
    case "custom":
      return expected(String(issue.params?.["expected"] ?? issue.message), issue.params?.["hint"]);
    case "invalid_type":
      return expected(TYPE_NAMES[issue.expected] ?? issue.expected);
    case "too_small":
      return expected(issue.origin === "array" ? "a list of at least one item" : `at least ${issue.minimum}`);
    case "too_big":
      return expected(
        issue.origin === "array" ? `a list of at most ${issue.maximum} items` : `at most ${issue.maximum}`,
      );
    case "unrecognized_keys":
      return describeUnknownKeys(issue.keys, issue.message.split(" "), path, file, schema);
    case "invalid_union":
      return describeUnion(issue.errors, path, given, file, schema);
    case "invalid_key": {
      const problem = file.problem(path, {
        expected: "a URL path such as /db (%XX for special characters, no . or .. segments)",
        got: describe(path.at(-1), []),
        at: "key",
      });
      return String(path.at(-1)).startsWith("/") ? [problem] : file.unknown.show(problem);
    }
    case "invalid_value":
      return expected(`one of ${issue.values.map(String).join(", ")}`);
    default:
      return expected(issue.message);
  }
}

/** `known` are the keys that `path` takes. An unknown key that resembles a known one is always shown. */
async function describeUnknownKeys(
  keys: readonly string[],
  known: readonly string[],
  path: Path,
  file: ConfigFile,
  schema: FileSchema,
): Promise<readonly Problem[]> {
  file.unknown.hide(Math.max(0, keys.length - MOST_KEYS));
  const problems = await Promise.all(
    keys.slice(0, MOST_KEYS).map(async (key) => {
      const kind = isCheck(path) ? schema.kinds.find(({ kind: { name } }) => name === known[0])?.kind : undefined;
      const meant = kind && hintForPart(key, kind);
      const near = key === "<<" || meant !== undefined ? undefined : await didYouMean(key, known);
      const hint = meant ?? (near === undefined ? hintForPlace(key, path, schema) : `did you mean ${quote(near)}?`);
      const problem = unknownKey(file, [...path, key], hint ?? `known keys: ${known.join(", ")}`);
      return { problem, isKnown: hint !== undefined };
    }),
  );
  return problems.flatMap(({ problem, isKnown }) => (isKnown ? [problem] : file.unknown.show(problem)));
}

function unknownKey(file: ConfigFile, path: Path, hint: string): Problem {
  const odd = describeOddCharacters(String(path.at(-1)));
  return file.remark(path, `unknown key${odd === undefined ? "" : ` (${odd})`}; ${hint}`, "key");
}

/** More unknown keys are only counted: the search for similar names takes time. */
const MOST_KEYS = 50;

const isCheck = ([top, ...rest]: Path): boolean => top === "checks" && rest.length === 1;

/** Where a key belongs that is unknown at `path`; undefined if that is not known either. */
function hintForPlace(key: string, path: Path, { topLevel, kinds, common }: FileSchema): string | undefined {
  if (key === "<<") return "merge keys are not supported; put what all checks share under defaults";
  const isTop = path.length === 0;
  if (isTop && optionNamed(key)) return "it is an option of the command line only";
  if (isTop && kinds.some(({ kind }) => kind.name === key)) return "put it in an item of checks";
  if (isTop && Object.hasOwn(common.shape, key)) return "put it under defaults or in a check";
  if (isTop) {
    const instead = hintForForeignKey(
      key,
      undefined,
      kinds.map(({ kind }) => kind),
    );
    return instead && `under checks, ${instead}`;
  }
  if (Object.hasOwn(topLevel.shape, key)) return "put it at the top of the file";
  return undefined;
}

async function describeUnion(
  branches: readonly (readonly Issue[])[],
  path: Path,
  given: unknown,
  file: ConfigFile,
  schema: FileSchema,
): Promise<readonly Problem[]> {
  // A branch that takes another type has no useful problem, unless no branch takes this type.
  const fitting = branches.filter(
    (issues) => !issues.some(({ code, path }) => code === "invalid_type" && path.length === 0),
  );
  const [first] = fitting.toSorted((one, other) => depthOf(other) - depthOf(one));
  if (first) return describeIssues(first, path, file, schema);
  const types = branches
    .flat()
    .flatMap((issue) => (issue.code === "invalid_type" ? [TYPE_NAMES[issue.expected] ?? issue.expected] : []));
  const problem = file.problem(path, { expected: [...new Set(types)].join(", or "), got: describe(given, path) });
  return isText(given) && isItem(path) ? file.unknown.show(problem) : [problem];
}

const isText = (given: unknown): boolean => typeof given === "string" || typeof given === "number";

/** An item of a list or mapping at the top, which a file of passwords may have too: `port: [a, b]`, `endpoints: { a: b }`. */
const isItem = ([top, ...rest]: Path): boolean =>
  rest.length === 1 && (typeof rest[0] === "number" ? top !== "checks" : top === "endpoints");

const depthOf = (issues: readonly Issue[]): number => Math.max(0, ...issues.map(({ path }) => path.length));

const step = (key: PropertyKey): string | number => (typeof key === "symbol" ? String(key) : key);

/** The kind of a check, or the problems; none if they are only counted. */
export async function findKind(
  given: unknown,
  path: Path,
  file: ConfigFile,
  schema: FileSchema,
): Promise<FileSchema["kinds"][number] | readonly Problem[]> {
  if (!isRecord(given)) {
    const expected = "a mapping with the key of a kind, such as tcp: 5432";
    const problem = file.problem(path, { expected, got: describe(valueAt(file.value, path), path) });
    return isText(given) ? file.unknown.show(problem) : [problem];
  }
  const present = schema.kinds.filter(({ kind }) => Object.hasOwn(given, kind.name));
  const [only, second] = present;
  if (only && !second) return only;
  if (!second) return describeMissingKind(given, path, file, schema);
  // The problem is at the second kind.
  const names = Object.keys(given).filter((key) => present.some(({ kind }) => kind.name === key));
  const got = names.join(" and ");
  return [file.problem([...path, names[1] ?? ""], { expected: "one kind in a check", got, at: "key" })];
}

async function describeMissingKind(
  given: Readonly<Record<string, unknown>>,
  path: Path,
  file: ConfigFile,
  schema: FileSchema,
): Promise<readonly Problem[]> {
  const kinds = schema.kinds.map(({ kind }) => kind);
  const names = kinds.map(({ name }) => name);
  // A key that no check takes may be a mistyped kind.
  const unknown = Object.keys(given).filter((key) => !Object.hasOwn(schema.common.shape, key));
  for (const key of unknown) {
    const hint = hintForForeignKey(key, given[key], kinds) ?? (await nearKind(key, names));
    if (hint === undefined) continue;
    return [unknownKey(file, [...path, key], hint)];
  }
  const shown = Object.keys(given).slice(0, MOST_SHOWN).map(quote).join(", ");
  const problem = file.problem(path, {
    expected: `the key of a kind (${names.join(", ")})`,
    got: shown === "" ? "an empty mapping" : `only ${shown}`,
  });
  return unknown.length === 0 ? [problem] : file.unknown.show(problem);
}

async function nearKind(key: string, names: readonly string[]): Promise<string | undefined> {
  const near = await didYouMean(key, names);
  return near && `did you mean ${quote(near)}?`;
}

const MOST_SHOWN = 3;

/** zod's types in the words of problems. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: "a mapping",
  record: "a mapping",
  array: "a list",
  boolean: "true or false",
  string: "a text",
  number: "a number",
  int: "a whole number",
};

/** Other programs name the kind of a check under one of these keys. */
const KEYS_OF_KIND = ["type", "kind", "check", "protocol"];

/** What to write instead of a key of other programs, such as `port` or `url`, in a check without a kind. */
function hintForForeignKey(key: string, value: unknown, kinds: readonly CheckKind[]): string | undefined {
  if (KEYS_OF_KIND.includes(key)) {
    const meant = kinds.find(({ name }) => name === value) ?? kinds[0];
    return meant && `write the kind as a key, such as ${meant.example}`;
  }
  const holder = kinds.find(({ aliases }) => aliases?.includes(key));
  return holder && `write ${holder.example}`;
}

/** What to write instead of `key` in a check of this kind. */
const hintForPart = (key: string, { aliases, example }: CheckKind): string | undefined =>
  aliases?.includes(key) ? `it is part of ${example}` : undefined;
