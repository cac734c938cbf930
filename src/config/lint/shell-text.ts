// Finds shell syntax in a script's text. A script runs without a shell, so that its program gets all of it as plain
// text. What is in single quotes or escaped is plain text for a shell too; in double quotes a shell still expands
// $NAME, $( and backticks.

import { basename } from "node:path";
import { simpleCommandsOf } from "../../text/shell-commands.ts";
import { maskPlain, maskQuoted, splitWords } from "../../text/shell-words.ts";

export interface ShellSyntax {
  /** As written, each once: `|`, `2>&1`, `$HOME`; of `NAME=value` only `NAME=`, since the value may be a secret. */
  readonly operators: readonly string[];
  /** Several lines begin with the name of a program; an option, a URL or a number is an argument. */
  readonly severalCommands: boolean;
  /** A line begins with `#`; a shell would ignore it. */
  readonly hasComment: boolean;
}

const WORD_START = String.raw`(?<![^ \t\n])`;

const OPERATORS = new RegExp(
  [
    String.raw`(?:${WORD_START}\d)?(?:&>>?|<<<|<<|[<>]&(?:\d|-)?|<>|>>|>\||[<>])`,
    String.raw`\|\||\|&|\||&&|;;|;|&`,
    String.raw`\$\(|${"`"}|\$\{[A-Za-z_]\w*\}?|\$[A-Za-z_]\w*|\$[\d?!#@$]`,
    String.raw`${WORD_START}~[\w.-]*/`,
    String.raw`^\s*[A-Za-z_]\w*\+?=`,
  ].join("|"),
  "g",
);

