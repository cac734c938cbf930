// Reads the options of a command, and collects all problems.

import { readTexts } from "../config/command-line.ts";
import type { OptionDef } from "../config/options.ts";
import type { Problem } from "../config/problem.ts";
import type { Parsed } from "./parse.ts";

/** Reads the last value of an option; undefined if there is none, or if it is not valid. */
export type ReadOption = <T>(name: string, option: OptionDef<T>) => T | undefined;

export interface Reader {
  readonly read: ReadOption;
  /** Those of the parser, and then of each value that is read. */
  readonly problems: Problem[];
}

export function readerOf(parsed: Parsed): Reader {
  const problems = [...parsed.problems];
  const read: ReadOption = (name, option) => {
    const { values, problems: wrong } = readTexts(name, option, parsed.values[name]);
    problems.push(...wrong);
    return values.at(-1);
  };
  return { read, problems };
}
