// The commands: what the program does besides serving. Each is picked by the first
// word and run alone, since citty's own sub-commands would run the parent too.

import { type CommandDef, defineCommand, runCommand } from "citty";
import { versionLine } from "../version.ts";
import type { Action } from "./action.ts";
import { renderHelp } from "./help.ts";

const commands: Readonly<Record<string, CommandDef>> = {
  help: defineCommand({
    meta: { name: "help", description: "show the help" },
    run: (): Action => ({ kind: "print", text: renderHelp() }),
  }),
  version: defineCommand({
    meta: { name: "version", description: "show the version" },
    run: (): Action => ({ kind: "print", text: versionLine() }),
  }),
};

/** Undefined when there is no such command. */
export async function runNamedCommand(name: string, rawArgs: readonly string[]): Promise<Action | undefined> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return undefined;
  const { result } = await runCommand(command, { rawArgs: [...rawArgs] });
  return result as Action;
}
