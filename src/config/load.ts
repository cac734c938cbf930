// Command line over file over defaults → frozen options, or every problem there is.
// Nothing below fills in a default.

import type { CheckConfig } from "../checks/build.ts";
import type { CheckKind } from "../checks/kind.ts";
import { KINDS } from "../checks/kinds.ts";
import { targetOf } from "../checks/redact.ts";
import type { LogFormat, LogLevel } from "../log/log.ts";
import type { Address } from "../net/address.ts";
import { formatDuration } from "../text/duration.ts";
import { listFirstTwo } from "../text/list.ts";
import { withoutUnseen } from "../text/odd-characters.ts";
import { onOneLine, quote, quoteWhole } from "../text/printable.ts";
import { COMMON_KEYS, type Defaults, STALE_INTERVALS } from "./common-keys.ts";
import { withoutLastSlash } from "./endpoint.ts";
import { findDuplicates, type Origin } from "./lint/duplicates.ts";
import { lint } from "./lint/lint.ts";
import { LOAD_BALANCERS } from "./load-balancers.ts";
import type { Endpoint, LoadedFile } from "./load-file.ts";
import {
  CHECK_OPTIONS,
  DEFAULT_TIMEOUT_MS,
  OPTION_NAMES,
  type OptionDef,
  type OptionName,
  type OptionValue,
  optionDef,
  TIMEOUT_OPTIONS,
  timeoutOptionOf,
} from "./options.ts";
import { formatPath, type Problem } from "./problem.ts";
import type { SecretFallback } from "./secrets.ts";

/** What was given for each option, in order. The parser refuses a second value where one is expected. */
export type RawValues = Readonly<Partial<Record<string, readonly string[]>>>;

export interface Options {
  readonly listener: Address;
  /** True when nobody chose the listener. */
  readonly listenerIsDefault: boolean;
  readonly checks: readonly CheckConfig[];
  readonly endpoints: readonly EndpointOptions[];
  /** A request for the host is answered by then; undefined where it may take as long as the checks do. */
  readonly deadlineMs: number | undefined;
  /** True when nobody chose the deadline. */
  readonly deadlineIsDefault: boolean;
  readonly singleflight: boolean;
  readonly maxRounds: number;
  /** To the health listener; undefined where the descriptor limit decides. */
  readonly maxConnections: number | undefined;
  readonly failureStatus: number;
  /** How long SIGTERM has the daemon answer unhealthy before it closes; 0 for not at all. */
  readonly drainDelayMs: number;
  /** Undefined where nothing is to be controlled. */
  readonly controlSocket: string | undefined;
  /** Where state is saved; undefined where $RUNTIME_DIRECTORY decides. */
  readonly stateDirectory: string | undefined;
  /** Where HAProxy's agent-check is answered; undefined for nowhere. */
  readonly agentListener: Address | undefined;
  readonly logLevel: LogLevel;
  /** Undefined where it depends on what stdout is. */
  readonly logFormat: LogFormat | undefined;
  /** What is allowed and unwise, a line each. */
  readonly warnings: readonly string[];
}

export interface EndpointOptions extends Endpoint {
  /** As the host's; the default is its own. */
  readonly deadlineMs: number | undefined;
}

/** The one problem that may only follow from another. */
export const NO_CHECK: Problem =
  "no check: expected at least one --port, --script or check of a --config file, got none";

/** What a check says, from the file or the command line, before defaults. */
interface RawCheck extends Origin {
  readonly kind: CheckKind;
  readonly settings: unknown;
}

