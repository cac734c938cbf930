// schema: prints the JSON Schema of a config file, for editors, or of the status, for programs that read it.

import { OPTIONS, type OptionDef } from "../../config/options.ts";
import { flag } from "../../fields/field.ts";
import { type CommandInput, command } from "../command.ts";
import { renderCommandHelp } from "../help.ts";
import { print, refuse } from "../io.ts";
import { isOn, parse } from "../parse.ts";
import { readerOf } from "../read-option.ts";

const status: OptionDef<boolean> = {
  field: flag,
  help: "Print the JSON Schema of what `status --json`, `status CHECK --json`, `status --clients --json` and `check --json` print.",
};

export const schema = command({
  meta: { name: "schema", description: "print the JSON Schema of the config file" },
  help: {
    usage: ["[--status]"],
    about: [
      "health-checker schema prints the JSON Schema of the config file. Editors use it to complete keys and to mark errors.",
    ],
    options: { status },
    notes: [
      "An editor with yaml-language-server finds the schema by this line at the top of the config file:",
      "  # yaml-language-server: $schema=./health-checker.schema.json",
    ],
    examples: ["> health-checker.schema.json", "--status"],
    exitStatus: { 0: "printed", 1: "cannot write to stdout", 2: "an error on the command line" },
  },
  options: { status, help: OPTIONS.help },
  run,
});

async function run({ args, grammar, io }: CommandInput): Promise<number> {
  const parsed = await parse(args, grammar);
  if (isOn(parsed, "help")) return print(io, renderCommandHelp(schema));
  const { read, problems } = readerOf(parsed);
  const ofStatus = read("status", status) ?? false;
  if (problems.length > 0) {
    return refuse(
      io,
      problems.map((problem) => `health-checker: ${problem}`),
      "schema",
    );
  }
  return print(io, JSON.stringify(ofStatus ? await loadStatusSchema() : await loadConfigSchema(), undefined, 2));
}

const loadStatusSchema = async () => (await import("../../status/json-schema.ts")).statusSchema();

const loadConfigSchema = async () => (await import("../../config/schema.ts")).jsonSchema();
