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
  text,
  wholeNumber,
} from "../fields/field.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "../log/log.ts";
import { formatDuration } from "../text/duration.ts";

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
  /** One sentence for the help and the tables; backticks enclose code. */
  readonly help: string;
  /** Each of its values is the target of a check of this kind. */
  readonly checksOf?: KindName;
  /** It is the timeout of checks of this kind. */
  readonly timeoutOf?: KindName;
  /** Absent from a config file. */
  readonly commandLineOnly?: boolean;
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

const define = <T>(option: OptionDef<T>): OptionDef<T> => option;

export const OPTIONS = {
  port: define({
    field: address,
    value: "PORT",
    checksOf: "tcp",
    repeatable: true,
    help: "check that a TCP port accepts: `5432` (on 127.0.0.1), `host:5432`, `[::1]:5432`, `unix:/path`",
  }),
  script: define({
    field: command,
    value: "COMMAND",
    checksOf: "script",
    repeatable: true,
    help: "check that a command exits 0; split into words as a shell does, without a shell",
  }),
  config: define({
    field: text("the path of a file"),
    value: "FILE",
    help: "a YAML file of options and checks; options on the command line win over it",
    commandLineOnly: true,
  }),
  "script-timeout": define({
    field: duration,
    value: "N",
    default: TIMEOUT,
    timeoutOf: "script",
    help: "how long a script may take: seconds, or `500ms`, `10s`, `1m`",
  }),
  "port-timeout": define({
    field: duration,
    value: "N",
    default: TIMEOUT,
    timeoutOf: "tcp",
    help: "how long a port may take to accept: seconds, or `500ms`, `10s`, `1m`",
  }),
  interval: define({
    field: interval,
    value: "D",
    help: "run the checks in the background every D, and answer from their results; else a request runs them",
  }),
  deadline: define({
    field: duration,
    value: "D",
    conditionalDefault: DEADLINE,
    help: `answer a request within D; a check that has not finished by then counts as failed. Default: \`${DEADLINE}\`; for the host, and for each endpoint, none where a check on request that decides it has a timeout above ${formatDuration(DEFAULT_TIMEOUT_MS)}`,
  }),
  singleflight: define({ field: flag, help: "concurrent requests share one round of checks" }),
  "max-rounds": define({
    field: wholeNumber(1, MOST_ROUNDS),
    value: "N",
    default: "16",
    help: "at most N runs of one check are under way for requests; those beyond share the next",
  }),
  listener: define({
    field: listenAddress,
    value: "HOST:PORT",
    default: "0.0.0.0:5000",
    help: "where health requests are answered; `0.0.0.0:P` and `:P` are every address, v4 and v6; `unix:/path`",
  }),
  "max-connections": define({
    field: wholeNumber(1, MOST_CONNECTIONS),
    value: "N",
    help: "at most N connections to the health listener; beyond that the longest idle is closed. Default: half of the descriptor limit, at most 4096",
  }),
  "failure-status": define({
    field: wholeNumber(400, 599),
    value: "CODE",
    default: "504",
    help: "the HTTP status when a check fails, 400 to 599",
  }),
  "drain-delay": define({
    field: delay,
    value: "D",
    default: "0",
    help: "on SIGTERM answer unhealthy for D before closing, so that the load balancer looks elsewhere; a second signal cuts it short, SIGINT never drains",
  }),
  "control-socket": define({
    field: listenPath,
    value: "PATH",
    help: "a unix socket, for its owner alone, that `status`, `reload`, `drain`, `undrain` and `maint` talk to",
  }),
  "state-directory": define({
    field: absolutePath,
    value: "DIR",
    help: "the folder where drain, maintenance and running scripts are saved, for the next start of the daemon; by default the first of `RUNTIME_DIRECTORY`, else none",
  }),
  "agent-listener": define({
    field: listenAddress,
    value: "HOST:PORT",
    help: "where HAProxy's agent-check is answered: `up`, `down #database timeout`, `drain`, `maint`, and `stopped #…` on SIGTERM with --drain-delay",
  }),
  "log-level": define({
    field: logLevel,
    value: "LEVEL",
    default: "info",
    help: "`panic`, `fatal`, `error`, `warning`, `info` or `debug`",
  }),
  "log-format": define({
    field: logFormat,
    value: "F",
    help: "`text`, `json` or `journal` (text with priorities, without times); `journal` where stdout is systemd's journal, else `text`, unless said",
  }),
  help: define({
    field: flag,
    short: "h",
    help: "show this help and exit; so does no argument at all",
    commandLineOnly: true,
  }),
  version: define({ field: flag, short: "v", help: "show the version and exit", commandLineOnly: true }),
} as const;

export type OptionName = keyof typeof OPTIONS;

/** The type of an option's value. */
export type OptionValue<Name extends OptionName> = (typeof OPTIONS)[Name] extends OptionDef<infer T> ? T : never;

export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[];

/** The option with this name, or with this single letter. */
export function optionNamed(name: string): OptionName | undefined {
  return OPTION_NAMES.find((option) => option === name || (OPTIONS[option] as OptionDef<unknown>).short === name);
}

export const optionDef = (name: OptionName): OptionDef<unknown> => OPTIONS[name] as OptionDef<unknown>;

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
