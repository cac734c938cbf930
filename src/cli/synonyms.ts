// What other programs call what this one has: the answer to a word or an option that is not known.

import { address, duration } from "../fields/field.ts";

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  check: ["test", "probe", "once", "healthcheck", "health-check"],
  validate: ["lint", "verify", "configtest", "check-config"],
  status: ["health", "state", "info", "list"],
  drain: ["disable"],
  undrain: ["enable", "resume"],
  maint: ["maintenance", "downtime"],
};

/** The daemon is no command: it starts where options are given. */
const STARTS = ["start", "run", "serve", "server", "daemon"];

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  config: ["c", "f", "file", "conf", "config-file"],
  port: ["p", "tcp"],
  script: ["s", "cmd", "command", "exec"],
  listener: ["l", "listen", "bind", "address", "addr"],
  "log-level": ["log", "loglevel", "level", "verbose"],
  "control-socket": ["socket"],
  for: ["duration", "time"],
  output: ["o", "out"],
  version: ["v"],
};

/** The end of a line about a first word that is no command; undefined where nothing is known. */
export function meantByCommand(word: string): string | undefined {
  const lower = word.toLowerCase();
  if (STARTS.includes(lower)) return "the daemon starts without a command, as in health-checker --port 5432";
  if (lower === "stop" || lower === "restart") return "the service manager does that, as in systemctl restart";
  const name = nameOf(COMMANDS, lower);
  return name && `did you mean ${name}?`;
}

/** The same about an option, where `known` are. */
export function meantByOption(given: string, known: readonly string[]): string | undefined {
  const lower = given.toLowerCase();
  if (lower === "timeout" && known.includes("port-timeout")) return "did you mean --port-timeout or --script-timeout?";
  if (lower === "debug" && known.includes("log-level")) return "did you mean --log-level debug?";
  if (lower === "output" && known.includes("port")) return "health-checker unit has it";
  const name = nameOf(OPTIONS, lower);
  return name !== undefined && known.includes(name) ? `did you mean --${name}?` : undefined;
}

/** What a word, or an option's name, means that a command which talks to the daemon does not take. */
export function meantElsewhere(command: string | undefined, word: string): string | undefined {
  if (command === "drain" && (word === "for" || word === "duration")) return "did you mean maint --for?";
  if (command === "drain" && "value" in duration.read(word)) return `did you mean maint --for ${word}?`;
  if (command === "reload" && CONFIG_FILE.test(word)) return "the daemon reads again the file that it was started with";
  return undefined;
}

/** What a word means that is no option's value: a config file, or something to check. */
export function meantByValue(word: string, known: readonly string[]): string | undefined {
  if (known.includes("config") && CONFIG_FILE.test(word)) return `did you mean --config ${word}?`;
  if (known.includes("port") && /^[!-~]+$/.test(word) && "value" in address.read(word)) {
    return `did you mean --port ${word}?`;
  }
  return undefined;
}

const CONFIG_FILE = /^[!-~]+\.(ya?ml|json)$/i;

const nameOf = (table: Readonly<Record<string, readonly string[]>>, word: string): string | undefined =>
  Object.keys(table).find((name) => table[name]?.includes(word));
