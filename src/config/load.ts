// Command line over file over defaults → frozen options, or all problems. The defaults are in the tables of options.ts
// and common-keys.ts; no code outside this folder fills in a default.

import type { CheckConfig } from "../checks/build.ts";
import type { CheckKind } from "../checks/kind.ts";
import { KINDS } from "../checks/kinds.ts";
import type { LogFormat, LogLevel } from "../log/log.ts";
import type { Address } from "../net/address.ts";
import { onOneLine } from "../text/printable.ts";
import type { Admin, AdminInput } from "./admin.ts";
import { createNaming } from "./check-names.ts";
import { type CommandLine, type RawValues, readCommandLine } from "./command-line.ts";
import { COMMON_KEYS } from "./common-keys.ts";
import { resolveDeadlines } from "./deadline.ts";
import type { EndpointOptions } from "./endpoint-path.ts";
import type { Origin } from "./lint/duplicates.ts";
import type { FileReading, LoadedFile } from "./load-file.ts";
import {
  CHECK_OPTIONS,
  defaultOf,
  type OptionLookup,
  type OptionName,
  type OptionValue,
  optionDef,
  timeoutOptionOf,
} from "./options.ts";
import type { Problem } from "./problem.ts";
import type { SecretFallback } from "./secrets.ts";

/** The config file as it was read. */
export interface ConfigSource {
  /** As it was given on the command line. */
  readonly file: string;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
  /** Milliseconds since the epoch. */
  readonly readAt: number;
}

export interface Options {
  readonly listener: Address;
  /** True if `listener` was not given. */
  readonly listenerIsDefault: boolean;
  readonly checks: readonly CheckConfig[];
  readonly endpoints: readonly EndpointOptions[];
  /** A request for the host is answered within this time; undefined if it may take as long as the checks. */
  readonly deadlineMs: number | undefined;
  /** True if `deadline` was not given. */
  readonly deadlineIsDefault: boolean;
  readonly singleflight: boolean;
  readonly maxRounds: number;
  /** Of the health listener; undefined if the descriptor limit decides. */
  readonly maxConnections: number | undefined;
  readonly failureStatus: number;
  /** How long the daemon answers unhealthy after SIGTERM before it closes; may be 0. */
  readonly drainDelayMs: number;
  /** Undefined for none. */
  readonly controlSocket: string | undefined;
  /** Where state is saved; undefined if $RUNTIME_DIRECTORY decides. */
  readonly stateDirectory: string | undefined;
  /** Where HAProxy's agent-check is answered; undefined for none. */
  readonly agentListener: Address | undefined;
  /** Undefined for none. */
  readonly adminListener: Address | undefined;
  readonly adminTokenFile: string | undefined;
  /** What that file holds: a secret. */
  readonly adminToken: string | undefined;
  readonly metricsFile: string | undefined;
  readonly logLevel: LogLevel;
  /** Undefined if it depends on what stdout is. */
  readonly logFormat: LogFormat | undefined;
  /** Undefined without a config file. */
  readonly config: ConfigSource | undefined;
  /** What is allowed but risky, a line each. */
  readonly warnings: readonly string[];
  /** Further ones, if they were allowed to come later. */
  readonly laterWarnings?: () => Promise<readonly string[]>;
}

/** Reported only without other problems: it may follow from them. */
export const NO_CHECK: Problem = "nothing to check: give --port, --script or a --config file with checks";

const NO_CHECK_IN_FILE = "nothing to check: add checks to this file, or give --port or --script";

/** A check from the file or the command line, before defaults. */
interface RawCheck extends Origin {
  readonly kind: CheckKind;
  readonly settings: unknown;
}

/**
 * `env` is the environment for ${env:NAME} in the file; without `secretFallback` a missing secret is a problem. If
 * `warnsLater` is true, warnings that take long to find may be left to `laterWarnings`.
 */
