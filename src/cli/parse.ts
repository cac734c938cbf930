// Words → raw values, or every problem at once. Strict: an unknown word is a problem, and so is a second value where
// one is expected: the program does not guess which of them counts. -port, --port=80 and --singleflight=false work as
// they did upstream.

import type { RawValues } from "../config/command-line.ts";
import type { OptionDef } from "../config/options.ts";
import type { Problem } from "../config/problem.ts";
import { listFirstTwo } from "../text/list.ts";
import { quoteWhole } from "../text/printable.ts";
import type { CommandName } from "./hints.ts";

/** The values that could be read, and the problems of the rest. */
export interface Parsed {
  readonly values: RawValues;
  /** Words that are no options, where the command takes them. */
  readonly words?: readonly string[];
  readonly problems: readonly Problem[];
}

export type OptionTable = Readonly<Record<string, OptionDef<unknown>>>;

export interface Grammar {
  readonly options: OptionTable;
  /** The command that the words follow; undefined for the daemon. */
  readonly command?: string;
  /** Words that are no options are not problems. */
  readonly takesWords?: boolean;
  /** The commands that a mistyped word may have meant. Called only after a mistake. */
  readonly commands: () => Promise<readonly CommandName[]>;
}

type Token =
  | { readonly type: "value"; readonly option: string; readonly value: string }
  | { readonly type: "missing value"; readonly option: string; readonly next: string | undefined }
  | { readonly type: "unknown option"; readonly name: string; readonly word: string; readonly hasValue: boolean }
  | { readonly type: "argument"; readonly word: string }
  /** `--`: what follows are arguments. */
  | { readonly type: "end of options" };

/** -port, --port, --port=80: one dash or two, a name, perhaps a value. */
const OPTION = /^--?([^=\s-][^=]*)(?:=([\s\S]*))?$/;

/** Whether the flag is on: --help and --help=true, not --help=false. */
export const isOn = ({ values }: Parsed, flag: string): boolean => values[flag]?.at(-1) === "true";

export async function parse(words: readonly string[], grammar: Grammar): Promise<Parsed> {
  const { options } = grammar;
  const tokens = tokenize(words, options);
  const values = valuesOf(tokens);
  const problems: Problem[] = [];
  for (const [index, token] of tokens.entries()) {
    const problem = await problemOf(token, tokens.slice(0, index), grammar);
    const isKnown = token.type === "unknown option" && problem !== undefined && problems.includes(problem);
    if (problem !== undefined && !isKnown) problems.push(problem);
  }
  const all = [...problems, ...findRepeated(values, options)];
  if (!grammar.takesWords) return { values, problems: all };
  return { values, words: tokens.flatMap((token) => (token.type === "argument" ? [token.word] : [])), problems: all };
}

function valuesOf(tokens: readonly Token[]): RawValues {
  const byOption = Map.groupBy(
    tokens.filter((token) => token.type === "value"),
    ({ option }) => option,
  );
  return Object.fromEntries(Array.from(byOption, ([option, given]) => [option, given.map(({ value }) => value)]));
}

function tokenize(words: readonly string[], options: OptionTable): readonly Token[] {
  const tokens: Token[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--") {
      const rest = words.slice(index + 1);
      return [...tokens, { type: "end of options" }, ...rest.map((word): Token => ({ type: "argument", word }))];
    }
    const next = words[index + 1];
    const token = tokenOf(word, next, options);
    tokens.push(token);
    if (token.type === "value" && takesNext(word, token.option, options)) index++;
  }
  return tokens;
}

/** `next` is the word after it, which may be its value. */
function tokenOf(word: string, next: string | undefined, options: OptionTable): Token {
  const [, name, inline] = OPTION.exec(word) ?? [];
  if (name === undefined) return { type: "argument", word };
  const option = knownOption(name, options);
  if (option === undefined) return { type: "unknown option", name, word, hasValue: inline !== undefined };
  if (!takesNext(word, option, options)) return { type: "value", option, value: inline ?? "true" };
  const isOption = next !== undefined && knownOption(OPTION.exec(next)?.[1] ?? "", options) !== undefined;
  return next === undefined || isOption
    ? { type: "missing value", option, next }
    : { type: "value", option, value: next };
}

/** Neither a flag nor an option with its value behind an equals sign. */
const takesNext = (word: string, option: string, options: OptionTable): boolean =>
  options[option]?.value !== undefined && OPTION.exec(word)?.[2] === undefined;

/** The option with this name, or with this single letter. */
const knownOption = (name: string, options: OptionTable): string | undefined =>
  Object.hasOwn(options, name) ? name : Object.keys(options).find((option) => options[option]?.short === name);

/** `earlier` are the tokens before it, which may explain an unexpected argument. */
async function problemOf(token: Token, earlier: readonly Token[], grammar: Grammar): Promise<Problem | undefined> {
  switch (token.type) {
    case "missing value": {
      const { option, next } = token;
      const got = next === undefined ? "none" : `the option ${printable(next)}`;
      return `--${option}: expected a value (${grammar.options[option]?.value}), got ${got}`;
    }
    case "unknown option": {
      const { describeUnknownOption } = await import("./hints.ts");
      return `${printable(token.word.replace(/=.*$/s, ""))}: ${await describeUnknownOption(token.name, grammar)}`;
    }
    case "argument": {
      if (grammar.takesWords) return undefined;
      const before = earlier.at(-1);
      // Most likely the value of the unknown option.
      if (before?.type === "unknown option" && !before.hasValue) return undefined;
      return describeArgument(token.word, earlier, grammar);
    }
    default:
      return undefined;
  }
}

async function describeArgument(word: string, earlier: readonly Token[], grammar: Grammar): Promise<Problem> {
  const { hintForArgument, hintForLateCommand } = await import("./hints.ts");
  const first = earlier.find((token) => token.type === "value");
  const late = await hintForLateCommand(word, first?.option, grammar);
  if (late !== undefined) return `unexpected argument ${quoteWhole(word)}; ${late}`;
  const before = earlier.at(-1);
  const hint = await hintForArgument(word, before === undefined, grammar);
  const option = before?.type === "value" ? before.option : undefined;
  const isRepeatable = option !== undefined && grammar.options[option]?.repeatable;
  return [
    `unexpected argument ${quoteWhole(word)}`,
    ...(isRepeatable ? [`repeat --${option} for each`] : []),
    ...(hint === undefined ? [] : [hint]),
  ].join("; ");
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

/** On one line, whatever the word holds. */
const printable = (word: string): string => (/^[!-~]+$/.test(word) ? word : quoteWhole(word));
