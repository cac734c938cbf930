// Parsed words → the options of a daemon, or the lines that say why there are none.

import { loadOptions, NO_CHECK, type Options } from "../config/load.ts";
import type { Problem } from "../config/problem.ts";
import type { SecretFallback } from "../config/secrets.ts";
import { onOneLine } from "../text/printable.ts";
import type { Environment } from "./io.ts";
import type { Parsed } from "./parse.ts";

/** The options, or the problems of the words and of their values together. */
export async function loadOptionsFor(
  { values, problems }: Parsed,
  env: Environment,
  fallback?: SecretFallback,
): Promise<Options | readonly Problem[]> {
  const options = await loadOptions(values, env, fallback);
  if (problems.length === 0) return options;
  const all = [...problems, ...("listener" in options ? [] : options)];
  // That there is no check is news only where nothing else is wrong.
  return all.filter((problem) => !problem.endsWith(NO_CHECK));
}

/** The same words once more, with what their files hold by now. */
export async function loadAgain(parsed: Parsed, env: Environment): Promise<Options | readonly string[]> {
  const options = await loadOptionsFor(parsed, env);
  return "listener" in options ? options : linesOf(options, parsed);
}

/** A problem in a file begins with its place; any other gets the name of the program. */
export function linesOf(problems: readonly Problem[], { values }: Parsed): readonly string[] {
  const file = values["config"]?.at(-1);
  return problems.map((problem) =>
    file !== undefined && problem.startsWith(`${onOneLine(file)}:`) ? problem : `health-checker: ${problem}`,
  );
}
