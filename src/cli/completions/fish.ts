// The completions for fish: script.fish, then a line for each command and option.

import { version } from "../../text/version.ts";
import type { Completed, CompletedCommand, CompletedOption } from "./grammar.ts";
import script from "./script.fish" with { type: "text" };

/** The name of the daemon in conditions, where it stands beside those of commands. */
const DAEMON = "daemon";

export const renderFish = (
  daemon: readonly CompletedOption[],
  commands: readonly CompletedCommand[],
): string => `# fish completion for health-checker v${version}

set -g __health_checker_commands ${commands.map(({ name }) => name).join(" ")}
${script}
complete -c health-checker -f
${commands.map(({ name, summary }) => complete("__health_checker_first", `-a ${name} -d ${quote(summary)}`)).join("\n")}

${[
  ...linesOf([DAEMON, ...commands.flatMap(({ name, takesDaemonOptions }) => (takesDaemonOptions ? name : []))], daemon),
  ...commands.flatMap((command) => [...linesOf([command.name], command.options), ...argumentOf(command)]),
].join("\n")}
`;

const linesOf = (commands: readonly string[], options: readonly CompletedOption[]): readonly string[] =>
  options.map(({ name, short, summary, value }) =>
    complete(
      `__health_checker_in ${commands.join(" ")}`,
      [
        ...(short === undefined ? [] : [`-s ${short}`]),
        `-l ${name}`,
        ...(value ? [`-r ${offer(value.completed)}`] : []),
        `-d ${quote(summary)}`,
      ].join(" "),
    ),
  );

function argumentOf({ name, argument, options }: CompletedCommand): readonly string[] {
  if (!argument) return [];
  const withValue = options.flatMap(({ name, value }) => (value ? `--${name}` : []));
  const condition = `__health_checker_in ${name}; and __health_checker_lacks_argument ${withValue.join(" ")}`;
  return [complete(condition.trimEnd(), offer(argument))];
}

const complete = (condition: string, what: string): string =>
  `complete -c health-checker -n ${quote(condition)} ${what}`;

function offer(completed: Completed): string {
  switch (completed) {
    case "checks":
      return "-f -a '(__health_checker_checks)'";
    case "files":
      return "-F";
    case "folders":
      return "-f -a '(__fish_complete_directories)'";
    case "nothing":
      return "-f";
    default:
      return `-f -a ${quote(completed.join(" "))}`;
  }
}

const quote = (text: string): string => `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
