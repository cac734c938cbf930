// What the program does, as citty commands.

import { type ArgsDef, type CommandDef, defineCommand } from "citty";
import { loadOptions, NO_CHECK, type Options, type Problem } from "../config/load.ts";
import { version } from "../version.ts";
import { renderHelp } from "./help.ts";
import { OPTIONS } from "./options.ts";
import { parseCommandLine } from "./parse.ts";

/** What a command leads to: a text and an exit status, or a daemon to run. */
export type Action =
  | { readonly kind: "print"; readonly text: string }
  | { readonly kind: "refuse"; readonly problems: readonly Problem[] }
  | { readonly kind: "serve"; readonly options: Options };

const args: ArgsDef = Object.fromEntries(
  OPTIONS.map(({ name, type, help, short, value }) => [
    name,
    { type, description: help, ...(short && { alias: short }), ...(value && { valueHint: value }) },
  ]),
);

/** The daemon itself; its raw arguments are parsed by us, since citty neither repeats an option nor refuses one. */
export const daemonCommand: CommandDef = defineCommand({
  meta: {
    name: "health-checker",
    version,
    description: "Answers every HTTP request with 200 OK when all checks of this host pass, else with 504",
  },
  args,
  run: ({ rawArgs }) => decide(rawArgs),
});

async function decide(argv: readonly string[]): Promise<Action> {
  const { values, problems } = await parseCommandLine(argv);
  const wants = (name: string) => values[name]?.at(-1) === "true";
  if (argv.length === 0 || wants("help")) return { kind: "print", text: renderHelp() };
  if (wants("version")) return { kind: "print", text: `health-checker version v${version}` };
  const options = loadOptions(values);
  const all = [...problems, ...("listener" in options ? [] : options)];
  if ("listener" in options && all.length === 0) return { kind: "serve", options };
  // That there is no check is news only where nothing else is wrong.
  const told = all.filter((problem) => problem !== NO_CHECK);
  return { kind: "refuse", problems: told.length > 0 ? told : all };
}
