// validate FILE [options]: everything that would keep the daemon from starting, and
// what is unwise about the rest. Options count as they would for the daemon.

import type { Action } from "./action.ts";
import { parseCommandLine } from "./parse.ts";
import { type Environment, refuse, settle } from "./settle.ts";

export async function validate(rawArgs: readonly string[], env: Environment): Promise<Action> {
  const [first, ...rest] = rawArgs;
  const parsed = await parseCommandLine(
    first === undefined || first.startsWith("-") ? rawArgs : ["--config", first, ...rest],
  );
  if (parsed.values["help"]?.at(-1) === "true") return { kind: "print", text: HELP };
  const file = parsed.values["config"]?.at(-1);
  if (file === undefined && parsed.problems.length === 0) {
    return { kind: "refuse", lines: ["health-checker: validate: expected a config file, got none"] };
  }
  const options = await settle(parsed, env);
  if (!("listener" in options)) return refuse(options, parsed);
  const { length } = options.checks;
  return {
    kind: "print",
    text: `${file}: good, ${length} ${length === 1 ? "check" : "checks"}`,
    cautions: options.warnings,
  };
}

const HELP = `health-checker validate tells all that is wrong with a config file, with line
and column, and what is unwise about it. It runs no check and listens on
nothing.

Usage: health-checker validate FILE [options of the daemon]

The options count as they would for the daemon; health-checker --help lists
them. Secrets that the file names, \${file:/PATH} and \${env:NAME}, must be there.

Example:
  health-checker validate /etc/health-checker.yaml

Exit status: 0 good, though it may be unwise, 2 a mistake in the file or on the
command line.`;
