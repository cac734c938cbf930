// schema: prints the JSON Schema of a config file, for editors.

import { OPTIONS } from "../../config/options.ts";
import { type CommandInput, command } from "../command.ts";
import { renderHelp } from "../help.ts";
import { print, refuse } from "../io.ts";
import { isOn, parse } from "../parse.ts";

export const schema = command({
  meta: { name: "schema", description: "print the JSON Schema of a config file" },
  usage: "",
  options: OPTIONS,
  run,
});

async function run({ args, grammar, commands, io }: CommandInput): Promise<number> {
  if (isOn(await parse(args, grammar), "help")) return print(io, renderHelp(commands));
  if (args.length > 0) {
    return refuse(io, [`health-checker: schema: expected nothing after it, got ${JSON.stringify(args[0])}`]);
  }
  const { jsonSchema } = await import("../../config/schema.ts");
  return print(io, JSON.stringify(await jsonSchema(), undefined, 2));
}