export async function loadOptions(
  raw: RawValues,
  env: Environment = {},
  secretFallback?: SecretFallback,
  warnsLater = false,
): Promise<Options | readonly Problem[]> {
  const commandLine = readCommandLine(raw);
  const fileName = commandLine.values.config?.at(-1) as string | undefined;
  const reading = fileName === undefined ? { problems: [] } : await readFile(fileName, env, secretFallback);
  const { file } = reading;
  const option: OptionLookup = (name) =>
    (commandLine.values[name]?.at(-1) ?? file?.options[name]) as OptionValue<typeof name>;
  const isValid = (...names: readonly string[]) =>
    names.every((name) => !commandLine.invalid.has(name) && !file?.invalid.has(name));

  const checksOfOptions = CHECK_OPTIONS.map((name) =>
    checksOf(name, file?.options[name], commandLine.values[name], raw[name]),
  );
  const rawChecks = [...(file?.checks ?? []), ...(await Promise.all(checksOfOptions)).flat()];
  const checks = resolveChecks(rawChecks, file, option);
  const listener = option("listener") ?? defaultOf("listener");
  const fileLint = file && (await import("./lint/whole-file.ts"));
  const fileInput = file && { file, checks, origins: rawChecks, listener, isValid };
  const linting = async () => {
    const { lint } = await import("./lint/lint.ts");
    return lint({ checks, origins: rawChecks, source: file?.source, raw, file: fileName, env });
  };
  // On a command line alone it finds no problems. To load it takes a tenth of such a start.
  const linted = warnsLater && fileName === undefined ? undefined : await linting();
  const admin = await resolveAdmin({ option, listener, commandLine, file, secretFallback });
  const unsupported = await findUnsupportedHere(option, checks, listener);
  const problems = [
    ...commandLine.problems,
    ...reading.problems,
    ...admin.problems,
    ...(unsupported?.problems ?? []),
    ...((fileInput && (await fileLint?.findFileProblems(fileInput))) ?? []),
    ...(linted?.problems ?? []),
  ];
  if (rawChecks.length === 0 && problems.length === 0) {
    problems.push(fileName === undefined ? NO_CHECK : `${onOneLine(fileName)}: ${NO_CHECK_IN_FILE}`);
  }
  if (problems.length > 0) return fileName === undefined ? problems : cutProblems(problems, fileName);

  const { warnings, ...deadlines } = resolveDeadlines(option("deadline"), checks, file?.endpoints ?? []);
  const found = [
    ...((fileInput && fileLint?.findFileWarnings(fileInput)) ?? []),
    ...(linted?.warnings ?? []),
    ...admin.warnings,
    ...(unsupported?.warnings ?? []),
    ...warnings,
  ];
  const config = file && { file: fileName ?? "", sha256: file.source.sha256, readAt: file.source.readAt };
  const inOrder = fileName === undefined ? found : inFileOrder(found, fileName);
  const options = freezeOptions(option, checks, { ...deadlines, config, adminToken: admin.token }, inOrder);
  return linted ? options : Object.freeze({ ...options, laterWarnings: async () => (await linting()).warnings });
}

async function findUnsupportedHere(option: OptionLookup, checks: readonly CheckConfig[], listener: Address) {
  if (process.platform === "linux") return undefined;
  const { findUnsupported } = await import("./platform.ts");
  const listeners = {
    listener,
    "agent-listener": option("agent-listener"),
    "admin-listener": option("admin-listener"),
    "control-socket": option("control-socket"),
  };
  return findUnsupported(checks, listeners, process.platform);
}

interface AdminSources {
  readonly option: OptionLookup;
  readonly listener: Address;
  readonly commandLine: CommandLine;
  readonly file: LoadedFile | undefined;
  readonly secretFallback: SecretFallback | undefined;
}

/** The options of the admin listener. */
async function resolveAdmin({ option, listener, commandLine, file, secretFallback }: AdminSources): Promise<Admin> {
  const address = option("admin-listener");
  const tokenFile = option("admin-token-file");
  if (!address && tokenFile === undefined) return { token: undefined, problems: [], warnings: [] };
  const { readAdmin } = await import("./admin.ts");
  const socket = option("control-socket");
  const others: AdminInput["others"] = {
    listener,
    "agent-listener": option("agent-listener"),
    "control-socket": socket === undefined ? undefined : { family: "unix", path: socket },
  };
  const remark: AdminInput["remark"] = (name, text) =>
    commandLine.values[name] || !file ? `--${name}: ${text}` : file.source.remark([name], text);
  return readAdmin({ address, tokenFile, others, secretFallback, remark });
}

