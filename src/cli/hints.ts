// What a mistyped word most likely means: a similar name, or the name of the same thing in other programs. Each hint is
// the end of a line, or undefined. Loaded only after an error.

import { optionNamed } from "../config/options.ts";
import { address, duration } from "../fields/field.ts";
import { didYouMean } from "../text/did-you-mean.ts";
import type { Grammar } from "./parse.ts";

/** A command, and what other programs call it. */
export interface CommandName {
  readonly name: string;
  readonly synonyms: readonly string[];
}

/** Commands that start the daemon of other programs; this one starts without a command. */
const START_COMMANDS = ["start", "run", "serve", "server", "daemon"];

const OPTION_SYNONYMS: Readonly<Record<string, readonly string[]>> = {
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

const CONFIG_FILE = /^[!-~]+\.(ya?ml|json)$/i;

/** Reports that an option is unknown, with a hint. */
export async function describeUnknownOption(name: string, { options, command }: Grammar): Promise<string> {
  if (command !== undefined && optionNamed(name) !== undefined) {
    return `not an option of ${command}; it is an option of the daemon`;
  }
  const known = Object.keys(options);
  const near = async () => {
    const option = await didYouMean(name, known);
    return option && `did you mean --${option}?`;
  };
  const hint = hintElsewhere(command, name) ?? hintForOption(name, known) ?? (await near());
  return hint === undefined ? "unknown option" : `unknown option; ${hint}`;
}

/** A command that follows options; undefined for any other word. `option` is the first option before it. */
export async function hintForLateCommand(
  word: string,
  option: string | undefined,
  { command, commands }: Grammar,
): Promise<string | undefined> {
  if (command !== undefined || !(await commands()).some(({ name }) => name === word)) return undefined;
  return `commands come first: health-checker ${word}${option === undefined ? "" : ` --${option} ...`}`;
}

/** For an argument that follows no option. */
export async function hintForArgument(
  word: string,
  isFirst: boolean,
  { options, command, commands }: Grammar,
): Promise<string | undefined> {
  if (Object.hasOwn(options, "for") && "value" in duration.read(word)) return `did you mean --for ${word}?`;
  if (!isFirst) return undefined;
  const hint = hintElsewhere(command, word) ?? hintForValue(word, Object.keys(options));
  return hint ?? hintForCommand(word, await commands());
}

async function hintForCommand(word: string, commands: readonly CommandName[]): Promise<string | undefined> {
  const lower = word.toLowerCase();
  if (START_COMMANDS.includes(lower)) return "to start the daemon, give options only: health-checker --port 5432";
  if (lower === "stop" || lower === "restart") return `use the service manager: systemctl ${lower} health-checker`;
  const names = commands.map(({ name }) => name);
  const name = commands.find(({ synonyms }) => synonyms.includes(lower))?.name ?? (await didYouMean(word, names));
  return name && name !== word ? `did you mean ${name}?` : undefined;
}

function hintForOption(given: string, known: readonly string[]): string | undefined {
  const lower = given.toLowerCase();
  if (lower === "timeout" && known.includes("port-timeout")) return "did you mean --port-timeout or --script-timeout?";
  if (lower === "debug" && known.includes("log-level")) return "did you mean --log-level debug?";
  if (lower === "output" && known.includes("port")) return "it is an option of health-checker unit";
  const name = Object.keys(OPTION_SYNONYMS).find((option) => OPTION_SYNONYMS[option]?.includes(lower));
  return name !== undefined && known.includes(name) ? `did you mean --${name}?` : undefined;
}

/** For a word or an option name that belongs to another command, or to no command. */
function hintElsewhere(command: string | undefined, word: string): string | undefined {
  if (command === "drain" && (word === "for" || word === "duration")) return "did you mean maint --for?";
  if (command === "drain" && "value" in duration.read(word)) return `did you mean maint --for ${word}?`;
  if (command === "reload" && CONFIG_FILE.test(word)) return "reload reads the file that the daemon was started with";
  return undefined;
}

/** For a value without its option: a config file, or something to check. */
function hintForValue(word: string, known: readonly string[]): string | undefined {
  if (known.includes("config") && CONFIG_FILE.test(word)) return `did you mean --config ${word}?`;
  if (known.includes("port") && /^[!-~]+$/.test(word) && "value" in address.read(word)) {
    return `did you mean --port ${word}?`;
  }
  return undefined;
}
