// Reads a config file, fills in its secrets and validates it. Loaded only if there is a file: YAML and the schema cost
// time and memory at start.

import type { CheckKind } from "../checks/kind.ts";
import { redactorOf } from "../checks/redact.ts";
import { isRecord } from "../system/json.ts";
import { quote } from "../text/printable.ts";
import type { CommonValues, Defaults } from "./common-keys.ts";
import type { Endpoint } from "./endpoint-path.ts";
import { type ConfigFile, type ReadConfigFile, readConfigFile } from "./file.ts";
import type { OptionName } from "./options.ts";
import { describe, formatPath, type Path, type Problem } from "./problem.ts";
import { createFileSchema, type FileSchema } from "./schema.ts";
import { fillSecrets, type SecretFallback } from "./secrets.ts";
import { describeIssues, findKind, type Issue } from "./zod-problems.ts";

export interface LoadedFile {
  readonly source: ReadConfigFile;
  /** The values of options by name, as their fields read them. */
  readonly options: Readonly<Partial<Record<OptionName, unknown>>>;
  readonly defaults: Defaults;
  readonly checks: readonly FileCheck[];
  readonly endpoints: readonly Endpoint[];
  /** The values of ${file:…} and ${env:…}. */
  readonly secrets: readonly string[];
  /** The keys at the top whose values could not be read. */
  readonly invalid: ReadonlySet<string>;
  /** Whether a check that could not be read may have the name `name`. */
  readonly mayBeNamed: (name: string) => boolean;
}

export interface FileCheck {
  readonly kind: CheckKind;
  readonly settings: unknown;
  readonly common: CommonValues;
  readonly path: Path;
}

/** All that could be read, so that all problems are reported together. `file` is absent if nothing could be read. */
export interface FileReading {
  readonly file?: LoadedFile;
  readonly problems: readonly Problem[];
}

/** Never rejects, whatever the file holds. */
export async function loadConfigFile(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  secretFallback?: SecretFallback,
): Promise<FileReading> {
  const source = await readConfigFile(name);
  if (!("problem" in source)) return { problems: source };
  if (!isRecord(source.value)) {
    // The value is not shown: a file that is no config file may be one long password.
    const { value } = source;
    const got = typeof value === "string" ? "a text" : typeof value === "number" ? "a number" : describe(value, []);
    return { problems: [source.problem([], { expected: "a mapping of options and checks", got })] };
  }
  const [schema, { value, secrets, problems: secretProblems }] = await Promise.all([
    createFileSchema(),
    fillSecrets(source.value, env, secretFallback),
  ]);
  const problems = secretProblems.map(({ path, text }) => source.remark(path, text));
  const reading: Reading = {
    source,
    schema,
    problems,
    redact: redactorOf(secrets) ?? ((text) => text),
    isFilled: createIsFilled(secretProblems.map(({ path }) => path)),
  };
  const { defaults, checks, endpoints, invalid, ...options } = await readTop(value, reading);
  const read = await readChecks(Array.isArray(checks) ? checks : [], reading);
  const { hidden } = source.unknown;
  if (hidden > 0) {
    problems.push(`${source.name}: and ${hidden} more unknown ${hidden === 1 ? "key or item" : "keys or items"}`);
  }
  return {
    file: {
      source,
      options,
      defaults: (defaults ?? {}) as Defaults,
      endpoints: Object.entries((endpoints ?? {}) as Readonly<Record<string, readonly string[]>>).map(
        ([path, checks]) => ({ path, checks }),
      ),
      secrets,
      invalid,
      ...read,
    },
    problems,
  };
}

interface Reading {
  readonly source: ConfigFile;
  readonly schema: FileSchema;
  readonly problems: Problem[];
  readonly redact: (text: string) => string;
  /** False if a secret is missing: a problem of such a value is no mistake of the author. */
  readonly isFilled: (path: Path) => boolean;
}

