// The only table of commands: what the program does besides running the daemon. run.ts, the usage and the hints read
// it. A new command is a folder and a line here.

import { versionLine } from "../text/version.ts";
import { check } from "./check/check.ts";
import { type Command, command } from "./command.ts";
import { drain, maint, reload, status, undrain } from "./control/control.ts";
import { explain } from "./explain/explain.ts";
import { renderHelp } from "./help.ts";
import { print } from "./io.ts";
import { schema } from "./schema/schema.ts";
import { unit } from "./unit/unit.ts";
import { validate } from "./validate/validate.ts";

const help = command({
  meta: { name: "help", description: "show the help" },
  options: {},
  run: ({ io, commands }) => print(io, renderHelp(commands)),
});

const version = command({
  meta: { name: "version", description: "show the version" },
  options: {},
  run: ({ io }) => print(io, versionLine()),
});

export const COMMANDS: readonly Command[] = [
  help,
  version,
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
];
