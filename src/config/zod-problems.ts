// What zod found → problems with line and column.

import type { z } from "zod";
import { isRecord } from "../system/json.ts";
import { didYouMean } from "../text/did-you-mean.ts";
import { quote } from "../text/printable.ts";
import type { ConfigFile } from "./file.ts";
import { besides, insteadOf } from "./foreign-keys.ts";
import { optionNamed } from "./options.ts";
import { describe, type Path, type Problem, valueAt } from "./problem.ts";
import type { FileSchema } from "./schema.ts";

export type Issue = z.core.$ZodIssue;

/** `base` is where what was parsed stands in the file. */
export async function explainIssues(
  issues: readonly Issue[],
  base: Path,
  file: ConfigFile,
  schema: FileSchema,
): Promise<readonly Problem[]> {
  const told = await Promise.all(
    issues.map((issue) => explain(issue, [...base, ...issue.path.map(step)], file, schema)),
  );
  return told.flat();
}

async function explain(issue: Issue, path: Path, file: ConfigFile, schema: FileSchema): Promise<readonly Problem[]> {
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
      return expected(TYPES[issue.expected] ?? issue.expected);
    case "too_small":
      return expected(issue.origin === "array" ? "a list of at least one" : `at least ${issue.minimum}`);
    case "too_big":
      return expected(issue.origin === "array" ? `a list of at most ${issue.maximum}` : `at most ${issue.maximum}`);
    case "unrecognized_keys":
      return explainKeys(issue.keys, issue.message.split(" "), path, file, schema);
    case "invalid_union":
      return explainUnion(issue.errors, path, given, file, schema);
    case "invalid_key": {
      const problem = file.problem(path, {
        expected: "a path as a URL has it, with a slash before and %XX for all that is not ASCII, a ?, # or space",
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

/** Keys that nobody knows under `path`, where `known` are. One that is close to a known key is always shown. */
async function explainKeys(
  keys: readonly string[],
  known: readonly string[],
  path: Path,
  file: ConfigFile,
  schema: FileSchema,
): Promise<readonly Problem[]> {
  file.unknown.hide(Math.max(0, keys.length - MOST_KEYS));
  const told = await Promise.all(
    keys.slice(0, MOST_KEYS).map(async (key) => {
      const kind = isCheck(path) ? schema.kinds.find(({ kind: { name } }) => name === known[0])?.kind : undefined;
      const meant = kind && besides(key, kind);
      const near = key === "<<" || meant !== undefined ? undefined : await didYouMean(key, known);
      const hint = meant ?? (near === undefined ? whereElse(key, path, schema) : `did you mean ${quote(near)}?`);
      const problem = file.problem([...path, key], {
        expected: (meant ?? near) === undefined ? `one of ${known.join(", ")}` : "a key that is known here",
        got: hint === undefined ? quote(key) : `${quote(key)}; ${hint}`,
        at: "key",
      });
      return { problem, isKnown: hint !== undefined };
    }),
  );
  return told.flatMap(({ problem, isKnown }) => (isKnown ? [problem] : file.unknown.show(problem)));
}

/** To look for what is close takes time. */
const MOST_KEYS = 50;

const isCheck = ([top, ...rest]: Path): boolean => top === "checks" && rest.length === 1;

/** What is a key, but not there. */
function whereElse(key: string, path: Path, { frame, kinds, common }: FileSchema): string | undefined {
  if (key === "<<") return "merge keys are not known, what is common to all checks goes under defaults";
  const isTop = path.length === 0;
  if (isTop && optionNamed(key)) return "it is for the command line alone";
  if (isTop && kinds.some(({ kind }) => kind.name === key)) return "it goes into an item of checks";
  if (isTop && Object.hasOwn(common.shape, key)) return "it goes under defaults, or into a check";
  if (isTop) {
    const instead = insteadOf(
      key,
      undefined,
      kinds.map(({ kind }) => kind),
    );
    return instead && `under checks, ${instead}`;
  }
  if (Object.hasOwn(frame.shape, key)) return "it goes to the top of the file";
  return undefined;
}

async function explainUnion(
  branches: readonly (readonly Issue[])[],
  path: Path,
  given: unknown,
  file: ConfigFile,
  schema: FileSchema,
): Promise<readonly Problem[]> {
  // A branch that takes another type altogether has nothing to say, unless none takes this one.
  const fitting = branches.filter(
    (issues) => !issues.some(({ code, path }) => code === "invalid_type" && path.length === 0),
  );
  const [first] = fitting.toSorted((one, other) => depthOf(other) - depthOf(one));
  if (first) return explainIssues(first, path, file, schema);
  const types = branches
    .flat()
    .flatMap((issue) => (issue.code === "invalid_type" ? [TYPES[issue.expected] ?? issue.expected] : []));
  const problem = file.problem(path, { expected: [...new Set(types)].join(", or "), got: describe(given, path) });
  return isText(given) && isItem(path) ? file.unknown.show(problem) : [problem];
}

const isText = (given: unknown): boolean => typeof given === "string" || typeof given === "number";

/** Of a list or a mapping at the top that a file of passwords may have as well: `port: [a, b]`, `endpoints: { a: b }`. */
const isItem = ([top, ...rest]: Path): boolean =>
  rest.length === 1 && (typeof rest[0] === "number" ? top !== "checks" : top === "endpoints");

const depthOf = (issues: readonly Issue[]): number => Math.max(0, ...issues.map(({ path }) => path.length));

const step = (key: PropertyKey): string | number => (typeof key === "symbol" ? String(key) : key);

/** The one kind of a check, or what is wrong about it; an empty list where that is only counted. */
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
  const there = schema.kinds.filter(({ kind }) => Object.hasOwn(given, kind.name));
  const [only, second] = there;
  if (only && !second) return only;
  if (!second) return noKind(given, path, file, schema);
  // Where several are there, the one that stands later is the one too many.
  const names = Object.keys(given).filter((key) => there.some(({ kind }) => kind.name === key));
  const got = names.join(" and ");
  return [file.problem([...path, names[1] ?? ""], { expected: "one kind in a check", got, at: "key" })];
}

async function noKind(
  given: Readonly<Record<string, unknown>>,
  path: Path,
  file: ConfigFile,
  schema: FileSchema,
): Promise<readonly Problem[]> {
  const kinds = schema.kinds.map(({ kind }) => kind);
  const names = kinds.map(({ name }) => name);
  // A mistyped kind key is one that no check has.
  const strange = Object.keys(given).filter((key) => !Object.hasOwn(schema.common.shape, key));
  for (const key of strange) {
    const hint = insteadOf(key, given[key], kinds) ?? (await nearKind(key, names));
    if (hint === undefined) continue;
    return [file.problem([...path, key], { expected: "the key of a kind", got: `${quote(key)}; ${hint}`, at: "key" })];
  }
  const shown = Object.keys(given).slice(0, MOST_SHOWN).map(quote).join(", ");
  const problem = file.problem(path, {
    expected: `the key of a kind (${names.join(", ")})`,
    got: shown === "" ? "an empty mapping" : `only ${shown}`,
  });
  return strange.length === 0 ? [problem] : file.unknown.show(problem);
}

async function nearKind(key: string, names: readonly string[]): Promise<string | undefined> {
  const near = await didYouMean(key, names);
  return near && `did you mean ${quote(near)}?`;
}

const MOST_SHOWN = 3;

/** As people call them. */
const TYPES: Readonly<Record<string, string>> = {
  object: "a mapping",
  record: "a mapping",
  array: "a list",
  boolean: "true or false",
  string: "a text",
  number: "a number",
  int: "a whole number",
};
