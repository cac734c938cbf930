// Finds values that are valid but mean something else than their author intended: scripts, patterns, paths, secrets,
// times. Each gets a warning, in the same words in `validate`, `explain` and the daemon's log; a value of a config file
// that no author can mean is a problem. A daemon without a config file loads this file only once it listens.

import { resolve } from "node:path";
import type { CheckConfig } from "../../checks/build.ts";
import type { TextSort } from "../../checks/kind.ts";
import { redactorOf } from "../../checks/redact.ts";
import { Pattern } from "../../fields/field.ts";
import { listFirstTwo } from "../../text/list.ts";
import { describePastedCharacters } from "../../text/odd-characters.ts";
import type { ConfigFile } from "../file.ts";
import { findForeignPlaceholders, sourcesIn, withoutPlaceholders } from "../placeholder.ts";
import { type Path, type Problem, valueAt } from "../problem.ts";
import { lintBody, lintBytes } from "./bytes.ts";
import { findDuplicates, type Origin, showOrigin } from "./duplicates.ts";
import { lintOwners, type TrustedFile } from "./owners.ts";
import { lintJsonValue, lintPath, lintPattern, lintProcess } from "./patterns.ts";
import { findCommandLineSearch, findShellSyntax, programsIn } from "./shell-text.ts";
import { lintTimes, type TimesInput } from "./times.ts";

