// The commands: what the program does besides serving. Each is picked by the first
// word and run alone, since citty's own sub-commands would run the parent too.

import { type CommandDef, defineCommand, runCommand } from "citty";
import { versionLine } from "../text/version.ts";
import type { Action } from "./action.ts";
import { check } from "./check.ts";
import { control } from "./control.ts";
import { explain } from "./explain.ts";
import { renderHelp } from "./help.ts";
import { type COMMAND_NAMES, parseCommandLine } from "./parse.ts";
import type { Environment } from "./settle.ts";
import { unit } from "./unit.ts";
import { validate } from "./validate.ts";

type Run = (rawArgs: readonly string[], env: Environment) => Action | Promise<Action>;

const COMMANDS: Readonly<Record<(typeof COMMAND_NAMES)[number], { readonly description: string; readonly run: Run }>> =
  {
    help: { description: "show the help", run: () => ({ kind: "print", text: renderHelp() }) },
    version: { description: "show the version", run: () => ({ kind: "print", text: versionLine() }) },
    check: { description: "run every check once, and print what came of it", run: check },
    explain: { description: "say what the daemon would do, and what already looks wrong", run: explain },
    validate: { description: "say all that is wrong with a config file, and what is unwise", run: validate },
    schema: { description: "print the JSON Schema of a config file", run: printSchema },
    unit: { description: "print the systemd unit of a daemon with these options", run: unit },
    status: { description: "tell how the host is, as its daemon sees it", run: (args) => control("status", args) },
    reload: { description: "have the daemon read its config file again", run: (args) => control("reload", args) },
    drain: { description: "take the host out of service, until undrain", run: (args) => control("drain", args) },
    undrain: { description: "end drain and maintenance", run: (args) => control("undrain", args) },
    maint: { description: "take the host out of service for a time", run: (args) => control("maint", args) },
  };

/** Undefined when there is no such command. */
export async function runNamedCommand(
  name: string,
  rawArgs: readonly string[],
  env: Environment,
): Promise<Action | undefined> {
  if (!isCommand(name)) return undefined;
  const { description, run } = COMMANDS[name];
  const definition: CommandDef = defineCommand({ meta: { name, description }, run: () => run(rawArgs, env) });
  const { result } = await runCommand(definition, { rawArgs: [] });
  return result as Action;
}

const isCommand = (name: string): name is keyof typeof COMMANDS => Object.hasOwn(COMMANDS, name);

async function printSchema(rawArgs: readonly string[]): Promise<Action> {
  const { values } = await parseCommandLine(rawArgs);
  if (values["help"]?.at(-1) === "true") return { kind: "print", text: renderHelp() };
  if (rawArgs.length > 0) {
    return {
      kind: "refuse",
      lines: [`health-checker: schema: expected nothing after it, got ${JSON.stringify(rawArgs[0])}`],
    };
  }
  const { jsonSchema } = await import("../config/schema.ts");
  return { kind: "print", text: JSON.stringify(await jsonSchema(), undefined, 2) };
}
