// schema: prints the JSON Schema of a config file, for editors.

import { OPTIONS } from "../../config/options.ts";
import { type CommandInput, command } from "../command.ts";
import { renderCommandHelp } from "../help.ts";
import { print, refuse } from "../io.ts";
import { isOn, parse } from "../parse.ts";

export const schema = command({
  meta: { name: "schema", description: "print the JSON Schema of the config file" },
  help: {
    usage: [""],
    about: [
      "health-checker schema prints the JSON Schema of the config file. Editors use it to complete keys and to mark errors.",
    ],
    notes: [
      "An editor with yaml-language-server finds the schema by this line at the top of the config file:",
      "  # yaml-language-server: $schema=./health-checker.schema.json",
    ],
    examples: ["> health-checker.schema.json"],
    exitStatus: { 0: "printed", 1: "cannot write to stdout", 2: "an error on the command line" },
  },
  options: OPTIONS,
  run,
});

async function run({ args, grammar, io }: CommandInput): Promise<number> {
  if (isOn(await parse(args, grammar), "help")) return print(io, renderCommandHelp(schema));
  if (args.length > 0) {
    return refuse(io, [`health-checker: schema: unexpected argument ${JSON.stringify(args[0])}`]);
  }
  const { jsonSchema } = await import("../../config/schema.ts");
  return print(io, JSON.stringify(await jsonSchema(), undefined, 2));
}
