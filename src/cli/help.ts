// The help of the program and of each command, for a terminal of 80 columns.

import { OPTION_GROUPS, OPTION_NAMES, OPTIONS, type OptionGroup, optionDef } from "../config/options.ts";
import type { Command, CommandHelp, OptionHelp } from "./command.ts";

const COLUMNS = 80;
const INDENT = "      ";

/** The last line of the usage of a command that takes the options of the daemon. */
export const DAEMON_OPTIONS = "health-checker --help lists the options of the daemon.";

/** What exit status 2 means for a command that takes the options of the daemon. */
export const USAGE_ERROR = "an error on the command line or in the config file";

/** Command lines of the daemon; the name of the program is added. */
export const EXAMPLES: readonly string[] = [
  "--port 5432 --port 3306",
  '--listener 0.0.0.0:6000 \\\n    --script "/usr/local/bin/zk-check.sh --port 2181" --script-timeout 4s',
  "--config /etc/health-checker/config.yaml --interval 10s",
  "check --config /etc/health-checker/config.yaml",
];

export const TIMEOUT_NOTE =
  "Keep the timeouts of the checks below the timeout of the load balancer. The timeout of an AWS ALB is 5 s by default.";

/** Of the daemon and of all commands. */
export const EXIT_STATUS: CommandHelp["exitStatus"] = {
  0: "healthy or done",
  1: "not healthy, or failed (for example: the daemon cannot listen)",
  2: USAGE_ERROR,
  3: "cannot tell: no daemon answers status",
};

/** The help of the program. */
export const renderHelp = (
  commands: readonly Command[],
): string => `health-checker runs health checks on this host and answers HTTP requests:
200 OK if all checks pass, else 504.

Usage: health-checker [OPTIONS]             start the daemon
       health-checker COMMAND [OPTIONS]     run a command

Commands:
${listCommands(commands)}

health-checker COMMAND --help shows the help of a command.

${OPTION_GROUPS.map((group) => `${group}:\n${renderGroup(group)}`).join("\n\n")}

Examples:
${EXAMPLES.map((words) => `  health-checker ${words}`).join("\n")}

${wrap(TIMEOUT_NOTE)}

${renderExitStatus(EXIT_STATUS)}`;

function listCommands(commands: readonly Command[]): string {
  const heads = commands.map(({ meta: { name }, required }) => (required ? `${name} ${required}` : name));
  const width = Math.max(...heads.map((head) => head.length));
  return commands.map(({ meta }, index) => `  ${heads[index]?.padEnd(width)}  ${meta.description}`).join("\n");
}

const renderGroup = (group: OptionGroup): string =>
  OPTION_NAMES.filter((name) => OPTIONS[name].group === group)
    .map((name) => renderOption(name, optionDef(name)))
    .join("\n");

/** The help of one command. */
export function renderCommandHelp({ meta: { name }, help }: Command): string {
  const { usage, about, options = {}, notes = [], examples, exitStatus } = help;
  const program = `health-checker ${name}`;
  return [
    ...about.map((paragraph) => wrap(paragraph)),
    usage.map((words, index) => `${index === 0 ? "Usage: " : "       "}${program} ${words}`.trimEnd()).join("\n"),
    ...renderOptions(options),
    ...notes.map((paragraph) => wrap(paragraph)),
    [
      examples.length === 1 ? "Example:" : "Examples:",
      ...examples.map((words) => `  ${program} ${words}`.trimEnd()),
    ].join("\n"),
    renderExitStatus(exitStatus),
  ].join("\n\n");
}

function renderOptions(options: Readonly<Record<string, OptionHelp>>): readonly string[] {
  const entries = Object.entries(options);
  return entries.length === 0
    ? []
    : [["Options:", ...entries.map(([name, option]) => renderOption(name, option))].join("\n")];
}

function renderExitStatus(statuses: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(statuses).map((status) => status.length));
  const lines = Object.entries(statuses).map(([status, meaning]) =>
    wrap(`${status.padEnd(width)}  ${meaning}`, "  ", " ".repeat(width + 4)),
  );
  return ["Exit status:", ...lines].join("\n");
}

/** The name and value of an option, with its help below. */
export function renderOption(name: string, { short, value, help, repeatable, default: fallback }: OptionHelp): string {
  const head = `  ${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`;
  const sentences = [help.replaceAll("`", ""), repeatable && "Repeatable.", fallback && `Default: ${fallback}.`];
  return `${head}\n${wrap(sentences.filter(Boolean).join(" "), INDENT)}`;
}

function wrap(text: string, indent = "", hanging = indent): string {
  const [first = "", ...rest] = text.split(" ");
  const lines = [indent + first];
  for (const word of rest) {
    const longer = `${lines.at(-1)} ${word}`;
    if (longer.length > COLUMNS) lines.push(hanging + word);
    else lines[lines.length - 1] = longer;
  }
  return lines.join("\n");
}
