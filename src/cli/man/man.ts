// man [1|5]: prints a man page of this version.

import { OPTIONS } from "../../config/options.ts";
import { quoteWhole } from "../../text/printable.ts";
import { ownBuild } from "../../text/version.ts";
import { type Command, type CommandInput, command } from "../command.ts";
import { renderCommandHelp } from "../help.ts";
import { print, refuse } from "../io.ts";
import { isOn, parse } from "../parse.ts";

export const man = command({
  meta: { name: "man", description: "print a man page" },
  help: {
    usage: ["[SECTION]"],
    about: [
      "health-checker man prints a man page as roff: health-checker(1), or with SECTION 5 health-checker.yaml(5), the config file. It is that of this version; the packages have the same.",
    ],
    examples: ["| man -l -", "5 > health-checker.yaml.5"],
    exitStatus: { 0: "printed", 1: "cannot write to stdout", 2: "an error on the command line" },
  },
  options: { help: OPTIONS.help },
  argument: ["1", "5"],
  takesWords: true,
  run,
});

async function run({ args, grammar, commands, io }: CommandInput): Promise<number> {
  const { words = [], ...parsed } = await parse(args, grammar);
  if (isOn(parsed, "help")) return print(io, renderCommandHelp(man));
  const [section = "1", ...others] = words;
  const problems = [...parsed.problems, ...others.map((word) => `unexpected argument ${quoteWhole(word)}`)];
  if (section !== "1" && section !== "5") problems.push(`man: expected 1 or 5, got ${quoteWhole(section)}`);
  if (problems.length > 0) {
    return refuse(
      io,
      problems.map((problem) => `health-checker: ${problem}`),
      "man",
    );
  }
  const page = await manPage(section === "5" ? 5 : 1, commands);
  return print(io, page.trimEnd());
}

/** As roff. `date` is that of the release, such as "2026-11-28"; by default that of this build, or today. */
export async function manPage(
  section: 1 | 5,
  commands: readonly Command[],
  date = (ownBuild()?.date ?? new Date().toISOString()).slice(0, 10),
): Promise<string> {
  if (section === 5) return (await import("./config-file.ts")).renderConfigFilePage(date);
  return (await import("./program.ts")).renderProgramPage(commands, date);
}
