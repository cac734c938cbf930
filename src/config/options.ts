// The only table of options: name, value, default, help. The parser, the help, the keys of a config file and every
// other list of options come from it. The defaults of options are here, those of a check's keys in common-keys.ts
// and in the kinds.

import type { KindName } from "../checks/kinds.ts";
import { command } from "../checks/script.ts";
import {
  absolutePath,
  address,
  duration,
  type Field,
  flag,
  listenAddress,
  listenPath,
  metricsPath,
  text,
  wholeNumber,
} from "../fields/field.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "../log/log.ts";
import { formatDuration } from "../text/duration.ts";

/** The headings of the help, in order. */
export const OPTION_GROUPS = ["What to check", "When checks run", "Answering", "Operating", "Logging"] as const;

export type OptionGroup = (typeof OPTION_GROUPS)[number];

export interface OptionDef<T> {
  readonly field: Field<T>;
  /** The placeholder of the value in the help, in capitals; an option without one is a flag, off by default. */
  readonly value?: string;
  /** A single letter that stands for the name. */
  readonly short?: string;
  readonly repeatable?: boolean;
  /** The default, as a user would write it. */
  readonly default?: string;
  /** A default that applies only under the condition that `help` states, as a user would write it. */
  readonly conditionalDefault?: string;
  /** Whole sentences for the help and the tables, which add `default` and `repeatable`; backticks enclose code. */
  readonly help: string;
  /** Each of its values is the target of a check of this kind. */
  readonly checksOf?: KindName;
  /** It is the timeout of checks of this kind. */
  readonly timeoutOf?: KindName;
  /** Absent from a config file. */
  readonly commandLineOnly?: boolean;
}

/** An option of the daemon. The table of options is in the order of the groups. */
export interface DaemonOption<T> extends OptionDef<T> {
  readonly group: OptionGroup;
}

/** How long a run of a check may take. */
export const DEFAULT_TIMEOUT_MS = 5000;

const TIMEOUT = String(DEFAULT_TIMEOUT_MS / 1000);

/** Less than the 5 s after which an ALB gives up. */
const DEADLINE = "4500ms";

/** More rounds would only wait for each other, and each holds a descriptor or a process for each check. */
const MOST_ROUNDS = 1024;

/** A shorter interval is a typing error, and with scripts a flood of processes. */
const SHORTEST_INTERVAL_MS = 100;

export const interval: Field<number> = {
  ...duration,
  read(given) {
    const read = duration.read(given);
    return "value" in read && read.value < SHORTEST_INTERVAL_MS ? { expected: "an interval of at least 100ms" } : read;
  },
};

/** As many descriptors as systemd lets a service have. */
const MOST_CONNECTIONS = 524_288;

const isLogLevel = (name: string): name is LogLevel => Object.hasOwn(LOG_LEVELS, name);

const logLevel: Field<LogLevel> = {
  expected: "one of panic, fatal, error, warning, info, debug",
  json: { enum: Object.keys(LOG_LEVELS) },
  read(given): ReturnType<Field<LogLevel>["read"]> {
    const name = typeof given === "string" ? given.toLowerCase() : "";
    if (!isLogLevel(name)) return {};
    return { value: name };
  },
};

const logFormat: Field<LogFormat> = {
  expected: `one of ${LOG_FORMATS.join(", ")}`,
  json: { enum: [...LOG_FORMATS] },
  read(given): ReturnType<Field<LogFormat>["read"]> {
    const format = LOG_FORMATS.find((name) => name === given);
    return format ? { value: format } : {};
  },
};

/** A duration, or 0 for none. */
const delay: Field<number> = {
  ...duration,
  expected: `${duration.expected}, or 0`,
  read: (given) => (String(given) === "0" ? { value: 0 } : duration.read(given)),
};

const define =
  (group: OptionGroup) =>
  <T>(option: OptionDef<T>): DaemonOption<T> => ({ ...option, group });

const whatToCheck = define("What to check");
const whenChecksRun = define("When checks run");
const answering = define("Answering");
const operating = define("Operating");
const logging = define("Logging");

