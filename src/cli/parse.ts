// Words → raw values, or every problem at once. Strict: what it does not know is
// an error, and so is a second value where one is expected: the program does not guess
// which of them counts. -port, --port=80 and --singleflight=false work as they did upstream.

import type { RawValues } from "../config/command-line.ts";
import type { OptionDef } from "../config/options.ts";
import type { Problem } from "../config/problem.ts";
import { listFirstTwo } from "../text/list.ts";
import { quoteWhole } from "../text/printable.ts";
import type { CommandName } from "./hints.ts";

/** The values that could be read, and the problems of the rest. */
export interface Parsed {
  readonly values: RawValues;
  readonly problems: readonly Problem[];
}

export type OptionTable = Readonly<Record<string, OptionDef<unknown>>>;

export interface Grammar {
  readonly options: OptionTable;
  /** The command that the words follow; undefined for the daemon. */
  readonly command?: string;
  /** What a mistyped word may have meant. Called for a mistake alone. */
  readonly commands: () => Promise<readonly CommandName[]>;
}

/** -port, --port, --port=80: one dash or two, a name, perhaps a value. */
const OPTION = /^--?([^=\s-][^=]*)(?:=([\s\S]*))?$/;

/** Whether the flag is on, as --help is by itself and --help=false is not. */
export const isOn = ({ values }: Parsed, flag: string): boolean => values[flag]?.at(-1) === "true";

export async function parse(words: readonly string[], grammar: Grammar): Promise<Parsed> {
  const { options: known } = grammar;
  const named = (name: string) =>
    Object.hasOwn(known, name) ? name : Object.keys(known).find((option) => known[option]?.short === name);
  /** Whether `word` is a known option: then it is not the value of the one before. */
  const namesOption = (word: string) => named(OPTION.exec(word)?.[1] ?? "") !== undefined;
  const values: Record<string, string[]> = {};
  const problems: Problem[] = [];
  const add = (name: string, value: string) => {
    values[name] ??= [];
    values[name].push(value);
  };
  /** The option before the word, which may explain an unexpected argument. */
  let before: string | undefined;
  let onlyWords = false;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--" && !onlyWords) {
      onlyWords = true;
      before = undefined;
      continue;
    }
    const [, name, inline] = (!onlyWords && OPTION.exec(word)) || [];
    if (name === undefined) {
      // The word after an option that is not known was most likely its value.
      if (before !== "unknown") {
        const { hintForArgument } = await import("./hints.ts");
        const hint = await hintForArgument(word, index === 0, grammar);
        const repeatable = before !== undefined && known[before]?.repeatable;
        const repeat = repeatable ? `; repeat --${before} for each` : "";
        problems.push(`${unexpectedArgument(word)}${repeat}${hint === undefined ? "" : `; ${hint}`}`);
      }
      before = undefined;
      continue;
    }
    const option = named(name);
    if (option === undefined) {
      const { describeUnknownOption } = await import("./hints.ts");
      const problem = `${printable(word.replace(/=.*$/s, ""))}: ${await describeUnknownOption(name, grammar)}`;
      if (!problems.includes(problem)) problems.push(problem);
      before = inline === undefined ? "unknown" : undefined;
      continue;
    }
    before = option;
    const value = known[option]?.value;
    if (value === undefined) {
      add(option, inline ?? "true");
      continue;
    }
    const next = words[index + 1];
    if (inline !== undefined) {
      add(option, inline);
    } else if (next === undefined || namesOption(next)) {
      const got = next === undefined ? "none" : `the option ${printable(next)}`;
      problems.push(`--${option}: expected a value (${value}), got ${got}`);
    } else {
      add(option, next);
      index++;
    }
  }
  return { values, problems: [...problems, ...findRepeated(values, known)] };
}

/** Options that may be given once and were given more often. A flag may be repeated as long as it means the same. */
function findRepeated(values: RawValues, known: OptionTable): readonly Problem[] {
  return Object.entries(values).flatMap(([name, texts = []]) => {
    const { repeatable, value } = known[name] ?? {};
    const given = value === undefined ? [...new Set(texts)] : texts;
    if (repeatable || given.length < 2) return [];
    return [`--${name}: expected once, got ${listFirstTwo(given.map(quoteWhole))}`];
  });
}

const unexpectedArgument = (word: string): Problem => `unexpected argument ${quoteWhole(word)}`;

/** On one line, whatever the word holds. */
const printable = (word: string): string => (/^[!-~]+$/.test(word) ? word : quoteWhole(word));
