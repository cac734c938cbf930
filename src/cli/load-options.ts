// Parsed words → the options of a daemon, or their problems.

import { loadOptions, NO_CHECK, type Options } from "../config/load.ts";
import type { Problem } from "../config/problem.ts";
import type { SecretFallback } from "../config/secrets.ts";
import { onOneLine } from "../text/printable.ts";
import type { Environment } from "./io.ts";
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

/** A problem in the config file begins with its place, any other gets the name of the program. */
export function formatProblems(problems: readonly Problem[], { values }: Parsed): readonly string[] {
  const file = values["config"]?.at(-1);
  return problems.map((problem) =>
    file !== undefined && problem.startsWith(`${onOneLine(file)}:`) ? problem : `health-checker: ${problem}`,
  );
}
