// The command line as a shell needs to know it, from the tables of options and commands.

import { OPTION_NAMES, OPTIONS, type OptionDef } from "../../config/options.ts";
import type { Command, OptionHelp } from "../command.ts";

/** What a shell completes: the names of the daemon's checks, files, folders, one of a few words, or nothing. */
export type Completed = "checks" | "files" | "folders" | "nothing" | readonly string[];

export interface CompletedOption {
  readonly name: string;
  readonly short?: string;
  readonly summary: string;
  /** Absent from a flag. */
  readonly value?: CompletedValue;
  readonly isRepeatable: boolean;
}

export interface CompletedValue {
  /** "DURATION" */
  readonly placeholder: string;
  readonly completed: Completed;
  /** The option can stand alone too. */
  readonly isOptional: boolean;
}

export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  /** Without those of the daemon, if it takes them all. */
  readonly options: readonly CompletedOption[];
  readonly takesDaemonOptions: boolean;
  /** The word that it takes besides its options. */
  readonly argument?: Completed;
}

export const daemonOptions = (): readonly CompletedOption[] => optionsOf(OPTIONS);

export const completedCommands = (commands: readonly Command[]): readonly CompletedCommand[] =>
  commands.map(({ meta, options, help, argument }) => {
    const takesDaemonOptions = OPTION_NAMES.every((name) => Object.hasOwn(options, name));
    const all = Object.entries<Described>({ ...help.options, ...options });
    const own = all.filter(([name]) => !takesDaemonOptions || !Object.hasOwn(OPTIONS, name));
    return {
      name: meta.name,
      summary: meta.description,
      options: optionsOf(Object.fromEntries(own)),
      takesDaemonOptions,
      ...(argument && { argument: argumentOf(argument, commands) }),
    };
  });

type Described = OptionHelp & Partial<Pick<OptionDef<unknown>, "field">>;

const optionsOf = (options: Readonly<Record<string, Described>>): readonly CompletedOption[] =>
  Object.entries(options).map(([name, { short, value, help, repeatable, field }]) => ({
    name,
    ...(short !== undefined && { short }),
    summary: summaryOf(help),
    ...(value !== undefined && { value: completedValue(value, field?.json["enum"]) }),
    isRepeatable: repeatable ?? false,
  }));

/** The first sentence, up to a colon. */
const summaryOf = (help: string): string => help.replaceAll("`", "").replace(/[.:](?: .*)?$/s, "");

/** By the placeholder. The value of an option in brackets may be left out. */
function completedValue(written: string, values: unknown): CompletedValue {
  const placeholder = written.replace(/^\[(.*)\]$/, "$1");
  const isOptional = placeholder !== written;
  const completed = Array.isArray(values) ? (values as readonly string[]) : (COMPLETED[placeholder] ?? "nothing");
  return { placeholder, completed, isOptional };
}

const COMPLETED: Readonly<Record<string, Completed>> = {
  FILE: "files",
  PATH: "files",
  COMMAND: "files",
  DIRECTORY: "folders",
};

function argumentOf(argument: NonNullable<Command["argument"]>, commands: readonly Command[]): Completed {
  if (argument === "CHECK") return "checks";
  if (argument === "FILE") return "files";
  return argument === "COMMAND" ? commands.map(({ meta }) => meta.name) : argument;
}
