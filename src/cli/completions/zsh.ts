// The completions for zsh: tables for _arguments, then script.zsh.

import { version } from "../../text/version.ts";
import type { Completed, CompletedCommand, CompletedOption } from "./grammar.ts";
import script from "./script.zsh" with { type: "text" };

export const renderZsh = (
  daemon: readonly CompletedOption[],
  commands: readonly CompletedCommand[],
): string => `#compdef health-checker
# zsh completion for health-checker v${version}

_health-checker() {
  local curcontext=$curcontext program=$words[1]
  local -a daemon commands specs
  daemon=(
${specsOf(daemon)}
  )
  if ((CURRENT == 2)); then
    commands=(
${commands.map(({ name, summary }) => `      ${quote(`${name}:${summary}`)}`).join("\n")}
    )
    _arguments : $daemon '1:command:{_describe -t commands command commands}'
    return
  fi
  case $words[2] in
${commands.map(renderCommand).join("\n")}
    *)
      _arguments : $daemon
      return
      ;;
  esac
  shift words
  ((CURRENT--))
  _arguments : $specs
}
${script}`;

function renderCommand({ name, options, takesDaemonOptions, argument }: CompletedCommand): string {
  const rest = [
    ...(takesDaemonOptions ? ["$daemon"] : []),
    ...(argument ? [quote(`1:argument:${actionOf(argument)}`)] : []),
  ];
  return `    ${name})
      specs=(
${[specsOf(options), ...rest]
  .filter(Boolean)
  .map((line) => line.replaceAll(/^ */gm, "        "))
  .join("\n")}
      )
      ;;`;
}

const specsOf = (options: readonly CompletedOption[]): string =>
  options.map((option) => `    ${specOf(option)}`).join("\n");

function specOf({ name, short, summary, value, isRepeatable }: CompletedOption): string {
  const explained = `[${summary.replaceAll(/[[\]\\]/g, "\\$&")}]`;
  if (short !== undefined) return `${quote(`(-${short} --${name})`)}{-${short},--${name}}${quote(explained)}`;
  const head = `${isRepeatable ? "*" : ""}--${name}`;
  if (!value) return quote(`${head}${explained}`);
  const { placeholder, completed, isOptional } = value;
  const message = placeholder.replaceAll(":", "\\:");
  return quote(`${head}=${explained}${isOptional ? "::" : ":"}${message}:${actionOf(completed)}`);
}

function actionOf(completed: Completed): string {
  switch (completed) {
    case "checks":
      return "_health-checker_checks";
    case "files":
      return "_files";
    case "folders":
      return "_files -/";
    // Only the message is shown.
    case "nothing":
      return " ";
    default:
      return `(${completed.join(" ")})`;
  }
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