export const OPTIONS = {
  port: whatToCheck({
    field: address,
    value: "PORT",
    checksOf: "tcp",
    repeatable: true,
    help: "Check that a TCP port accepts connections: `5432` (on 127.0.0.1), `host:5432`, `[::1]:5432` or `unix:/path`.",
  }),
  script: whatToCheck({
    field: command,
    value: "COMMAND",
    checksOf: "script",
    repeatable: true,
    help: "Check that a command exits with status 0. It is split into words as in a shell, but runs without a shell.",
  }),
  config: whatToCheck({
    field: text("the path of a file"),
    value: "FILE",
    help: "Read options and checks from a YAML file. An option on the command line overrides the file.",
    commandLineOnly: true,
  }),
  "script-timeout": whatToCheck({
    field: duration,
    value: "DURATION",
    default: TIMEOUT,
    timeoutOf: "script",
    help: "Fail a script that runs longer than DURATION: seconds, or `500ms`, `10s`, `1m`.",
  }),
  "port-timeout": whatToCheck({
    field: duration,
    value: "DURATION",
    default: TIMEOUT,
    timeoutOf: "tcp",
    help: "Fail a port that does not accept a connection within DURATION: seconds, or `500ms`, `10s`, `1m`.",
  }),
  interval: whenChecksRun({
    field: interval,
    value: "DURATION",
    help: "Run checks in the background every DURATION and answer from the latest results. Default: run them on each request.",
  }),
  singleflight: whenChecksRun({ field: flag, help: "Concurrent requests share one round of checks." }),
  "max-rounds": whenChecksRun({
    field: wholeNumber(1, MOST_ROUNDS),
    value: "COUNT",
    default: "16",
    help: "Run each check at most COUNT times at once for requests. Further requests share the next run.",
  }),
  listener: answering({
    field: listenAddress,
    value: "HOST:PORT",
    default: "0.0.0.0:5000",
    help: "Answer health requests at HOST:PORT or `unix:/path`. `0.0.0.0:PORT` and `:PORT` are all IPv4 and IPv6 addresses.",
  }),
  deadline: answering({
    field: duration,
    value: "DURATION",
    conditionalDefault: DEADLINE,
    help: `Answer each request within DURATION. A check that has not finished by then counts as failed. Default: \`${DEADLINE}\`, or no deadline if the answer waits for a check with a timeout above ${formatDuration(DEFAULT_TIMEOUT_MS)}.`,
  }),
  "failure-status": answering({
    field: wholeNumber(400, 599),
    value: "CODE",
    default: "504",
    help: "Answer with HTTP status CODE when a check fails: 400 to 599.",
  }),
  "max-connections": answering({
    field: wholeNumber(1, MOST_CONNECTIONS),
    value: "COUNT",
    help: "Keep at most COUNT connections to the health listener. When one more arrives, the longest idle is closed. Default: half of the file descriptor limit, at most 4096.",
  }),
  "agent-listener": answering({
    field: listenAddress,
    value: "HOST:PORT",
    help: "Answer HAProxy's agent-check at HOST:PORT: `up`, `down #database timeout`, `drain` or `maint`. With --drain-delay it answers `stopped #…` after SIGTERM.",
  }),
  "drain-delay": operating({
    field: delay,
    value: "DURATION",
    default: "0",
    help: "After SIGTERM, answer unhealthy for DURATION before closing, so that load balancers stop sending requests. A second signal ends the delay. SIGINT stops without a delay.",
  }),
  "control-socket": operating({
    field: listenPath,
    value: "PATH",
    help: "Listen on a unix socket for `status`, `reload`, `drain`, `undrain` and `maint`. Only its owner and root can use it.",
  }),
  "state-directory": operating({
    field: absolutePath,
    value: "DIRECTORY",
    help: "Save drain, maintenance and running scripts in DIRECTORY for the next start of the daemon. Default: the first directory in `RUNTIME_DIRECTORY`, if it is set.",
  }),
  "admin-listener": operating({
    field: listenAddress,
    value: "HOST:PORT",
    help: "Serve a status page, JSON and Prometheus metrics at HOST:PORT or `unix:/path`. If that is not a loopback address, only `/metrics` and `/livez` are served without --admin-token-file.",
  }),
  "admin-token-file": operating({
    field: absolutePath,
    value: "FILE",
    help: "Clients of the admin listener must send the token in FILE as `Authorization: Bearer TOKEN`, except for `/metrics` and `/livez`.",
  }),
  "metrics-file": operating({
    field: metricsPath,
    value: "FILE",
    help: "Write Prometheus metrics to FILE every 15 seconds and when the host changes, for the textfile collector of node_exporter. Its name must end in `.prom`.",
  }),
  help: operating({
    field: flag,
    short: "h",
    help: "Show this help and exit. This is also the default without arguments.",
    commandLineOnly: true,
  }),
  version: operating({ field: flag, short: "v", help: "Show the version and exit.", commandLineOnly: true }),
  "log-level": logging({
    field: logLevel,
    value: "LEVEL",
    default: "info",
    help: "Log messages of LEVEL and above: `panic`, `fatal`, `error`, `warning`, `info` or `debug`.",
  }),
  "log-format": logging({
    field: logFormat,
    value: "FORMAT",
    help: "Log as `text`, `json` or `journal` (text with priorities and without times). Default: `journal` if stdout is systemd's journal, else `text`.",
  }),
} as const;

export type OptionName = keyof typeof OPTIONS;

/** The type of an option's value. */
export type OptionValue<Name extends OptionName> = (typeof OPTIONS)[Name] extends OptionDef<infer T> ? T : never;

/** The value that was given for an option, if there is one. */
export type OptionLookup = <Name extends OptionName>(name: Name) => OptionValue<Name> | undefined;

export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[];

/** The option with this name, or with this single letter. */
export function optionNamed(name: string): OptionName | undefined {
  return OPTION_NAMES.find((option) => option === name || (OPTIONS[option] as OptionDef<unknown>).short === name);
}

export const optionDef = (name: OptionName): DaemonOption<unknown> => OPTIONS[name] as DaemonOption<unknown>;

/** The options that give checks, in the order of those checks. */
export const CHECK_OPTIONS = OPTION_NAMES.filter((name) => optionDef(name).checksOf !== undefined);

export const TIMEOUT_OPTIONS = OPTION_NAMES.filter((name) => optionDef(name).timeoutOf !== undefined);

/** The option that is the timeout of checks of this kind. */
export const timeoutOptionOf = (kind: string): OptionName | undefined =>
  OPTION_NAMES.find((name) => optionDef(name).timeoutOf === kind);

/** The default of a flag, or of an option that has one, as its field reads it. */
export function defaultOf<Name extends OptionName>(name: Name): OptionValue<Name> {
  const { field, value, default: always, conditionalDefault } = optionDef(name);
  const read = field.read(always ?? conditionalDefault ?? (value === undefined ? "false" : undefined));
  if ("value" in read) return read.value as OptionValue<Name>;
  throw new Error(`the default of --${name} is not one of its values`);
}