/** `env` is what ${env:NAME} in the file stands for; a secret that is not there is a problem without `secretFallback`. */
export async function loadOptions(
  raw: RawValues,
  env: Environment = {},
  secretFallback?: SecretFallback,
): Promise<Options | readonly Problem[]> {
  const { given, problems, invalid } = readCommandLine(raw);
  const name = given.config?.at(-1) as string | undefined;
  const file = name === undefined ? undefined : await loadFile(name, env, problems, secretFallback);
  const option = <Name extends OptionName>(name: Name): OptionValue<Name> | undefined =>
    (given[name]?.at(-1) ?? file?.options[name]) as OptionValue<Name> | undefined;
  const withDefault = <Name extends OptionName>(name: Name): OptionValue<Name> =>
    option(name) ?? (valueOfDefault(name) as OptionValue<Name>);
  const isRead = (...names: readonly string[]) => names.every((name) => !invalid.has(name) && !file?.invalid.has(name));

  const ofOptions = CHECK_OPTIONS.map((name) => checksOf(name, file?.options[name], given[name], raw[name]));
  const rawChecks = [...(file?.checks ?? []), ...(await Promise.all(ofOptions)).flat()];
  const checks = resolveChecks(rawChecks, {
    file,
    interval: option("interval"),
    timeoutOf(kind) {
      const name = timeoutOptionOf(kind);
      return name && (option(name) as number | undefined);
    },
  });
  const listener = withDefault("listener");
  const fileRules = file && (await import("./lint/checks.ts"));
  if (file && fileRules) {
    if (isRead("interval", "defaults", ...TIMEOUT_OPTIONS)) {
      problems.push(...invalidTimings(checks, rawChecks, file));
    }
    if (isRead("listener")) problems.push(...fileRules.selfChecks(file, listener));
    if (isRead(...CHECK_OPTIONS)) problems.push(...(await fileRules.unknownEndpointChecks(file, checks)));
    problems.push(...fileRules.repeatedEndpoints(file));
  }
  const linted = lint({ checks, origins: rawChecks, source: file?.source, raw, file: name, env });
  problems.push(...linted.problems);
  if (rawChecks.length === 0 && problems.length === 0) {
    problems.push(name === undefined ? NO_CHECK : `${onOneLine(name)}: ${NO_CHECK}`);
  }
  if (problems.length > 0) return name === undefined ? problems : inOrder(problems, name);

  const deadlineMs = option("deadline");
  const endpoints = (file?.endpoints ?? []).map(({ path, checks: names }) => {
    const late = findLongTimeout(checks.filter(({ name }) => names.includes(name)));
    return { path: withoutLastSlash(path), checks: names, late, deadlineMs: deadlineMs ?? defaultDeadline(late) };
  });
  const late = findLongTimeout(checks.filter(({ severity }) => severity === "critical"));
  return Object.freeze({
    listener,
    listenerIsDefault: option("listener") === undefined,
    checks: Object.freeze(checks),
    endpoints: Object.freeze(endpoints.map(({ late: _, ...endpoint }) => endpoint)),
    deadlineMs: deadlineMs ?? defaultDeadline(late),
    deadlineIsDefault: deadlineMs === undefined,
    singleflight: option("singleflight") ?? false,
    maxRounds: withDefault("max-rounds"),
    maxConnections: option("max-connections"),
    failureStatus: withDefault("failure-status"),
    drainDelayMs: withDefault("drain-delay"),
    controlSocket: option("control-socket"),
    stateDirectory: option("state-directory"),
    agentListener: option("agent-listener"),
    logLevel: withDefault("log-level"),
    logFormat: option("log-format"),
    warnings: [
      ...((file && fileRules?.findFileWarnings(file, rawChecks, checks)) ?? []),
      ...findDuplicates(checks, rawChecks, file?.source),
      ...linted.warnings,
      ...(deadlineMs === undefined ? describeLateAnswers(late, endpoints) : []),
    ],
  });
}

/**
 * Of the checks that an answer waits for, the one with the longest timeout, where that is above the default: a user
 * who chose that wants the result of a slow check, so there is no default deadline.
 */
function findLongTimeout(deciding: readonly CheckConfig[]): CheckConfig | undefined {
  return deciding
    .filter(({ intervalMs, timeoutMs }) => intervalMs === undefined && timeoutMs > DEFAULT_TIMEOUT_MS)
    .reduce<CheckConfig | undefined>((most, one) => (most && most.timeoutMs >= one.timeoutMs ? most : one), undefined);
}

const defaultDeadline = (late: CheckConfig | undefined): number | undefined =>
  late ? undefined : (valueOfDefault("deadline") as number);

interface LateEndpoint {
  readonly path: string;
  readonly late: CheckConfig | undefined;
}

/** A warning for each check that answers may wait for that long, with whose answers they are. */
function describeLateAnswers(host: CheckConfig | undefined, endpoints: readonly LateEndpoint[]): readonly string[] {
  const waiting = new Map<CheckConfig, string[]>();
  for (const { path, late } of [{ path: "the host", late: host }, ...endpoints]) {
    if (late) waiting.set(late, [...(waiting.get(late) ?? []), path]);
  }
  return [...waiting].map(([check, names]) =>
    describeLateAnswer(check, endpoints.length === 0 ? "a response" : `a response of ${listFirstTwo(names)}`),
  );
}

function describeLateAnswer({ name, timeoutMs }: CheckConfig, response: string): string {
  const first = LOAD_BALANCERS.filter((one) => one.timeoutMs < timeoutMs).map(
    (one) => `${one.name} after ${formatDuration(one.timeoutMs)}`,
  );
  const takes = `${response} may take ${formatDuration(timeoutMs)} (the timeout of ${onOneLine(name)})`;
  return `warning: ${takes}; by default these give up first: ${first.join(", ")}; --deadline ${optionDef("deadline").conditionalDefault} answers before an ALB gives up`;
}

