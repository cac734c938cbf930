// What is valid and means something else than its author plainly meant: of a script's text, a
// pattern, a path, a secret, a time. Each gets a warning, in the same words in `validate`, `explain` and the
// daemon's log; where a config file cannot mean what it says, a problem. This file is loaded at every
// start, so it imports nothing that is slow to load.

import { resolve } from "node:path";
import type { CheckConfig } from "../../checks/build.ts";
import { hiding } from "../../checks/redact.ts";
import type { Command } from "../../checks/script.ts";
import { Pattern } from "../../fields/field.ts";
import type { ServiceUrl } from "../../fields/url.ts";
import { isLoopback } from "../../net/address.ts";
import { listFirstTwo } from "../../text/list.ts";
import { describePastedCharacters } from "../../text/odd-characters.ts";
import type { ConfigFile } from "../file.ts";
import { findForeignPlaceholders, placesIn, withoutPlaceholders } from "../placeholder.ts";
import { type Path, type Problem, valueAt } from "../problem.ts";
import { lintBody, lintBytes } from "./bytes.ts";
import { type Origin, showOrigin } from "./duplicates.ts";
import { type Believed, lintOwners } from "./owners.ts";
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
  const warnings: string[] = [];
  for (const [index, check] of checks.entries()) {
    const origin = origins[index];
    if (!origin) continue;
    const odd = describePastedCharacters(origin.typed?.text ?? "", true);
    if (odd !== undefined) warnings.push(`${showOrigin(origin, check)}: warning: ${odd}`);
    const place = placeOf(check, origin, source);
    for (const { warning, problem, keys = [check.kind.name] } of findOf(check, place)) {
      if (problem && place.refuse) problems.push(place.refuse(keys, problem));
      else warnings.push(place.warn(keys, warning));
    }
  }
  if (source) {
    warnings.push(...lintTexts(source));
    problems.push(...findSplitCommand(source));
  }
  warnings.push(...lintTimes(input), ...lintOwners(believedIn(input)));
  return { problems, warnings };
}

interface Finding {
  readonly warning: string;
  /** Instead of the warning, in a config file. */
  readonly problem?: { readonly expected: string; readonly got: string };
  /** Where in the check it stands; by default at the key of its kind. */
  readonly keys?: Path;
}