export interface Lint {
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

export interface LintInput extends TimesInput {
  /** The path of the config file. */
  readonly file: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** `origins` are those of `checks`, in the same order. */
export function lint(input: LintInput): Lint {
  const { checks, origins, source } = input;
  const problems: Problem[] = [];
  const warnings: string[] = [...findDuplicates(checks, origins, source)];
  for (const [index, check] of checks.entries()) {
    const origin = origins[index];
    if (!origin) continue;
    const odd = describePastedCharacters(origin.typed?.text ?? "", true);
    if (odd !== undefined) warnings.push(`${showOrigin(origin, check)}: warning: ${odd}`);
    const place = placeOf(check, origin, source);
    for (const { warning, problem, keys = [check.kind.name] } of findingsOf(check, place)) {
      if (problem && place.refuse) problems.push(place.refuse(keys, problem));
      else warnings.push(place.warn(keys, warning));
    }
  }
  if (source) {
    warnings.push(...lintTexts(source));
    problems.push(...findSplitCommand(source));
  }
  warnings.push(...lintTimes(input), ...lintOwners(trustedFilesIn(input)));
  return { problems, warnings };
}

interface Finding {
  readonly warning: string;
  /** In a config file, reported instead of the warning. */
  readonly problem?: { readonly expected: string; readonly got: string };
  /** The place in the check; by default the key of its kind. */
  readonly keys?: Path;
}

interface Place {
  warn(keys: Path, warning: string): string;
  /** Makes a problem; absent on the command line. */
  readonly refuse?: (keys: Path, problem: { readonly expected: string; readonly got: string }) => Problem;
  /** How a command for a shell is written in this place. */
  readonly forShell: string;
  /** The value of a key as written, without secrets; undefined where there is none. */
  written(key: string): unknown;
}

function placeOf(check: CheckConfig, origin: Origin, source: ConfigFile | undefined): Place {
  const { path, typed } = origin;
  if (!path || !source) {
    return {
      warn: (_, warning) => `${showOrigin(origin, check)}: warning: ${warning}`,
      forShell: LIST_FOR_SHELL,
      written: (key) => (key === check.kind.name ? typed?.text : undefined),
    };
  }
  const at = (keys: Path): Path => (path[0] === "checks" ? [...path, ...keys] : path);
  return {
    warn: (keys, warning) => source.remark(at(keys), `warning: ${warning}`),
    refuse: (keys, problem) => source.problem(at(keys), problem),
    forShell: path[0] === "checks" ? LIST_FOR_SHELL : '[[sh, -c, "…"]]',
    written(key) {
      const value = valueAt(source.value, at([key]));
      return typeof value === "string" ? withoutPlaceholders(value, "x") : value;
    },
  };
}

const LIST_FOR_SHELL = '[sh, -c, "…"]';

function findingsOf(check: CheckConfig, place: Place): readonly Finding[] {
  const { kind, settings } = check;
  return [
    ...Object.entries(kind.texts ?? {}).flatMap(([key, sort]) => RULES[sort](key, place, check)),
    ...(kind.targetWarnings?.(settings) ?? []).map((warning) => ({ warning })),
    ...findInPatterns(settings, place),
    ...findInPaths(place),
  ];
}

type Rule = (key: string, place: Place, check: CheckConfig) => readonly Finding[];

const RULES: Readonly<Record<TextSort, Rule>> = {
  address: (key, { written }) =>
    ofText(written(key), (text) => (text.startsWith("unix:") ? lintPath(text) : undefined), [key]),
  body: (key, { written }) => ofText(written(key), lintBody, [key]),
  command: (key, place, { kind, settings }) => [
    ...findInScript(place.written(key), place.forShell),
    ...findSelfMatch(kind.program?.(settings).text ?? ""),
  ],
  file: (key, { written }) => ofText(written(key), lintPath),
  "JSON values": (key, { written }) =>
    Object.entries(written(key) ?? {}).flatMap(([pointer, value]) => ofText(value, lintJsonValue, [key, pointer])),
  process: (key, { written }) => ofText(written(key), lintProcess),
  "sent or expected": (key, { written }) => ofText(written(key), (text) => lintBytes(text, `${key}-hex`), [key]),
};

function ofText(written: unknown, rule: (text: string) => string | undefined, keys?: Path): readonly Finding[] {
  const warning = typeof written === "string" ? rule(written) : undefined;
  return warning === undefined ? [] : [{ warning, ...(keys && { keys }) }];
}

function findInPatterns(settings: unknown, { written }: Place): readonly Finding[] {
  return Object.entries(settings as object).flatMap(([key, value]) =>
    value instanceof Pattern ? ofText(written(key), lintPattern, [key]) : [],
  );
}

/** Paths under other keys than the kind's own. */
const findInPaths = ({ written }: Place): readonly Finding[] => [
  ...PATHS.flatMap((key) => ofText(written(key), lintPath, [key])),
  ...PATHS_OF_TLS.flatMap((key) => ofText(valueAt(written("tls"), [key]), lintPath, ["tls", key])),
];

const PATHS = ["cwd", "ca", "cert", "key"];
const PATHS_OF_TLS = ["ca", "cert", "key"];

/** Warnings about the texts of the whole file, as written. */
const lintTexts = (source: ConfigFile): readonly string[] =>
  [...textsIn(source.value, [])].flatMap(({ path, text }) => {
    const odd = describePastedCharacters(text, isForMachines(path));
    const isSecret = path.some((key) => key === "password" || key === "headers");
    const foreign = path.includes("script") ? [] : findForeignPlaceholders(text, isSecret);
    const remedy = (instead: string) => (isName(path) ? "a name cannot contain variables" : `write ${instead}`);
    return [
      ...(odd === undefined ? [] : [odd]),
      ...foreign.map(({ written, instead }) => `${written} is plain text here; ${remedy(instead)}`),
    ].map((warning) => source.remark(path, `warning: ${warning}`));
  });

/** Commands, paths and names of programs, in which typographic characters are mistakes. */
function isForMachines([top, , key, keyOfTls]: Path): boolean {
  return top === "script" || (top === "checks" && FOR_MACHINES.has(String(key === "tls" ? keyOfTls : key)));
}

const FOR_MACHINES: ReadonlySet<string> = new Set([
  "script",
  "cwd",
  "file",
  "disk",
  "process",
  "systemd",
  "ca",
  "cert",
  "key",
]);

/** The config file, the files of its secrets, the programs of scripts, and certificates. */
function trustedFilesIn({ checks, origins, source, file, env }: LintInput): readonly TrustedFile[] {
  const warningAt = (path: Path) => (warning: string) => source?.remark(path, `warning: ${warning}`) ?? "";
  const files = file === undefined || !source ? [] : [{ path: resolve(file), decides: RUNS, warningOf: warningAt([]) }];
  const secrets = [...textsIn(source?.value, [])].flatMap(({ path, text }) =>
    sourcesIn(text).files.map((file) => ({
      path: file,
      decides: "which secret the daemon uses",
      warningOf: warningAt(path),
    })),
  );
  const certificates = [...textsIn(source?.value, [])].flatMap(({ path, text }) => {
    const decides = isOfTls(path) && text.startsWith("/") ? CERTIFICATES[String(path.at(-1))] : undefined;
    return decides === undefined ? [] : [{ path: text, decides, mayBeOwned: true, warningOf: warningAt(path) }];
  });
  const programs = checks.flatMap((check, index) => {
    const origin = origins[index];
    const { text, cwd, env: own } = check.kind.program?.(check.settings) ?? {};
    if (text === undefined || !origin) return [];
    const { warn } = placeOf(check, origin, source);
    const redact = redactorOf(check.secrets, check.kind.secrets?.(check.settings));
    return programsIn(text).map((path) => ({
      path,
      decides: RUNS,
      cwd,
      searchPath: own?.["PATH"] ?? env["PATH"],
      warningOf: (warning: string) => warn([check.kind.name], redact?.(warning) ?? warning),
    }));
  });
  return [...files, ...secrets, ...certificates, ...programs];
}

const RUNS = "what the daemon runs";

/** By their keys, in a check or under its `tls`. */
const CERTIFICATES: Readonly<Partial<Record<string, string>>> = {
  ca: "which servers the daemon trusts",
  cert: "which certificate the daemon presents",
  key: "which certificate the daemon presents",
};

const isOfTls = ([top, , key, ...rest]: Path): boolean =>
  top === "checks" && (rest.length === 0 || (key === "tls" && rest.length === 1));

function* textsIn(node: unknown, path: Path): Generator<{ readonly path: Path; readonly text: string }> {
  if (typeof node === "string") yield { path, text: node };
  else if (Array.isArray(node)) for (const [index, item] of node.entries()) yield* textsIn(item, [...path, index]);
  else if (typeof node === "object" && node !== null) {
    for (const [key, item] of Object.entries(node)) yield* textsIn(item, [...path, key]);
  }
}

/** Names take no secrets. */
const isName = ([first, , key]: Path): boolean => first === "endpoints" || (first === "checks" && key === "name");

/** A script that is a list is split already, and its words are meant literally. */
function findInScript(text: unknown, forShell: string): readonly Finding[] {
  if (typeof text !== "string") return [];
  const { operators, severalCommands, hasComment } = findShellSyntax(text);
  const shown = [...(hasComment ? ["a comment"] : []), ...(severalCommands ? ["a line end"] : []), ...operators];
  if (shown.length === 0) return [];
  const reach = shown.length === 1 ? "reaches" : "reach";
  const got = severalCommands
    ? `several lines that are commands; a script runs without a shell: use ${forShell}, or end a line with a backslash to continue it`
    : `a line that begins with #; a script runs without a shell and has no comments: remove the line, or use ${forShell}`;
  return [
    {
      warning: `a script runs without a shell, so ${listFirstTwo(shown)} ${reach} the command as plain text; use ${forShell} (as an option: --script "sh -c '…'"), or put plain text in single quotes`,
      ...((severalCommands || hasComment) && { problem: { expected: "one command", got } }),
    },
  ];
}

/** The option `script` takes a list of commands, so that each word of a split command would be a check. */
function findSplitCommand(source: ConfigFile): readonly Problem[] {
  const commands = valueAt(source.value, ["script"]);
  const index = Array.isArray(commands)
    ? commands.findIndex((one: unknown) => typeof one === "string" && one.startsWith("-"))
    : -1;
  if (index < 0) return [];
  const got = 'an option; this list holds commands: write one command as a list in it, such as [[sh, -c, "…"]]';
  return [source.problem(["script", index], { expected: "a command", got })];
}

/** A search of processes that matches the daemon itself. With a shell it would match the daemon too. */
function findSelfMatch(text: string): readonly Finding[] {
  const search = findCommandLineSearch(text);
  if (search === undefined) return [];
  return [
    {
      warning: `${search} also matches the command lines of the daemon and its other scripts, so it may pass when no such process runs; use process: NAME with matching: /…/`,
    },
  ];
}