type Environment = Readonly<Record<string, string | undefined>>;

async function loadFile(
  name: string,
  env: Environment,
  problems: Problem[],
  secretFallback: SecretFallback | undefined,
): Promise<LoadedFile | undefined> {
  // Loaded only for who has a file: YAML and its schema cost 30 ms at start.
  const { loadConfigFile } = await import("./load-file.ts");
  const reading = await loadConfigFile(name, env, secretFallback);
  problems.push(...reading.problems);
  return reading.file;
}

/** Those of the command line first, then those of the file by line and column, and what concerns no line. */
function inOrder(problems: readonly Problem[], file: string): readonly Problem[] {
  const place = (problem: Problem): readonly [number, number] => {
    const isOfFile = problem.startsWith(`${onOneLine(file)}:`);
    const [, line, column] = (isOfFile && /^:(\d+):(\d+): /.exec(problem.slice(onOneLine(file).length))) || [];
    return [Number(line ?? (isOfFile ? Number.POSITIVE_INFINITY : 0)), Number(column ?? 0)];
  };
  const placed = problems.map((problem) => ({ problem, place: place(problem) }));
  placed.sort((one, other) => one.place[0] - other.place[0] || one.place[1] - other.place[1]);
  const lines = placed.map(({ problem }) => problem);
  if (lines.length <= MOST_PROBLEMS) return lines;
  return [...lines.slice(0, MOST_PROBLEMS), `${onOneLine(file)}: and ${lines.length - MOST_PROBLEMS} more`];
}

/** More nobody reads. */
const MOST_PROBLEMS = 100;

type Read = Partial<Record<OptionName, readonly unknown[]>>;

function readCommandLine(raw: RawValues) {
  const given: Record<string, readonly unknown[]> = {};
  const problems: Problem[] = [];
  const invalid = new Set<string>();
  for (const name of OPTION_NAMES) {
    const read = readTexts(name, optionDef(name), raw[name]);
    if (read.values.length > 0) given[name] = read.values;
    if (read.problems.length > 0) invalid.add(name);
    problems.push(...read.problems);
  }
  return { given: given as Read, problems, invalid };
}

/** All that was given for an option on the command line, read by its field. */
export function readTexts<T>(
  name: string,
  { field, repeatable }: OptionDef<T>,
  texts: readonly string[] = [],
): { readonly values: readonly T[]; readonly problems: readonly Problem[] } {
  const values: T[] = [];
  const problems = new Set<Problem>();
  for (const text of texts) {
    const read = field.read(text);
    if ("value" in read) {
      values.push(read.value);
      continue;
    }
    const isList = repeatable && partsOf(text).every((part) => "value" in field.read(part));
    const { expected = field.expected, hint: said } = read;
    const hint = isList ? `repeat --${name} for each` : said;
    problems.add(`--${name}: expected ${expected}, got ${quoteWhole(text)}${hint ? ` (${hint})` : ""}`);
  }
  return { values, problems: [...problems] };
}

/** Of a list in one text, or the first of a range such as 80-90; what is neither is itself. */
function partsOf(text: string): readonly string[] {
  const parts = text
    .replace(/(\d)-\d+$/, "$1")
    .split(/[\s,]+/)
    .filter(Boolean);
  return parts.length === 0 ? [text] : parts;
}

function valueOfDefault(name: OptionName): unknown {
  const { field, default: always, conditionalDefault } = optionDef(name);
  const read = field.read(always ?? conditionalDefault);
  if ("value" in read) return read.value;
  throw new Error(`the default of --${name} is not one of its values`);
}

/**
 * Checks that are nothing but their target: those of the file, one or a list, and those of the command line.
 * `texts` is what `given` was read from; they go together where each could be read.
 */
async function checksOf(
  option: OptionName,
  inFile: unknown,
  given: readonly unknown[] = [],
  texts: readonly string[] = [],
): Promise<readonly RawCheck[]> {
  const placed = Array.isArray(inFile)
    ? inFile.map((target, index) => ({ target, path: [option, index] }))
    : inFile === undefined
      ? []
      : [{ target: inFile, path: [option] }];
  const typed = given.map((target, index) => ({ target, typed: { option, text: texts[index] ?? "" } }));
  const targets = [...placed, ...typed];
  const { checksOf: name } = optionDef(option);
  if (targets.length === 0 || name === undefined) return [];
  const kind = (await KINDS[name]()) as CheckKind;
  return targets.map(({ target, ...origin }) => ({ kind, settings: { [name]: target }, common: {}, ...origin }));
}

