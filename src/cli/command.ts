// A command is a citty definition with what citty does not know: synonyms, usage and options. citty's own parser and
// sub-commands are not used: it cannot repeat an option, accepts unknown ones, and would run the parent command too.

import { type CommandDef, runCommand as cittyRun, defineCommand } from "citty";
import type { CommandName } from "./hints.ts";
import type { Environment, Io } from "./io.ts";
import type { Grammar, OptionTable } from "./parse.ts";

export interface CommandInput {
  /** The words after the name of the command. */
  readonly args: readonly string[];
  /** For `parse`. */
  readonly grammar: Grammar;
  readonly env: Environment;
  readonly io: Io;
  /** All commands of the program. */
  readonly commands: readonly Command[];
}

interface Definition {
  readonly meta: { readonly name: string; readonly description: string };
  /** What other programs call it. */
  readonly synonyms?: readonly string[];
  /** What follows its name in the usage of the program; undefined for a command that is also an option, such as help. */
  readonly usage?: string;
  /** All options that it takes, with the daemon's if it takes those too. */
  readonly options: OptionTable;
  /** Resolves with the exit status. */
  readonly run: (input: CommandInput) => Promise<number>;
}

export type Command = CommandDef & Omit<Definition, "run">;

export const command = ({ run, ...definition }: Definition): Command => ({
  ...defineCommand({ run: ({ data }) => run(data as CommandInput) }),
  ...definition,
});

export async function runCommand(command: Command, input: Omit<CommandInput, "grammar">): Promise<number> {
  const { meta, options } = command;
  const grammar: Grammar = { options, command: meta.name, commands: async () => namesOf(input.commands) };
  const { result } = await cittyRun(command, { rawArgs: [], data: { ...input, grammar } satisfies CommandInput });
  return result as number;
}

export const namesOf = (commands: readonly Command[]): readonly CommandName[] =>
  commands.map(({ meta: { name }, synonyms = [] }) => ({ name, synonyms }));
