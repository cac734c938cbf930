// completions SHELL: prints the script that completes command lines of health-checker in a shell. completions --checks
// prints the names of the daemon's checks, for these scripts.

import { OPTIONS, type OptionDef } from "../../config/options.ts";
import { flag } from "../../fields/field.ts";
import { quoteWhole } from "../../text/printable.ts";
import { type Command, type CommandInput, command } from "../command.ts";
import { DEFAULT_SOCKET, socket } from "../control/control.ts";
import { renderCommandHelp } from "../help.ts";
import { DONE, print, refuse } from "../io.ts";
import { isOn, parse } from "../parse.ts";
import { readerOf } from "../read-option.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof SHELLS)[number];

const checks: OptionDef<boolean> = {
  field: flag,
  help: "Print the names of the daemon's checks, one on a line, and nothing if no daemon answers. The scripts use it.",
};

const own = { checks, "control-socket": socket };

export const completions = command({
  meta: { name: "completions", description: "print the completions for a shell" },
  synonyms: ["completion", "complete"],
  required: "SHELL",
  help: {
    usage: ["SHELL", "--checks [OPTIONS]"],
    about: [
      "health-checker completions prints a script for bash, zsh or fish. With it, the shell completes commands, options, their values, files, and the names of checks after status.",
    ],
    options: own,
    notes: [
      "The packages install these scripts. Without a package, load one at the start of the shell: by this line in ~/.bashrc; the same with zsh in ~/.zshrc, after compinit; or as a file in ~/.config/fish/completions/.",
      "  source <(health-checker completions bash)",
    ],
    examples: ["bash", "fish > health-checker.fish"],
    exitStatus: { 0: "printed", 1: "cannot write to stdout", 2: "an error on the command line" },
  },
  options: { ...own, help: OPTIONS.help },
  argument: SHELLS,
  takesWords: true,
  run,
});

async function run({ args, grammar, commands, io }: CommandInput): Promise<number> {
  const parsed = await parse(args, grammar);
  if (isOn(parsed, "help")) return print(io, renderCommandHelp(completions));
  const { read, problems } = readerOf(parsed);
  const ofDaemon = read("checks", checks) ?? false;
  const path = read("control-socket", socket) ?? DEFAULT_SOCKET;
  const [word, ...others] = parsed.words ?? [];
  const shell = SHELLS.find((name) => name === word);
  const unexpected = ofDaemon && word !== undefined ? [word, ...others] : others;
  problems.push(...unexpected.map((word) => `unexpected argument ${quoteWhole(word)}`));
  if (!shell && !ofDaemon) {
    problems.push(`completions: expected ${SHELLS.join(", ")}, got ${word === undefined ? "none" : quoteWhole(word)}`);
  }
  if (problems.length > 0) {
    return refuse(
      io,
      problems.map((problem) => `health-checker: ${problem}`),
      "completions",
    );
  }
  if (shell) return print(io, (await completion(shell, commands)).trimEnd());
  const { checkNames } = await import("./check-names.ts");
  const names = await checkNames(path);
  return names.length === 0 ? DONE : print(io, names.join("\n"));
}

/** The script for a shell. */
export async function completion(shell: Shell, commands: readonly Command[]): Promise<string> {
  const { completedCommands, daemonOptions } = await import("./grammar.ts");
  const described = [daemonOptions(), completedCommands(commands)] as const;
  if (shell === "bash") return (await import("./bash.ts")).renderBash(...described);
  if (shell === "zsh") return (await import("./zsh.ts")).renderZsh(...described);
  return (await import("./fish.ts")).renderFish(...described);
}