interface Fallbacks {
  readonly file: LoadedFile | undefined;
  readonly interval: number | undefined;
  /** What the option for checks of this kind says. */
  readonly timeoutOf: (kind: string) => number | undefined;
}

function resolveChecks(
  rawChecks: readonly RawCheck[],
  { file, interval, timeoutOf }: Fallbacks,
): readonly CheckConfig[] {
  const defaults = file?.defaults ?? {};
  const secrets = file?.secrets ?? [];
  const nameOf = createNaming(rawChecks, secrets);
  return rawChecks.map(({ kind, settings, common }) => {
    const timeoutMs = common.timeout ?? timeoutOf(kind.name) ?? defaults.timeout ?? COMMON_KEYS.timeout.default;
    const intervalMs = common.interval ?? interval;
    return Object.freeze({
      kind,
      settings,
      name: common.name ?? nameOf(kind, settings),
      timeoutMs,
      rise: common.rise ?? defaults.rise ?? COMMON_KEYS.rise.default,
      fall: common.fall ?? defaults.fall ?? COMMON_KEYS.fall.default,
      severity: common.severity ?? defaults.severity ?? COMMON_KEYS.severity.default,
      intervalMs,
      staleAfterMs: common["stale-after"] ?? defaults["stale-after"] ?? STALE_INTERVALS * (intervalMs ?? 0) + timeoutMs,
      secrets,
    });
  });
}

/** Names that nobody gave, on one line: the second "tcp 127.0.0.1:80" is "tcp 127.0.0.1:80 #2". */
function createNaming(rawChecks: readonly RawCheck[], secrets: readonly string[]) {
  const taken = new Set(rawChecks.map(({ common }) => common.name));
  const counts = new Map<string, number>();
  return (kind: CheckKind, settings: unknown): string => {
    const plainName = withoutUnseen(`${kind.name} ${targetOf({ kind, settings, secrets })}`).replaceAll(
      /\p{Cc}+/gu,
      " ",
    );
    let count = counts.get(plainName) ?? 1;
    let unique = count === 1 ? plainName : `${plainName} #${count}`;
    while (taken.has(unique)) unique = `${plainName} #${++count}`;
    counts.set(plainName, count);
    taken.add(unique);
    return unique;
  };
}

/** What counts runs or keeps results where nothing runs by itself, and what would be stale before it is renewed. */
function invalidTimings(
  checks: readonly CheckConfig[],
  rawChecks: readonly RawCheck[],
  { source, defaults }: LoadedFile,
): readonly Problem[] {
  const problems: Problem[] = [];
  const reported = new Set<string>();
  const refuse = (key: keyof Defaults, { path, common }: RawCheck, expected: string, got: string, who: string) => {
    if (path && common[key] !== undefined) {
      problems.push(source.problem([...path, key], { expected, got }));
    } else if (!reported.has(key)) {
      // What all have by default is one mistake, and not one a check.
      reported.add(key);
      problems.push(source.problem(["defaults", key], { expected, got: `${got} (${who})` }));
    }
  };
  for (const [index, check] of checks.entries()) {
    const rawCheck = rawChecks[index];
    if (!rawCheck) continue;
    const { intervalMs, timeoutMs, staleAfterMs } = check;
    const who = rawCheck.path ? formatPath(rawCheck.path) : quote(check.name);
    if (intervalMs === undefined) {
      for (const key of ["rise", "fall"] as const) {
        if (check[key] === 1) continue;
        refuse(
          key,
          rawCheck,
          `1 where a check has no interval (${key} counts its runs)`,
          String(check[key]),
          `for ${who}`,
        );
      }
      if (rawCheck.common["stale-after"] !== undefined) {
        refuse("stale-after", rawCheck, "an interval beside it (without one no result is kept)", "none", who);
      }
    } else if (staleAfterMs < intervalMs + timeoutMs) {
      const least = formatDuration(intervalMs + timeoutMs);
      const expected = `at least the interval and the timeout together (${least})`;
      refuse("stale-after", rawCheck, expected, formatDuration(staleAfterMs), `for ${who}`);
    }
  }
  if (defaults["stale-after"] !== undefined && checks.every(({ intervalMs }) => intervalMs === undefined)) {
    const expected = "an interval beside it (without one no result is kept)";
    problems.push(source.problem(["defaults", "stale-after"], { expected, got: "none" }));
  }
  return problems;
}
