// What zod found → problems with line and column. Of a check's many branches the one
// whose kind key is there is told.

import type { z } from "zod";
import type { ConfigFile } from "./file.ts";
import { describe, didYouMean, type Path, type Problem } from "./problem.ts";
import type { FileSchema } from "./schema.ts";

type Issue = z.core.$ZodIssue;

/** For `safeParse`: an object's keys are known only here, while it is being parsed. */
export function rememberKeys({ z: { ZodObject } }: FileSchema): z.core.$ZodErrorMap {
  return (issue) =>
    issue.code === "unrecognized_keys" && issue.inst instanceof ZodObject
      ? Object.keys(issue.inst.shape).join(" ")
      : undefined;
}

export async function explainIssues(
  issues: readonly Issue[],
  file: ConfigFile,
  schema: FileSchema,
): Promise<readonly Problem[]> {
  const told = await Promise.all(issues.map((issue) => explain(issue, issue.path.map(step), file, schema)));
  return told.flat();
}

async function explain(issue: Issue, path: Path, file: ConfigFile, schema: FileSchema): Promise<readonly Problem[]> {
  const given = valueAt(file.value, path);
  const expected = (what: string, hint?: unknown) => {
    const got = describe(given, path);
    return [file.problem(path, { expected: what, got: typeof hint === "string" ? `${got} (${hint})` : got })];
  };
  switch (issue.code) {
    case "custom":
      return expected(String(issue.params?.["expected"] ?? issue.message), issue.params?.["hint"]);
    case "invalid_type":
      return expected(TYPES[issue.expected] ?? issue.expected);
    case "too_small":
      return expected(issue.origin === "array" ? "at least one" : `at least ${issue.minimum}`);
    case "unrecognized_keys": {
      // zod stops at the branch that read its own key well, and takes a second kind's for unknown.
      const kinds = isCheck(path) && isMapping(given) ? kindsOf(given, schema) : [];
      if (kinds.length > 1) return [twoKinds(path, kinds, file)];
      return Promise.all(
        issue.keys.map(async (key) => {
          const known = issue.message.split(" ");
          const near = await didYouMean(key, known);
          const at = [...path, key];
          const hint = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
          return file.problem(at, {
            expected: `one of ${known.join(", ")}`,
            got: `${JSON.stringify(key)}${hint}`,
            at: "key",
          });
        }),
      );
    }
    case "invalid_union":
      return explainUnion(issue.errors, path, given, file, schema);
    case "invalid_key":
      return [
        file.problem(path, {
          expected: "a path that begins with a slash and has no ? or #",
          got: describe(path.at(-1), []),
          at: "key",
        }),
      ];
    default:
      return expected(issue.message);
  }
}

async function explainUnion(
  branches: readonly (readonly Issue[])[],
  path: Path,
  given: unknown,
  file: ConfigFile,
  schema: FileSchema,
): Promise<readonly Problem[]> {
  const below = (issues: readonly Issue[]) =>
    Promise.all(issues.map((issue) => explain(issue, [...path, ...issue.path.map(step)], file, schema))).then((told) =>
      told.flat(),
    );
  if (isCheck(path) && isMapping(given)) {
    const names = schema.kinds.map(({ kind }) => kind.name);
    const there = kindsOf(given, schema);
    const [only, second] = there;
    if (only === undefined) return [await noKind(given, path, names, file, schema)];
    if (second !== undefined) return [twoKinds(path, there, file)];
    return below(branches[names.indexOf(only)] ?? []);
  }
  if (isCheck(path))
    return [
      file.problem(path, {
        expected: "a mapping with the key of a kind, such as tcp: 5432",
        got: describe(given, path),
      }),
    ];
  // A branch that takes another type altogether has nothing to say, unless none takes this one.
  const fitting = branches.filter(
    (issues) => !issues.some(({ code, path }) => code === "invalid_type" && path.length === 0),
  );
  const [first] = fitting.toSorted((one, other) => depthOf(other) - depthOf(one));
  if (first) return below(first);
  const types = branches
    .flat()
    .flatMap((issue) => (issue.code === "invalid_type" ? [TYPES[issue.expected] ?? issue.expected] : []));
  return [file.problem(path, { expected: [...new Set(types)].join(", or "), got: describe(given, path) })];
}

const isCheck = (path: Path): boolean => path.length === 2 && path[0] === "checks";

const kindsOf = (given: Readonly<Record<string, unknown>>, { kinds }: FileSchema): readonly string[] =>
  kinds.map(({ kind }) => kind.name).filter((name) => Object.hasOwn(given, name));

const twoKinds = (path: Path, kinds: readonly string[], file: ConfigFile): Problem =>
  file.problem([...path, kinds.at(-1) ?? ""], { expected: "one kind in a check", got: kinds.join(" and "), at: "key" });

async function noKind(
  given: Readonly<Record<string, unknown>>,
  path: Path,
  names: readonly string[],
  file: ConfigFile,
  schema: FileSchema,
): Promise<Problem> {
  const expected = `the key of a kind (${names.join(", ")})`;
  // A mistyped kind key is one that no check has.
  const common = Object.keys(schema.common.shape);
  for (const key of Object.keys(given).filter((key) => !common.includes(key))) {
    const near = await didYouMean(key, names);
    if (near !== undefined) {
      return file.problem([...path, key], {
        expected,
        got: `${JSON.stringify(key)}; did you mean ${JSON.stringify(near)}?`,
        at: "key",
      });
    }
  }
  const keys = Object.keys(given);
  return file.problem(path, {
    expected,
    got: keys.length === 0 ? "none" : `none among ${keys.map((key) => JSON.stringify(key)).join(", ")}`,
  });
}

const depthOf = (issues: readonly Issue[]): number => Math.max(0, ...issues.map(({ path }) => path.length));

const step = (key: PropertyKey): string | number => (typeof key === "symbol" ? String(key) : key);

const isMapping = (given: unknown): given is Readonly<Record<string, unknown>> =>
  typeof given === "object" && given !== null && !Array.isArray(given);

export function valueAt(root: unknown, path: Path): unknown {
  let node = root;
  for (const key of path) {
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Readonly<Record<string | number, unknown>>)[key];
  }
  return node;
}

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
