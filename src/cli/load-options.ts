// Parsed words → the options of a daemon, or their problems.

import { loadOptions, NO_CHECK, type Options } from "../config/load.ts";
import type { Problem } from "../config/problem.ts";
import type { SecretFallback } from "../config/secrets.ts";
import { onOneLine } from "../text/printable.ts";
import { type Environment, type Io, refuse, refuseFile } from "./io.ts";
import type { Parsed } from "./parse.ts";

/** The options, or all problems of the words and of their values. */
export async function loadOptionsFor(
  { values, problems }: Parsed,
  env: Environment,
  fallback?: SecretFallback,
): Promise<Options | readonly Problem[]> {
  const options = await loadOptions(values, env, fallback);
  if (problems.length === 0) return options;
  const all = [...problems, ...("listener" in options ? [] : options)];
  // NO_CHECK may follow from another problem.
  return all.filter((problem) => !problem.endsWith(NO_CHECK));
}

/** Loads the same words again: the files that they name may have changed. */
export async function loadAgain(parsed: Parsed, env: Environment): Promise<Options | readonly string[]> {
  const options = await loadOptionsFor(parsed, env);
  return "listener" in options ? options : formatProblems(options, parsed);
}

/** Prints the problems, and where to read on unless all are in the config file. `command` has its own help. */
export function refuseOptions(io: Io, problems: readonly Problem[], parsed: Parsed, command?: string): number {
  const lines = formatProblems(problems, parsed);
  const file = configFileOf(parsed);
  const isInFile = (problem: Problem): boolean =>
    isPlacedIn(problem, file) || (file !== undefined && problem.startsWith(`cannot read ${onOneLine(file)}: `));
  return problems.every(isInFile) ? refuseFile(io, lines) : refuse(io, lines, command);
}

/** A problem in the config file begins with its place, any other gets the name of the program. */
export function formatProblems(problems: readonly Problem[], parsed: Parsed): readonly string[] {
  const file = configFileOf(parsed);
  return problems.map((problem) => (isPlacedIn(problem, file) ? problem : `health-checker: ${problem}`));
}

const configFileOf = ({ values }: Parsed): string | undefined => values["config"]?.at(-1);

const isPlacedIn = (problem: Problem, file: string | undefined): boolean =>
  file !== undefined && problem.startsWith(`${onOneLine(file)}:`);
