// argv → raw values, or every problem at once. Strict: what it does not know is
// an error, and so is a second value where one is expected: which of them counts is not
// for the program to guess. -port, --port=80 and --singleflight=false work as they did upstream.

import type { RawValues } from "../config/command-line.ts";
import { OPTIONS, type OptionDef, optionNamed } from "../config/options.ts";
import type { Problem } from "../config/problem.ts";
import { duration } from "../fields/field.ts";
import { didYouMean } from "../text/did-you-mean.ts";
import { listFirstTwo } from "../text/list.ts";
import { quoteWhole } from "../text/printable.ts";

/** Both: the values that could be read, and what is wrong with the rest. */
export interface Parsed {
  readonly values: RawValues;
  readonly problems: readonly Problem[];
}

/** What a first word may be. */
export const COMMAND_NAMES = [
  "help",
  "version",
  "check",
  "explain",
  "validate",
  "schema",
  "unit",
  "status",
  "reload",
  "drain",
  "undrain",
  "maint",
] as const;

/** -port, --port, --port=80: one dash or two, a name, perhaps a value. */
const OPTION = /^--?([^=\s-][^=]*)(?:=([\s\S]*))?$/;

/** Options that a command has beside the daemon's. */
export type OwnOptions = Readonly<Record<string, OptionDef<unknown>>>;

/** `argv` is what follows the name of the program, or of the command whose `own` options count too. */
export const parseCommandLine = (argv: readonly string[], own: OwnOptions = {}): Promise<Parsed> =>
  parse(argv, { ...OPTIONS, ...own });

/** `argv` is what follows the name of a command that starts no daemon: its `own` options are all there are. */
export const parseOwnOptions = (command: string, argv: readonly string[], own: OwnOptions): Promise<Parsed> =>
  parse(argv, own, command);

/** `command` is one whose options are none of the daemon's. */
async function parse(argv: readonly string[], known: OwnOptions, command?: string): Promise<Parsed> {
  const named = (name: string) =>
    Object.hasOwn(known, name) ? name : Object.keys(known).find((option) => known[option]?.short === name);
  /** Whether `word` is a known option: then it is not the value of the one before. */
  const namesOption = (word: string) => named(OPTION.exec(word)?.[1] ?? "") !== undefined;
  const explain = async (name: string): Promise<string> => {
    if (command !== undefined && optionNamed(name) !== undefined) {
      return `expected an option of ${command}, got one of the daemon`;
    }
    return `unknown option${await hintAt(name)}`;
  };
  const hintAt = async (name: string) => {
    const { meantByOption, meantElsewhere } = await import("./synonyms.ts");
    const meant = meantElsewhere(command, name) ?? meantByOption(name, Object.keys(known));
    if (meant !== undefined) return `; ${meant}`;
    const near = await didYouMean(name, Object.keys(known));
    return near === undefined ? "" : `; did you mean --${near}?`;
  };
  /** What an unexpected argument was most likely meant as. */
  const meantBy = async (word: string, isFirst: boolean): Promise<string | undefined> => {
    if (Object.hasOwn(known, "for") && "value" in duration.read(word)) {
      return `did you mean --for ${word}?`;
    }
    if (!isFirst) return undefined;
    const { meantByCommand, meantByValue, meantElsewhere } = await import("./synonyms.ts");
    const meant = meantElsewhere(command, word) ?? meantByValue(word, Object.keys(known)) ?? meantByCommand(word);
    const near = meant === undefined ? await didYouMean(word, COMMAND_NAMES) : undefined;
    return meant ?? (near && `did you mean ${near}?`);
  };
  const values: Record<string, string[]> = {};
  const problems: Problem[] = [];
  const add = (name: string, value: string) => {
    values[name] ??= [];
    values[name].push(value);
  };
  /** What the word before was, where that explains an unexpected argument. */
  let before: string | undefined;
  let onlyWords = false;
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word === "--" && !onlyWords) {
      onlyWords = true;
      before = undefined;
      continue;
    }
    const [, name, inline] = (!onlyWords && OPTION.exec(word)) || [];
    if (name === undefined) {
      // The word after an option that is not known was most likely its value.
      if (before !== "unknown") {
        const meant = await meantBy(word, index === 0);
        const repeatable = before !== undefined && known[before]?.repeatable;
        const hint = repeatable ? `; repeat --${before} for each` : "";
        problems.push(`${strayWord(word)}${hint}${meant === undefined ? "" : `; ${meant}`}`);
      }
      before = undefined;
      continue;
    }
    const option = named(name);
    if (option === undefined) {
      const problem = `${printable(word.replace(/=.*$/s, ""))}: ${await explain(name)}`;
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
    const next = argv[index + 1];
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
function findRepeated(values: RawValues, known: OwnOptions): readonly Problem[] {
  return Object.entries(values).flatMap(([name, texts = []]) => {
    const { repeatable, value } = known[name] ?? {};
    const given = value === undefined ? [...new Set(texts)] : texts;
    if (repeatable || given.length < 2) return [];
    return [`--${name}: expected once, got ${listFirstTwo(given.map(quoteWhole))}`];
  });
}

const strayWord = (word: string): Problem => `unexpected argument ${quoteWhole(word)}`;

/** On one line whatever it holds. */
const printable = (word: string): string => (/^[!-~]+$/.test(word) ? word : quoteWhole(word));