function freezeOptions(
  option: OptionLookup,
  checks: readonly CheckConfig[],
  { deadlineMs, endpoints, config, adminToken }: Pick<Options, "deadlineMs" | "endpoints" | "config" | "adminToken">,
  warnings: readonly string[],
): Options {
  const withDefault = <Name extends OptionName>(name: Name): OptionValue<Name> => option(name) ?? defaultOf(name);
  return Object.freeze({
    listener: withDefault("listener"),
    listenerIsDefault: option("listener") === undefined,
    checks: Object.freeze(checks),
    endpoints: Object.freeze(endpoints),
    deadlineMs,
    deadlineIsDefault: option("deadline") === undefined,
    singleflight: withDefault("singleflight"),
    maxRounds: withDefault("max-rounds"),
    maxConnections: option("max-connections"),
    failureStatus: withDefault("failure-status"),
    drainDelayMs: withDefault("drain-delay"),
    controlSocket: option("control-socket"),
    stateDirectory: option("state-directory"),
    agentListener: option("agent-listener"),
    adminListener: option("admin-listener"),
    adminTokenFile: option("admin-token-file"),
    adminToken,
    metricsFile: option("metrics-file"),
    logLevel: withDefault("log-level"),
    logFormat: option("log-format"),
    config,
    warnings,
  });
}

type Environment = Readonly<Record<string, string | undefined>>;

async function readFile(
  name: string,
  env: Environment,
  secretFallback: SecretFallback | undefined,
): Promise<FileReading> {
  // Loaded only if there is a file: YAML and its schema cost 30 ms at start.
  const { loadConfigFile } = await import("./load-file.ts");
  return loadConfigFile(name, env, secretFallback);
}

/** Lines of the command line first, then those of the file by line and column, then those of the file without a line. */
function inFileOrder(lines: readonly string[], file: string): readonly string[] {
  const place = (text: string): readonly [number, number] => {
    const isOfFile = text.startsWith(`${onOneLine(file)}:`);
    const [, line, column] = (isOfFile && /^:(\d+):(\d+): /.exec(text.slice(onOneLine(file).length))) || [];
    return [Number(line ?? (isOfFile ? Number.POSITIVE_INFINITY : 0)), Number(column ?? 0)];
  };
  const placed = lines.map((text) => ({ text, place: place(text) }));
  placed.sort((one, other) => one.place[0] - other.place[0] || one.place[1] - other.place[1]);
  return placed.map(({ text }) => text);
}

function cutProblems(problems: readonly Problem[], file: string): readonly Problem[] {
  const lines = inFileOrder(problems, file);
  if (lines.length <= MOST_PROBLEMS) return lines;
  return [...lines.slice(0, MOST_PROBLEMS), `${onOneLine(file)}: and ${lines.length - MOST_PROBLEMS} more`];
}

/** More than a person reads. */
const MOST_PROBLEMS = 100;

/**
 * The checks of an option whose values are targets: those of the file, one or a list, then those of the command line.
 * `texts` are the texts that `given` was read from, in the same order if all could be read.
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

/** Fills in what a check does not set: from the options, from the file's `defaults`, then from the table of common keys. */
function resolveChecks(
  rawChecks: readonly RawCheck[],
  file: LoadedFile | undefined,
  option: OptionLookup,
): readonly CheckConfig[] {
  const defaults = file?.defaults ?? {};
  const secrets = file?.secrets ?? [];
  const nameOf = createNaming(
    rawChecks.flatMap(({ common: { name } }) => name ?? []),
    secrets,
  );
  return rawChecks.map(({ kind, settings, common }) => {
    const timeoutOption = timeoutOptionOf(kind.name);
    const timeoutOfOption = timeoutOption && (option(timeoutOption) as number | undefined);
    const timeoutMs = common.timeout ?? timeoutOfOption ?? defaults.timeout ?? COMMON_KEYS.timeout.default;
    const intervalMs = common.interval ?? option("interval");
    return Object.freeze({
      kind,
      settings,
      name: common.name ?? nameOf(kind, settings),
      timeoutMs,
      rise: common.rise ?? defaults.rise ?? COMMON_KEYS.rise.default,
      fall: common.fall ?? defaults.fall ?? COMMON_KEYS.fall.default,
      severity: common.severity ?? defaults.severity ?? COMMON_KEYS.severity.default,
      intervalMs,
      staleAfterMs:
        common["stale-after"] ??
        defaults["stale-after"] ??
        COMMON_KEYS["stale-after"].defaultFor(timeoutMs, intervalMs),
      secrets,
    });
  });
}
