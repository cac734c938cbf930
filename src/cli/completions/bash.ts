// The completions for bash 3.2 and later, with or without the package bash-completion: tables, then script.bash.

import { version } from "../../text/version.ts";
import type { Completed, CompletedCommand, CompletedOption } from "./grammar.ts";
import script from "./script.bash" with { type: "text" };

export const renderBash = (
  daemon: readonly CompletedOption[],
  commands: readonly CompletedCommand[],
): string => `# bash completion for health-checker v${version}
# shellcheck shell=bash

# What is completed is ":files", ":folders", ":checks", ":nothing", or a list of words.

_health_checker_commands='${commands.map(({ name }) => name).join(" ")}'

# The options of the command $1; of the daemon if that is empty.
_health_checker_options() {
  local daemon='${namesOf(daemon)}'
  case $1 in
    '') what=$daemon ;;
${commands.map(({ name, options, takesDaemonOptions }) => `    ${name}) what="${[namesOf(options), takesDaemonOptions && "$daemon"].filter(Boolean).join(" ")}" ;;`).join("\n")}
  esac
}

# The value of an option: $1 is the command, a blank and the option. A flag has none.
_health_checker_value() {
  case $1 in
${[...casesOf(commands.flatMap(({ name, options }) => valuesOf(`'${name} `, options))), ...casesOf(valuesOf("*' ", daemon))].join("\n")}
  esac
}

# The argument of the command $1.
_health_checker_argument() {
  case $1 in
${casesOf(commands.flatMap(({ name, argument }) => (argument ? [[name, wordsOf(argument)]] : []))).join("\n")}
  esac
}

${script}`;

type Case = readonly [pattern: string, what: string];

const namesOf = (options: readonly CompletedOption[]): string => options.map(({ name }) => `--${name}`).join(" ");

const valuesOf = (start: string, options: readonly CompletedOption[]): readonly Case[] =>
  options.flatMap(({ name, value }): readonly Case[] =>
    value ? [[`${start}--${name}'`, wordsOf(value.completed)]] : [],
  );

const wordsOf = (completed: Completed): string =>
  typeof completed === "string" ? `:${completed}` : completed.join(" ");

/** One for each result. */
const casesOf = (cases: readonly Case[]): readonly string[] =>
  Array.from(
    Map.groupBy(cases, ([, what]) => what),
    ([what, group]) => `    ${group.map(([pattern]) => pattern).join(" | ")}) what='${what}' ;;`,
  );
