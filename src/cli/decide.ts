// argv → what is to be done.

import { loadOptions, NO_CHECK } from "../config/load.ts";
import { versionLine } from "../version.ts";
import type { Action } from "./action.ts";
import { renderHelp } from "./help.ts";
import { parseCommandLine } from "./parse.ts";

/** `argv` is what follows the name of the program. A first word without a dash names a command. */
export async function decide(argv: readonly string[]): Promise<Action> {
  const [first = "--help", ...rest] = argv;
  if (!first.startsWith("-")) {
    // Loaded only where a command is given: citty costs the daemon 4 ms and 4 MB at start.
    const { runNamedCommand } = await import("./commands.ts");
    const action = await runNamedCommand(first, rest);
    if (action) return action;
  }
  const { values, problems } = await parseCommandLine(argv);
  const wants = (name: string) => values[name]?.at(-1) === "true";
  if (argv.length === 0 || wants("help")) return { kind: "print", text: renderHelp() };
  if (wants("version")) return { kind: "print", text: versionLine() };
  const options = loadOptions(values);
  const all = [...problems, ...("listener" in options ? [] : options)];
  if ("listener" in options && all.length === 0) return { kind: "serve", options };
  // That there is no check is news only where nothing else is wrong.
  const told = all.filter((problem) => problem !== NO_CHECK);
  return { kind: "refuse", problems: told.length > 0 ? told : all };
}
