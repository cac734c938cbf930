// What of a script's text only a shell understands. A script runs without one, so that all of it
// reaches the program as plain text. What is quoted or escaped is plain text for a shell too.

import { maskQuoted } from "../words.ts";

export interface ShellSyntax {
  /** As they are written, each once: `|`, `2>&1`, `$HOME`; of `NAME=value` only `NAME=`, since the value may be a secret. */
  readonly operators: readonly string[];
  /** Lines of which each begins with the name of a program; an option, a URL or a number is an argument. */
  readonly severalCommands: boolean;
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

/** What looks like an operator and is meant as it stands: within the query or the path of a URL, and the end of what `find` runs. */
const PLAIN = [
  /(?<=[^\s$]\?[^\s|<>]*)(?<!&)[&;](?=[\w%.~-])/g,
  /(?<=:\/\/[^\s|<>]*);(?=\w+=)/g,
  /(?<=\s-(?:exec|ok)(?:dir)?\s[^;|&]*\s);(?=\s|$)/g,
];

const ARGUMENT = /^(?:-|\d+$|\S*:\/\/|\0)/;

/** For a text that can be split into words. */
export function findShellSyntax(text: string): ShellSyntax {
  const plain = PLAIN.reduce((masked, meant) => masked.replace(meant, "\0"), maskQuoted(text));
  const operators = (plain.match(OPERATORS) ?? []).map((operator) => operator.trim());
  return { operators: [...new Set(operators)], severalCommands: hasSeveralCommands(plain) };
}

function hasSeveralCommands(plain: string): boolean {
  const lines = plain
    // A pipeline goes on in the next line.
    .replaceAll(/(?<=[|&])[ \t]*\n|\n(?=[ \t]*(?:\||&&))/g, " ")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.slice(1).some((line) => !ARGUMENT.test(line));
}
