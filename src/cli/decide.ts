// argv → what is to be done.

import { versionLine } from "../text/version.ts";
import type { Action } from "./action.ts";
import { renderHelp } from "./help.ts";
import { parseCommandLine } from "./parse.ts";
import { type Environment, refuse, reread, settle } from "./settle.ts";

/** `argv` is what follows the name of the program. A first word without a dash names a command. */
export async function decide(argv: readonly string[], env: Environment): Promise<Action> {
  const [first = "--help", ...rest] = argv;
  if (!first.startsWith("-")) {
    // Loaded only where a command is given: citty costs the daemon 4 ms and 4 MB at start.
    const { runNamedCommand } = await import("./commands.ts");
    const action = await runNamedCommand(first, rest, env);
    if (action) return action;
  }
  const parsed = await parseCommandLine(argv);
  const wants = (name: string) => parsed.values[name]?.at(-1) === "true";
  if (argv.length === 0 || wants("help")) return { kind: "print", text: renderHelp() };
  if (wants("version")) return { kind: "print", text: versionLine() };
  const options = await settle(parsed, env);
  if (!("listener" in options)) return refuse(options, parsed);
  return { kind: "serve", options, reread: () => reread(parsed, env) };
}
