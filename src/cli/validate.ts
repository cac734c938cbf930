// validate FILE [options]: everything that would keep the daemon from starting, and
// what is unwise about the rest. Options count as they would for the daemon.

import type { Action } from "./action.ts";
import { renderHelp } from "./help.ts";
import { parseCommandLine } from "./parse.ts";
import { type Environment, refuse, settle } from "./settle.ts";

export async function validate(rawArgs: readonly string[], env: Environment): Promise<Action> {
  const [first, ...rest] = rawArgs;
  const parsed = await parseCommandLine(
    first === undefined || first.startsWith("-") ? rawArgs : ["--config", first, ...rest],
  );
  if (parsed.values["help"]?.at(-1) === "true") return { kind: "print", text: renderHelp() };
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
    cautions: options.cautions,
  };
}
