// The only table of commands: what the program does besides running the daemon. run.ts, the usage and the hints read
// it. A new command is a folder and a line here.

import { OPTIONS } from "../config/options.ts";
import { quoteWhole } from "../text/printable.ts";
import { versionLine } from "../text/version.ts";
import { check } from "./check/check.ts";
import { type Command, type CommandInput, command } from "./command.ts";
import { drain, maint, reload, status, undrain } from "./control/control.ts";
import { explain } from "./explain/explain.ts";
import { renderCommandHelp, renderHelp } from "./help.ts";
import { print, refuse } from "./io.ts";
import { isOn, parse } from "./parse.ts";
import { schema } from "./schema/schema.ts";
import { unit } from "./unit/unit.ts";
import { validate } from "./validate/validate.ts";

const help = command({
  meta: { name: "help", description: "print this help, or the help of a command" },
  help: {
    usage: ["[COMMAND]"],
    about: ["health-checker help prints the help of the program or of a command, as --help does."],
    examples: ["", "drain"],
    exitStatus: { 0: "printed", 1: "cannot write to stdout", 2: "no such command" },
  },
  options: {},
  run: printHelp,
});

async function printHelp({ args: [name], commands, io }: CommandInput): Promise<number> {
  if (name === undefined) return print(io, renderHelp(commands));
  const named = name.startsWith("-") ? help : commands.find(({ meta }) => meta.name === name);
  if (named) return print(io, renderCommandHelp(named));
  return refuse(io, [`health-checker: help: expected the name of a command, got ${quoteWhole(name)}`]);
}

const version = command({
  meta: { name: "version", description: "print the version" },
  help: {
    usage: [""],
    about: ["health-checker version prints the version of the program, as --version does."],
    examples: [""],
    exitStatus: { 0: "printed", 1: "cannot write to stdout" },
  },
  options: { help: OPTIONS.help },
  run: async ({ args, grammar, io }) =>
    print(io, isOn(await parse(args, grammar), "help") ? renderCommandHelp(version) : versionLine()),
});

export const COMMANDS: readonly Command[] = [
  check,
  explain,
  validate,
  schema,
  unit,
  status,
  reload,
  drain,
  undrain,
  maint,
  help,
  version,
];
