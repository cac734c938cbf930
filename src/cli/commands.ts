// The only table of commands: what the program does besides running the daemon. run.ts, the usage and the hints read
// it. A new command is a folder and a line here.

import { OPTIONS } from "../config/options.ts";
import { quoteWhole } from "../text/printable.ts";
import { versionText } from "../text/version.ts";
import { check } from "./check/check.ts";
import { type Command, type CommandInput, command } from "./command.ts";
import { completions } from "./completions/completions.ts";
import { drain, maint, reload, undrain } from "./control/control.ts";
import { explain } from "./explain/explain.ts";
import { renderCommandHelp, renderHelp } from "./help.ts";
import { type Io, print, refuse } from "./io.ts";
import { man } from "./man/man.ts";
import { isOn, type Parsed, parse } from "./parse.ts";
import { schema } from "./schema/schema.ts";
import { status } from "./status/status.ts";
import { unit } from "./unit/unit.ts";
import { validate } from "./validate/validate.ts";

const help = command({
  meta: { name: "help", description: "print this help, or the help of a command" },
  help: {
    usage: ["[COMMAND]"],
    about: ["health-checker help prints the help of the program or of a command, as --help does."],
    examples: ["", "drain"],
    exitStatus: { 0: "printed", 1: "cannot write to stdout", 2: "no such command, or an error on the command line" },
  },
  options: { help: OPTIONS.help },
  argument: "COMMAND",
  run: printHelp,
});

async function printHelp({ args, grammar, commands, io }: CommandInput): Promise<number> {
  const name = args[0]?.startsWith("-") ? undefined : args[0];
  const parsed = await parse(name === undefined ? args : args.slice(1), grammar);
  if (parsed.problems.length > 0) return refuseWords(io, parsed, "help");
  if (name === undefined) return print(io, isOn(parsed, "help") ? renderCommandHelp(help) : renderHelp(commands));
  const named = commands.find(({ meta }) => meta.name === name);
  if (named) return print(io, renderCommandHelp(named));
  return refuse(io, [`health-checker: help: expected the name of a command, got ${quoteWhole(name)}`]);
}

const version = command({
  meta: { name: "version", description: "print the version" },
  help: {
    usage: [""],
    about: [
      "health-checker version prints the version of the program, its commit and date, and the version of Bun in it, as --version does.",
    ],
    examples: [""],
    exitStatus: { 0: "printed", 1: "cannot write to stdout", 2: "an error on the command line" },
  },
  options: { help: OPTIONS.help },
  async run({ args, grammar, io }) {
    const parsed = await parse(args, grammar);
    if (isOn(parsed, "help")) return print(io, renderCommandHelp(version));
    if (parsed.problems.length > 0) return refuseWords(io, parsed, "version");
    return print(io, versionText());
  },
});

const refuseWords = (io: Io, { problems }: Parsed, command: string): number =>
  refuse(
    io,
    problems.map((problem) => `health-checker: ${problem}`),
    command,
  );

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
  man,
  completions,
  help,
  version,
];
