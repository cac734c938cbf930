// A config file, read, filled in and validated. Loaded only where there is one, since
// YAML and the schema cost time and memory at start.

import type { CheckKind } from "../checks/kind.ts";
import { explainIssues, rememberKeys } from "./explain.ts";
import { type ConfigFile, readConfigFile } from "./file.ts";
import type { OptionName } from "./options.ts";
import type { Path, Problem } from "./problem.ts";
import { type CommonKeys, createFileSchema, type FileContent, type FileSchema } from "./schema.ts";
import { fillSecrets } from "./secrets.ts";

export interface LoadedFile {
  readonly source: ConfigFile;
  /** By name, as their fields read them. */
  readonly options: Readonly<Partial<Record<OptionName, unknown>>>;
  readonly defaults: Omit<CommonKeys, "name" | "interval">;
  readonly checks: readonly FileCheck[];
  readonly endpoints: readonly Endpoint[];
  /** What stood for ${file:…} and ${env:…}. */
  readonly secrets: readonly string[];
}

export interface Endpoint {
  /** A path of the health listener, as the URL has it. */
  readonly path: string;
  /** Names of checks; at least one. */
  readonly checks: readonly string[];
}

export interface FileCheck {
  readonly kind: CheckKind;
  readonly settings: unknown;
  readonly says: CommonKeys;
  readonly path: Path;
}

/** Whatever could be read, so that problems elsewhere can be told at once; `source` is absent where nothing could. */
export type FileReading = Omit<LoadedFile, "source"> & {
  readonly source?: ConfigFile;
  readonly problems: readonly Problem[];
};

const NOTHING: Omit<LoadedFile, "source"> = { options: {}, defaults: {}, checks: [], endpoints: [], secrets: [] };

/** Never rejects for anything the file holds. */
export async function loadConfigFile(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<FileReading> {
  const source = readConfigFile(name);
  if (!("problem" in source)) return { ...NOTHING, problems: source };
  if (source.value === null || source.value === undefined) {
    return {
      ...NOTHING,
      source,
      problems: [source.problem([], { expected: "a mapping of options and checks", got: "nothing" })],
    };
  }
  const { value, secrets, flaws } = await fillSecrets(source.value, env);
  const schema = await createFileSchema();
  const parsed = schema.schema.safeParse(value, { error: rememberKeys(schema) });
  const problems = [
    ...flaws.map(({ path, expected, got }) => source.problem(path, { expected, got })),
    ...(parsed.success ? [] : await explainIssues(parsed.error.issues, source, schema)),
  ];
  if (!parsed.success) return { ...NOTHING, source, secrets, problems: inOrder(problems) };

  const { defaults = {}, checks = [], endpoints = {}, ...options } = parsed.data;
  const fileChecks = checks.map((check, index) => fileCheck(check, index, schema));
  for (const { kind, settings, path } of fileChecks) {
    const conflict = kind.conflict?.(settings);
    if (conflict) problems.push(source.problem([...path, ...conflict.path], conflict));
  }
  return {
    source,
    options,
    defaults,
    checks: fileChecks,
    endpoints: Object.entries(endpoints).map(([path, checks]) => ({ path, checks })),
    secrets,
    problems: inOrder(problems),
  };
}

function fileCheck(says: NonNullable<FileContent["checks"]>[number], index: number, { kinds }: FileSchema): FileCheck {
  const found = kinds.find(({ kind }) => Object.hasOwn(says, kind.name));
  if (!found) throw new Error("the schema let a check without a kind pass");
  return { kind: found.kind, settings: says, says, path: ["checks", index] };
}

/** By line and column. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const place = (problem: Problem) => /:(\d+):(\d+): /.exec(problem)?.slice(1).map(Number) ?? [0, 0];
  return problems.toSorted((one, other) => {
    const [line = 0, column = 0] = place(one);
    const [otherLine = 0, otherColumn = 0] = place(other);
    return line - otherLine || column - otherColumn;
  });
}
