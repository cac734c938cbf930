// validate FILE [options]: reports everything that would keep the daemon from starting, and warns of what is risky.
// Options count as they do for the daemon.

import { OPTIONS } from "../../config/options.ts";
import { type CommandInput, command } from "../command.ts";
import { print, refuse } from "../io.ts";
import { formatProblems, loadOptionsFor } from "../load-options.ts";
import { isOn, parse } from "../parse.ts";

export const validate = command({
  meta: { name: "validate", description: "report every problem of a config file, and warn of what is risky" },
  synonyms: ["lint", "verify", "configtest", "check-config"],
  usage: "FILE [options]",
  options: OPTIONS,
  run,
});

async function run({ args, grammar, env, io }: CommandInput): Promise<number> {
  const [first, ...rest] = args;
  const parsed = await parse(
    first === undefined || first.startsWith("-") ? args : ["--config", first, ...rest],
    grammar,
  );
  if (isOn(parsed, "help")) return print(io, HELP);
  const file = parsed.values["config"]?.at(-1);
  if (file === undefined && parsed.problems.length === 0) {
    return refuse(io, ["health-checker: validate: expected a config file, got none"]);
  }
  const options = await loadOptionsFor(parsed, env);
  if (!("listener" in options)) return refuse(io, formatProblems(options, parsed));
  for (const warning of options.warnings) io.warning(warning);
  const { length } = options.checks;
  return print(io, `${file}: good, ${length} ${length === 1 ? "check" : "checks"}`);
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
