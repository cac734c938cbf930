// validate FILE [options]: reports every error that would keep the daemon from starting, and warns about risky setups.
// Options have the effect that they have for the daemon.

import { OPTIONS } from "../../config/options.ts";
import { type CommandInput, command } from "../command.ts";
import { DAEMON_OPTIONS, renderCommandHelp, USAGE_ERROR } from "../help.ts";
import { print, refuse } from "../io.ts";
import { loadOptionsFor, refuseOptions } from "../load-options.ts";
import { isOn, parse } from "../parse.ts";

export const validate = command({
  meta: { name: "validate", description: "report all errors and warnings of a config file" },
  synonyms: ["lint", "verify", "configtest", "check-config"],
  required: "FILE",
  help: {
    usage: ["FILE [DAEMON OPTIONS]"],
    about: [
      "health-checker validate reports every error in a config file with line and column. It warns about risky setups, such as a critical check of a shared database: when the database fails, every host fails.",
      "Errors are in the order of the file. Warnings are printed only if there are no errors, in the same order.",
      "It runs no check and opens no listener.",
    ],
    notes: [
      `Give the same options as to the daemon. The secrets that the file names, \${file:/PATH} and \${env:NAME}, must exist.`,
      DAEMON_OPTIONS,
    ],
    examples: ["/etc/health-checker/config.yaml"],
    exitStatus: { 0: "no errors; there may be warnings", 1: "cannot write to stdout", 2: USAGE_ERROR },
  },
  options: OPTIONS,
  argument: "FILE",
  run,
});

async function run({ args, grammar, env, io }: CommandInput): Promise<number> {
  const [first, ...rest] = args;
  const parsed = await parse(
    first === undefined || first.startsWith("-") ? args : ["--config", first, ...rest],
    grammar,
  );
  if (isOn(parsed, "help")) return print(io, renderCommandHelp(validate));
  const file = parsed.values["config"]?.at(-1);
  if (file === undefined && parsed.problems.length === 0) {
    return refuse(io, ["health-checker: validate: no config file given; usage: health-checker validate FILE"]);
  }
  const options = await loadOptionsFor(parsed, env);
  if (!("listener" in options)) return refuseOptions(io, options, parsed);
  for (const warning of options.warnings) io.warning(warning);
  const { length } = options.checks;
  return print(io, `${file}: valid, ${length} ${length === 1 ? "check" : "checks"}`);
}