interface Place {
  warn(keys: Path, warning: string): string;
  /** Absent for the command line. */
  readonly refuse?: (keys: Path, problem: { readonly expected: string; readonly got: string }) => Problem;
  /** How a command for a shell is written there. */
  readonly forShell: string;
  /** The value of a key as it was written, without secrets; undefined where there is none. */
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

function findOf({ kind, settings }: CheckConfig, place: Place): readonly Finding[] {
  return [
    ...(RULES[kind.name]?.(settings as never, place) ?? []),
    ...findInPatterns(settings, place),
    ...findInPaths(place),
  ];
}

/** By the name of the kind. */
const RULES: Readonly<Partial<Record<string, (settings: never, place: Place) => readonly Finding[]>>> = {
  script: ({ script }: { readonly script: Command }, place) => [...findInScript(place), ...findSelf(script)],
  mysql: findPlainLogin,
  file: (_, { written }) => ofText(written("file"), lintPath),
  disk: (_, { written }) => ofText(written("disk"), lintPath),
  http: (_, { written }) => [
    ...ofText(written("body"), lintBody, ["body"]),
    ...Object.entries(written("json") ?? {}).flatMap(([pointer, value]) =>
      ofText(value, lintJsonValue, ["json", pointer]),
    ),
  ],
  tcp: findBytes,
  udp: findBytes,
  process: (_, { written }) => ofText(written("process"), lintProcess),
};

function findBytes(_: unknown, { written }: Place): readonly Finding[] {
  return ["send", "expect"].flatMap((key) => ofText(written(key), (text) => lintBytes(text, `${key}-hex`), [key]));
}

function ofText(written: unknown, rule: (text: string) => string | undefined, keys?: Path): readonly Finding[] {
  const warning = typeof written === "string" ? rule(written) : undefined;
  return warning === undefined ? [] : [{ warning, ...(keys && { keys }) }];
}

function findInPatterns(settings: unknown, { written }: Place): readonly Finding[] {
  return Object.entries(settings as object).flatMap(([key, value]) =>
    value instanceof Pattern ? ofText(written(key), lintPattern, [key]) : [],
  );
}

/** Paths beside a kind's own key, and of a socket. */
const findInPaths = ({ written }: Place): readonly Finding[] => [
  ...PATHS.flatMap((key) => ofText(written(key), lintPath, [key])),
  ...PATHS_OF_TLS.flatMap((key) => ofText(valueAt(written("tls"), [key]), lintPath, ["tls", key])),
  ...ofText(written("tcp"), (text) => (text.startsWith("unix:") ? lintPath(text) : undefined), ["tcp"]),
];

const PATHS = ["cwd", "ca", "cert", "key"];
const PATHS_OF_TLS = ["ca", "cert", "key"];

/** Of the texts of the whole file, as they are written. */
const lintTexts = (source: ConfigFile): readonly string[] =>
  [...textsIn(source.value, [])].flatMap(({ path, text }) => {
    const odd = describePastedCharacters(text, isForMachines(path));
    const isSecret = path.some((key) => key === "password" || key === "headers");
    const foreign = path.includes("script") ? [] : findForeignPlaceholders(text, isSecret);
    const cure = (meant: string) => (isName(path) ? "a name takes no variables" : `write ${meant}`);
    return [
      ...(odd === undefined ? [] : [odd]),
      ...foreign.map(({ written, meant }) => `${written} is plain text here; ${cure(meant)}`),
    ].map((warning) => source.remark(path, `warning: ${warning}`));
  });

/** Commands, paths and names of programs, in which no typographer has a word. */
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

/** The config file, what it takes secrets from, what scripts run, and certificates. */
function believedIn({ checks, origins, source, file, env }: LintInput): readonly Believed[] {
  const tellAt = (path: Path) => (warning: string) => source?.remark(path, `warning: ${warning}`) ?? "";
  const files = file === undefined || !source ? [] : [{ path: resolve(file), decides: RUNS, tell: tellAt([]) }];
  const secrets = [...textsIn(source?.value, [])].flatMap(({ path, text }) =>
    placesIn(text).files.map((file) => ({ path: file, decides: "which secret the daemon uses", tell: tellAt(path) })),
  );
  const certificates = [...textsIn(source?.value, [])].flatMap(({ path, text }) => {
    const decides = isOfTls(path) && text.startsWith("/") ? CERTIFICATES[String(path.at(-1))] : undefined;
    return decides === undefined ? [] : [{ path: text, decides, mayBeOwned: true, tell: tellAt(path) }];
  });
  const programs = checks.flatMap((check, index) => {
    const origin = origins[index];
    const { text, cwd, env: own } = check.kind.program?.(check.settings) ?? {};
    if (text === undefined || !origin) return [];
    const { warn } = placeOf(check, origin, source);
    const hide = hiding(check.secrets, check.kind.secrets?.(check.settings));
    return programsIn(text).map((path) => ({
      path,
      decides: RUNS,
      cwd,
      searchPath: own?.["PATH"] ?? env["PATH"],
      tell: (warning: string) => warn([check.kind.name], hide?.(warning) ?? warning),
    }));
  });
  return [...files, ...secrets, ...certificates, ...programs];
}

const RUNS = "what the daemon runs";

/** By their keys, in a check or under its `tls`. */
const CERTIFICATES: Readonly<Partial<Record<string, string>>> = {
  ca: "which servers the daemon trusts",
  cert: "which certificate the daemon shows",
  key: "which certificate the daemon shows",
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

/** Secrets cannot stand there. */
const isName = ([first, , key]: Path): boolean => first === "endpoints" || (first === "checks" && key === "name");

/** A list is split already, and what stands in it is what is meant. */
function findInScript({ written, forShell }: Place): readonly Finding[] {
  const text = written("script");
  if (typeof text !== "string") return [];
  const { operators, severalCommands, hasComment } = findShellSyntax(text);
  const shown = [...(hasComment ? ["a comment"] : []), ...(severalCommands ? ["a line end"] : []), ...operators];
  if (shown.length === 0) return [];
  const have = shown.length === 1 ? "has" : "have";
  const got = severalCommands
    ? `several on lines of their own; a script runs without a shell: use ${forShell}, or end a line that goes on with a backslash`
    : `a line that begins with #; a script runs without a shell, which has no comments: leave it out, or use ${forShell}`;
  return [
    {
      warning: `a script runs without a shell, so ${listFirstTwo(shown)} ${have} no effect; use ${forShell} (as an option: --script "sh -c '…'"), or put plain text in single quotes`,
      ...((severalCommands || hasComment) && { problem: { expected: "one command", got } }),
    },
  ];
}

/** The option takes a list of commands, so that the words of one would be a check each. */
function findSplitCommand(source: ConfigFile): readonly Problem[] {
  const commands = valueAt(source.value, ["script"]);
  const index = Array.isArray(commands)
    ? commands.findIndex((one: unknown) => typeof one === "string" && one.startsWith("-"))
    : -1;
  if (index < 0) return [];
  const got = 'an option; a list here is a list of commands: write [[sh, -c, "…"]] for the words of one';
  return [source.problem(["script", index], { expected: "a command", got })];
}

/** Of a text that was meant for a shell, too: that a shell runs it is not the whole cure. */
function findSelf({ text }: Command): readonly Finding[] {
  const search = findCommandLineSearch(text);
  if (search === undefined) return [];
  return [
    {
      warning: `${search} also finds the daemon, its config's path and its other scripts, so that it may pass where no such process runs; use process: NAME, matching: /…/`,
    },
  ];
}

interface MysqlSettings {
  readonly mysql: ServiceUrl;
  readonly password?: string | undefined;
  readonly tls?: unknown;
}

/** To this host's loopback the password itself is sent where the server wants it. */
function findPlainLogin({ mysql: { protocol, address, password: inUrl }, password, tls }: MysqlSettings) {
  const isPlain = protocol === "mysql" && address.family === "tcp" && !isLoopback(address) && tls === undefined;
  return isPlain && (password ?? inUrl) !== undefined ? [{ warning: PLAIN_LOGIN }] : [];
}

const PLAIN_LOGIN =
  "MySQL may refuse a password over TCP to another host without tls: its default login, caching_sha2_password, takes it only while the server has it cached; set tls (mariadb:// for MariaDB, which has no such cache)";
