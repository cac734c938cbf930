// The commands: what the program does besides serving. Each is picked by the first
// word and run alone, since citty's own sub-commands would run the parent too.

import { type CommandDef, defineCommand, runCommand } from "citty";
import { versionLine } from "../version.ts";
import type { Action } from "./action.ts";
import { renderHelp } from "./help.ts";
import type { Environment } from "./settle.ts";
import { validate } from "./validate.ts";

type Run = (rawArgs: readonly string[], env: Environment) => Action | Promise<Action>;

const COMMANDS: Readonly<Record<string, { readonly description: string; readonly run: Run }>> = {
  help: { description: "show the help", run: () => ({ kind: "print", text: renderHelp() }) },
  version: { description: "show the version", run: () => ({ kind: "print", text: versionLine() }) },
  validate: { description: "say all that is wrong with a config file, and what is unwise", run: validate },
  schema: { description: "print the JSON Schema of a config file", run: printSchema },
};

/** Undefined when there is no such command. */
export async function runNamedCommand(
  name: string,
  rawArgs: readonly string[],
  env: Environment,
): Promise<Action | undefined> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) return undefined;
  const { description, run } = command;
  const definition: CommandDef = defineCommand({ meta: { name, description }, run: () => run(rawArgs, env) });
  const { result } = await runCommand(definition, { rawArgs: [] });
  return result as Action;
}

async function printSchema(rawArgs: readonly string[]): Promise<Action> {
  if (rawArgs.length > 0) {
    return {
      kind: "refuse",
      lines: [`health-checker: schema: expected nothing after it, got ${JSON.stringify(rawArgs[0])}`],
    };
  }
  const { jsonSchema } = await import("../config/schema.ts");
  return { kind: "print", text: JSON.stringify(await jsonSchema(), undefined, 2) };
}
