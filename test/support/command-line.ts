// What the program's own parser says of a command line. Nothing is run.

import { namesOf } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { type OptionTable, parse } from "../../src/cli/parse.ts";
import { readTexts } from "../../src/config/command-line.ts";
import { OPTIONS } from "../../src/config/options.ts";

/** `argv` is what follows the name of the program; no `validate` and no `unit`, which take a file without an option. */
export async function problemsOfWords(argv: readonly string[]): Promise<readonly string[]> {
  const [first = "help", ...rest] = argv;
  const command = COMMANDS.find(({ meta }) => meta.name === first);
  const options = (command?.options ?? OPTIONS) as OptionTable;
  const { values, problems } = await parse(command ? rest : argv, {
    options,
    ...(command && { command: first, takesWords: command.takesWords ?? false }),
    commands: async () => namesOf(COMMANDS),
  });
  const ofValues = Object.entries(options).flatMap(([name, option]) => readTexts(name, option, values[name]).problems);
  return [...problems, ...ofValues];
}
