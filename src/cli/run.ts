// argv → exit status: runs the command that the first word names, or starts the daemon.

import type { CommandInput } from "./command.ts";
import { type Running, serve } from "./serve.ts";

/** `argv` is what follows the name of the program. */
export async function run(
  argv: readonly string[],
  { env, io }: Pick<CommandInput, "env" | "io">,
): Promise<number | Running> {
  const [first = "help", ...args] = argv;
  if (!first.startsWith("-")) {
    // Not loaded for the daemon, whose start it would cost 4 ms and 4 MB.
    const [{ runCommand }, { COMMANDS }] = await Promise.all([import("./command.ts"), import("./commands.ts")]);
    const command = COMMANDS.find(({ meta }) => meta.name === first);
    if (command) return runCommand(command, { args, env, io, commands: COMMANDS });
  }
  return serve(argv, { env, io });
}
