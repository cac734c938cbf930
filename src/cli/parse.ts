// argv → raw values, or every problem at once. Strict: what it does not know is
// an error. -port, --port=80 and --singleflight=false work as they did upstream.

import { parseArgs } from "node:util";
import type { Problem, RawValues } from "../config/load.ts";
import { OPTIONS, optionNamed } from "./options.ts";

/** Both: the values that could be read, and what is wrong with the rest. */
export interface Parsed {
  readonly values: RawValues;
  readonly problems: readonly Problem[];
}

/** `argv` is what follows the name of the program. */
export async function parseCommandLine(argv: readonly string[]): Promise<Parsed> {
  const values: Record<string, string[]> = {};
  const problems: Problem[] = [];
  let words = argv;
  while (words.length > 0) words = await parseUntilSwallowed(words, values, problems);
  return { values, problems };
}

/**
 * Reads words into `values` and `problems`. Where an option without a value has
 * swallowed the next option as one, stops and returns the words from there on.
 */
async function parseUntilSwallowed(
  argv: readonly string[],
  values: Record<string, string[]>,
  problems: Problem[],
): Promise<readonly string[]> {
  const add = (name: string, value: string) => {
    values[name] ??= [];
    values[name].push(value);
  };
  let afterUnknown = -1;
  for (const token of tokenize(argv)) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      // The word after an option that is not known was most likely its value.
      if (token.index !== afterUnknown) {
        const word = JSON.stringify(argv[token.index]);
        problems.push(`${word}: expected an option, got a word that belongs to none${hint(argv, token.index)}`);
      }
      continue;
    }
    const option = optionNamed(token.name);
    if (!option) {
      const problem = `${written(argv[token.index])}: unknown option${await didYouMean(token.name)}`;
      if (!problems.includes(problem)) problems.push(problem);
      if (!token.inlineValue) afterUnknown = token.index + 1;
      continue;
    }
    // A value that is a word of its own is taken from argv, where its dashes are as given.
    const value = token.inlineValue || token.value === undefined ? token.value : argv[token.index + 1];
    if (option.type === "boolean") {
      if (value === undefined || value === "true" || value === "false") add(option.name, value ?? "true");
      else problems.push(`--${option.name}: expected true or false, got ${JSON.stringify(value)}`);
    } else if (value === undefined) {
      problems.push(`--${option.name}: expected a value (${option.value}), got none`);
    } else if (!token.inlineValue && namesOption(value)) {
      problems.push(`--${option.name}: expected a value (${option.value}), got the option ${value}`);
      return argv.slice(token.index + 1);
    } else {
      add(option.name, value);
    }
  }
  return [];
}

/** The option as it was typed, without its value; on one line whatever it holds. */
function written(word = ""): string {
  const name = word.replace(/=.*$/s, "");
  return /^[!-~]+$/.test(name) ? name : JSON.stringify(name);
}

/** `--port 80 443`: one option takes one value. */
function hint(argv: readonly string[], index: number): string {
  const before = optionNamed((argv[index - 2] ?? "").replace(/^--?/, ""));
  return before?.repeatable ? `; repeat --${before.name} for each` : "";
}

function tokenize(argv: readonly string[]) {
  const options = Object.fromEntries(
    OPTIONS.map(({ name, type, short }) => [name, short ? { type, short } : { type }]),
  );
  return parseArgs({ args: argv.map(doubleDash), options, strict: false, tokens: true, allowPositionals: true }).tokens;
}

/** -port, as Go's programs take it, and -h=false; -h and -1 stay as they are. */
const doubleDash = (word: string): string => (/^-[A-Za-z][A-Za-z=]/.test(word) ? `-${word}` : word);

function namesOption(word: string): boolean {
  const name = /^--?([A-Za-z][\w-]*)(=|$)/.exec(word)?.[1];
  return name !== undefined && OPTIONS.some((option) => option.name === name || option.short === name);
}

/** Loaded only for who mistyped. */
async function didYouMean(name: string): Promise<string> {
  const { closest, distance } = await import("fastest-levenshtein");
  const near = closest(
    name,
    OPTIONS.map((option) => option.name),
  );
  return distance(name, near) <= Math.max(2, name.length / 3) ? `; did you mean --${near}?` : "";
}
