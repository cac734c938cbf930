// Parsed words → the options of a daemon, or the lines that say why there is none.

import { loadOptions, NO_CHECK, type Options } from "../config/load.ts";
import type { Problem } from "../config/problem.ts";
import type { SecretFallback } from "../config/secrets.ts";
import { onOneLine } from "../text/printable.ts";
import type { Action } from "./action.ts";
import type { Parsed } from "./parse.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The options, or the problems of the words and of their values together. */
export async function settle(
  { values, problems }: Parsed,
  env: Environment,
  standIn?: SecretFallback,
): Promise<Options | readonly Problem[]> {
  const options = await loadOptions(values, env, standIn);
  if (problems.length === 0) return options;
  const all = [...problems, ...("listener" in options ? [] : options)];
  // That there is no check is news only where nothing else is wrong.
  return all.filter((problem) => !problem.endsWith(NO_CHECK));
}

export const refuse = (problems: readonly Problem[], parsed: Parsed): Action => ({
  kind: "refuse",
  lines: toLines(problems, parsed),
});

/** The same words once more, and what their files hold by now. */
export async function reread(parsed: Parsed, env: Environment): Promise<Options | readonly string[]> {
  const options = await settle(parsed, env);
  return "listener" in options ? options : toLines(options, parsed);
}

/** What stands in a file already says where; the rest is this program's to say. */
function toLines(problems: readonly Problem[], { values }: Parsed): readonly string[] {
  const file = values["config"]?.at(-1);
  return problems.map((problem) =>
    file !== undefined && problem.startsWith(`${onOneLine(file)}:`) ? problem : `health-checker: ${problem}`,
  );
}
