// A command is a citty definition with what citty does not know: synonyms, help and options. citty's own parser and
// sub-commands are not used: it cannot repeat an option, accepts unknown ones, and would run the parent command too.

import { type CommandDef, runCommand as cittyRun, defineCommand } from "citty";
import type { OptionDef } from "../config/options.ts";
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

/** What the help shows of an option. */
export type OptionHelp = Pick<OptionDef<unknown>, "value" | "short" | "repeatable" | "default" | "help">;

/** The help of a command. Paragraphs are wrapped, all else is printed as it is written. */
export interface CommandHelp {
  /** What follows the name of the command, one for each form of it. */
  readonly usage: readonly string[];
  /** Paragraphs: what it does. */
  readonly about: readonly string[];
  /** Its own options: those of the daemon are in the help of the program. */
  readonly options?: Readonly<Record<string, OptionHelp>>;
  /** Paragraphs below the options. */
  readonly notes?: readonly string[];
  /** Command lines; the name of the program is added. */
  readonly examples: readonly string[];
  readonly exitStatus: Readonly<Record<string, string>>;
}

/** What a command takes that is no option, for shells to complete. */
export type Argument = "CHECK" | "COMMAND" | "FILE" | readonly string[];

interface Definition {
  readonly meta: { readonly name: string; readonly description: string };
  /** What other programs call it. */
  readonly synonyms?: readonly string[];
  /** What must follow its name, in the list of commands. */
  readonly required?: string;
  readonly help: CommandHelp;
  /** All options that it takes, with the daemon's if it takes those too. */
  readonly options: OptionTable;
  /** It takes words that are no options. */
  readonly takesWords?: boolean;
  readonly argument?: Argument;
  /** Resolves with the exit status. */
  readonly run: (input: CommandInput) => Promise<number>;
}

export type Command = CommandDef & Omit<Definition, "run">;

export const command = ({ run, ...definition }: Definition): Command => ({
  ...defineCommand({ run: ({ data }) => run(data as CommandInput) }),
  ...definition,
});

export async function runCommand(command: Command, input: Omit<CommandInput, "grammar">): Promise<number> {
  const { meta, options, takesWords = false } = command;
  const grammar: Grammar = { options, command: meta.name, takesWords, commands: async () => namesOf(input.commands) };
  const { result } = await cittyRun(command, { rawArgs: [], data: { ...input, grammar } satisfies CommandInput });
  return result as number;
}

export const namesOf = (commands: readonly Command[]): readonly CommandName[] =>
  commands.map(({ meta: { name }, synonyms = [] }) => ({ name, synonyms }));