/** `missing` are the paths of values with a secret that is missing. They hide the values above and below them too. */
function createIsFilled(missing: readonly Path[]): Reading["isFilled"] {
  const whole = new Set(missing.map(formatPath));
  const above = new Set(missing.flatMap((path) => path.map((_, length) => formatPath(path.slice(0, length)))));
  return (path) =>
    missing.length === 0 ||
    !(above.has(formatPath(path)) || path.some((_, index) => whole.has(formatPath(path.slice(0, index + 1)))));
}

async function report(issues: readonly Issue[], base: Path, { source, schema, problems, isFilled }: Reading) {
  const reportable = issues.filter(({ path }) => isFilled([...base, ...(path as Path)])).slice(0, MOST_OF_A_PART);
  problems.push(...(await describeIssues(reportable, base, source, schema)));
}

/** The values at the top of the file that could be read, and the keys of those that could not. */
async function readTop(value: Readonly<Record<string, unknown>>, reading: Reading) {
  const { topLevel } = reading.schema;
  const issues = topLevel.safeParse(value).error?.issues ?? [];
  const byKey = Map.groupBy(issues, ({ path: [key] }) => key);
  for (const issuesOfKey of byKey.values()) await report(issuesOfKey, [], reading);
  const invalid = new Set([...byKey.keys()].filter((key) => typeof key === "string"));
  const known = Object.entries(value).filter(([key]) => Object.hasOwn(topLevel.shape, key) && !invalid.has(key));
  return { ...topLevel.parse(Object.fromEntries(known)), invalid } as { readonly invalid: typeof invalid } & Readonly<
    Record<string, unknown>
  >;
}

/** The most problems that are shown of one check, or of one key at the top. */
const MOST_OF_A_PART = 50;

/** Reads each check by the keys of its kind, so that a problem of one check hides no problem of another. */
async function readChecks(given: readonly unknown[], reading: Reading) {
  const { source, schema, problems, redact } = reading;
  const checks: FileCheck[] = [];
  const named = new Map<string, number>();
  const unreadable: { readonly name: string | undefined; readonly kind: string | undefined }[] = [];
  for (const [index, item] of given.entries()) {
    const path = ["checks", index];
    const name = nameOf(item);
    const first = name === undefined ? undefined : named.get(name);
    if (name !== undefined && first !== undefined) {
      const got = `${quote(name)}, which is also the name of checks[${first}]`;
      problems.push(source.problem([...path, "name"], { expected: "a unique name", got }));
    } else if (name !== undefined) named.set(name, index);

    const found = await findKind(item, path, source, schema);
    if (!("kind" in found)) {
      problems.push(...found);
      // Without a kind only the keys that all kinds have can be read.
      const read = isRecord(item) ? schema.z.safeParse(schema.common.loose(), item) : undefined;
      await report(read?.error?.issues ?? [], path, reading);
      unreadable.push({ name, kind: undefined });
      continue;
    }
    const { kind, keys } = found;
    const read = schema.z.safeParse(keys, item);
    if (!read.success) {
      await report(read.error.issues, path, reading);
      unreadable.push({ name, kind: kind.name });
      continue;
    }
    const settings = read.data;
    const conflict = kind.conflict?.(settings);
    if (conflict) {
      const { expected, got } = conflict;
      problems.push(source.problem([...path, ...conflict.path], { expected: redact(expected), got: redact(got) }));
    }
    checks.push({ kind, settings, common: settings, path });
  }
  const mayBeNamed = (wanted: string) =>
    unreadable.some(({ name, kind }) => (name === undefined ? wanted.startsWith(kind ?? "") : name === wanted));
  return { checks, mayBeNamed };
}

/** The name of a check, also of one that could not be read. */
function nameOf(item: unknown): string | undefined {
  const name = isRecord(item) && Object.hasOwn(item, "name") ? item["name"] : undefined;
  return typeof name === "string" || typeof name === "number" ? String(name) : undefined;
}