/** Masks what looks like an operator but is plain text: in the query or path of a URL, and the `;` after `find -exec`. */
const withoutPlain = (masked: string): string =>
  masked
    .replaceAll(/[^\s|<>]+/g, (word) =>
      maskBehind(maskBehind(word, /[^$]\?/, /(?<!&)[&;](?=[\w%.~-])/g), /:\/\//, /;(?=\w+=)/g),
    )
    .replaceAll(/(\s-(?:exec|ok)(?:dir)?\s[^;|&]{0,1000}\s);(?=\s|$)/g, "$1\0");

/** Masks what matches `plain` behind `start`. */
function maskBehind(word: string, start: RegExp, plain: RegExp): string {
  const found = start.exec(word);
  if (!found) return word;
  const from = found.index + found[0].length;
  return word.slice(0, from) + word.slice(from).replaceAll(plain, "\0");
}

const ARGUMENT = /^(?:-|\d+$|\S*:\/\/|\0)/;

/** A line of options whose last one may have its value in the next line. */
const ENDS_IN_OPTION = /^-(?:.*\s-)?[\w-]*$/;

/** `text` must be one that can be split into words. */
export function findShellSyntax(text: string): ShellSyntax {
  if (!/[|&;<>$`~=\n]/.test(text)) return { operators: [], severalCommands: false, hasComment: false };
  const plain = withoutPlain(isForInterpreter(text) ? maskQuoted(text) : maskPlain(text));
  const operators = (plain.match(OPERATORS) ?? []).map((operator) => operator.trim());
  return { operators: [...new Set(operators)], ...findLines(plain) };
}

/** Whether the script runs an interpreter, in whose text $NAME and a backtick belong to its language. */
const isForInterpreter = (text: string): boolean => {
  const words = text.includes('"') ? splitWords(text) : [];
  return typeof words !== "string" && words.some((word) => INTERPRETER.test(basename(word)) || TAKES_TEXT.test(word));
};

const TAKES_TEXT = /^(?:.*\/)?(?:[gm]?awk|jq|yq|ssh|su|runuser|psql|mysql|mariadb|mongo|mongosh|tclsh|expect)$/;

function findLines(plain: string): { readonly severalCommands: boolean; readonly hasComment: boolean } {
  const lines = plain
    // A pipeline may continue in the next line.
    .replaceAll(/(?<=[|&])[ \t]*\n|\n(?=[ \t]*(?:\||&&))/g, " ")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const commands = lines.filter((line) => !/^#(?!!)/.test(line));
  return {
    severalCommands: commands.some(
      (line, index) => index > 0 && !ARGUMENT.test(line) && !ENDS_IN_OPTION.test(commands[index - 1] ?? ""),
    ),
    hasComment: lines.length > 1 && commands.length < lines.length,
  };
}

/**
 * Finds how a script searches processes by their command lines, such as `pgrep -f`. Such a search finds every process
 * with the pattern in its command line, so the daemon too. Undefined for no such search.
 */
export function findCommandLineSearch(text: string): string | undefined {
  /** The command before that writes all command lines into the pipe, and the files that it writes them to. */
  let piped: string | undefined;
  const files = new Set<string>();
  /** A filter whose next word is `<(`. */
  let reader: string | undefined;
  for (const { words, isPiped } of commandsIn(text)) {
    const [program = "", ...more] = words;
    const name = basename(program);
    if (!isPiped) piped = undefined;
    if ((name === "pgrep" || name === "pkill") && more.some((word) => OPTION_FULL.test(word))) return `${name} -f`;
    if (isFilter(name, more)) {
      if (piped !== undefined) return `${piped} … ${name}`;
      if (more.some((word) => files.has(word))) return `ps … ${name}`;
      if (more.some((word) => COMMAND_LINES.test(word))) return `${name} … /proc/*/cmdline`;
    }
    const source = sourceOf(name, more);
    if (source !== undefined && reader !== undefined) return `${source} … ${reader}`;
    reader = isFilter(name, more) && more.at(-1) === "<" ? name : undefined;
    const file = source && more.join(" ").match(/>>?\|?\s?([^\s&>]+)/)?.[1];
    if (file) files.add(file);
    piped ??= source;
  }
  return undefined;
}

/** The name to report for a command that shows all command lines. */
function sourceOf(name: string, words: readonly string[]): string | undefined {
  if (name === "ps" && listsCommandLines(words)) return "ps";
  return words.some((word) => COMMAND_LINES.test(word)) ? "/proc/*/cmdline" : undefined;
}

const COMMAND_LINES = /\/proc\/[^/\s]*[*?[][^/\s]*\/cmdline/;

const isFilter = (name: string, words: readonly string[]): boolean =>
  FILTERS.has(name) || (name === "sed" && words.some((word) => word === "-n" || word.startsWith("/")));

const FILTERS: ReadonlySet<string> = new Set(["grep", "egrep", "fgrep", "rg", "awk", "gawk", "mawk", "perl"]);

const OPTION_FULL = /^(?:-[a-zA-Z]*f[a-zA-Z]*|--full)$/;

/** Not if `ps` shows only some processes, or only names. */
const listsCommandLines = (words: readonly string[]): boolean =>
  !words.some((word) => SELECTS_PROCESSES.test(word) || /(?:^|\W|-[a-z]*o)u?comm(?:$|\W)/.test(word));

const SELECTS_PROCESSES = /^(?:-[a-zA-Z]*[CpqP]\S*|--p?pid\b.*)$/;

/** The programs that a script runs, and the files that they interpret, as written. */
export function programsIn(text: string): readonly string[] {
  const programs = new Set<string>();
  for (const { words } of commandsIn(text)) {
    const [program = "", ...more] = words;
    programs.add(program);
    const runs = RUNNERS.has(basename(program)) || INTERPRETER.test(basename(program));
    const file =
      runs &&
      !more.some((word) => /^-\w*c$/.test(word)) &&
      more.find((word) => word.includes("/") && !word.startsWith("-"));
    if (file) programs.add(file);
  }
  return [...programs];
}

const INTERPRETER = /^(?:(?:ba|da|a|k|mk|z)?sh|python[\d.]*|perl|ruby|node|bun|deno|php|lua)$/;

interface ShellCommand {
  /** The program and its arguments, without what precedes the program. */
  readonly words: readonly string[];
  /** Whether it reads the output of the command before. */
  readonly isPiped: boolean;
}

/** The simple commands of a text as a shell reads it, and those of the texts that it passes to another shell. */
function* commandsIn(text: string): Generator<ShellCommand> {
  for (const { words, isPiped } of simpleCommandsOf(text)) {
    const argv = programOf(words.map((word) => word.text));
    yield { words: argv, isPiped };
    const inner = SHELLS.has(basename(argv[0] ?? "")) ? shellTextOf(argv.slice(1)) : undefined;
    if (inner !== undefined) yield* commandsIn(inner);
  }
}

const SHELLS: ReadonlySet<string> = new Set(["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"]);

/** Programs and keywords that run the program among their arguments. */
const RUNNERS: ReadonlySet<string> = new Set(
  "sudo doas env nice ionice timeout time nohup setsid stdbuf chrt flock runuser su busybox exec command xargs if elif while until then else do ! { (".split(
    " ",
  ),
);

const SEARCHED: ReadonlySet<string> = new Set([...SHELLS, "pgrep", "pkill", "ps"]);

/** The words from the program that is really run. */
function programOf(argv: readonly string[]): readonly string[] {
  const start = argv.findIndex((word) => !/^(?:[A-Za-z_]\w*=|[{!]$)/.test(word));
  const words = argv.slice(Math.max(start, 0));
  if (!RUNNERS.has(basename(words[0] ?? ""))) return words;
  const program = words.findIndex((word) => SEARCHED.has(basename(word)));
  return program < 0 ? words : words.slice(program);
}

/** The argument of -c, which may be among other letters: `-ec`. */
function shellTextOf(words: readonly string[]): string | undefined {
  const option = words.findIndex((word) => /^-[a-z]*c[a-z]*$/.test(word));
  return option < 0 ? undefined : words.slice(option + 1).find((word) => !word.startsWith("-"));
}
