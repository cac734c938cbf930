// Reads the values of the command line's options by their fields.

import { quoteWhole } from "../text/printable.ts";
import { OPTION_NAMES, type OptionDef, type OptionName, optionDef } from "./options.ts";
import type { Problem } from "./problem.ts";

/** The values of each option as written, in order. The parser refuses a second value where one is expected. */
export type RawValues = Readonly<Partial<Record<string, readonly string[]>>>;

export interface CommandLine {
  readonly values: Readonly<Partial<Record<OptionName, readonly unknown[]>>>;
  readonly problems: readonly Problem[];
  /** The options with a value that could not be read. */
  readonly invalid: ReadonlySet<string>;
}

export function readCommandLine(raw: RawValues): CommandLine {
  const values: Record<string, readonly unknown[]> = {};
  const problems: Problem[] = [];
  const invalid = new Set<string>();
  for (const name of OPTION_NAMES) {
    const read = readTexts(name, optionDef(name), raw[name]);
    if (read.values.length > 0) values[name] = read.values;
    if (read.problems.length > 0) invalid.add(name);
    problems.push(...read.problems);
  }
  return { values, problems, invalid };
}

/** Reads the values of one option. */
export function readTexts<T>(
  name: string,
  { field, repeatable }: OptionDef<T>,
  texts: readonly string[] = [],
): { readonly values: readonly T[]; readonly problems: readonly Problem[] } {
  const values: T[] = [];
  const problems = new Set<Problem>();
  for (const text of texts) {
    const read = field.read(text);
    if ("value" in read) {
      values.push(read.value);
      continue;
    }
    const isList = repeatable && partsOf(text).every((part) => "value" in field.read(part));
    const { expected = field.expected } = read;
    const hint = isList ? `repeat --${name} for each` : read.hint;
    problems.add(`--${name}: expected ${expected}, got ${quoteWhole(text)}${hint ? ` (${hint})` : ""}`);
  }
  return { values, problems: [...problems] };
}

/** The parts of a list such as `80,443`, or the start of a range such as `80-90`; any other text is one part. */
function partsOf(text: string): readonly string[] {
  const parts = text
    .replace(/(\d)-\d+$/, "$1")
    .split(/[\s,]+/)
    .filter(Boolean);
  return parts.length === 0 ? [text] : parts;
}
