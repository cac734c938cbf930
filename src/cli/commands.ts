// What the program does, as citty commands.

import { type ArgsDef, type CommandDef, defineCommand, renderUsage } from "citty";
import { loadOptions, type Options, type Problem } from "../config/load.ts";
import { version } from "../version.ts";
import { OPTIONS } from "./options.ts";
import { parseCommandLine } from "./parse.ts";

/** What a command leads to: a text and an exit status, or a daemon to run. */
export type Action =
  | { readonly kind: "print"; readonly text: string }
  | { readonly kind: "refuse"; readonly problems: readonly Problem[] }
  | { readonly kind: "serve"; readonly options: Options };

const args: ArgsDef = Object.fromEntries(
  OPTIONS.map((option) => [
    option.name,
    {
      type: option.type,
      description: describe(option),
      ...(option.short && { alias: option.short }),
      ...(option.value && { valueHint: option.value }),
    },
  ]),
);

function describe({ help, repeatable, default: fallback }: (typeof OPTIONS)[number]): string {
  return [help, repeatable && "(repeatable)", fallback && `(default ${fallback})`].filter(Boolean).join(" ");
}

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
  if (argv.length === 0 || wants("help")) return { kind: "print", text: await renderHelp() };
  if (wants("version")) return { kind: "print", text: `health-checker version v${version}` };
  const options = loadOptions(values);
  if ("listener" in options && problems.length === 0) return { kind: "serve", options };
  return { kind: "refuse", problems: "listener" in options ? problems : [...problems, ...options] };
}

const EXAMPLES = `EXAMPLES

  health-checker --port 5432 --port 3306
  health-checker --listener 0.0.0.0:6000 --script "/usr/local/bin/zk-check.sh --port 2181" --script-timeout 10s`;

/** Plain text whatever the terminal: citty colours what is piped, too, and pads every line. */
async function renderHelp(): Promise<string> {
  const usage = Bun.stripANSI(await renderUsage(daemonCommand)).replace(/ +$/gm, "");
  return `${usage.trimEnd()}\n\n${EXAMPLES}`;
}
