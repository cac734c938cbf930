// unit [options]: prints, or writes to a file, the systemd unit that runs the daemon with these options, in a
// sandbox that permits what they need, and no more. unit --check compares an installed unit.

import { readTexts } from "../../config/command-line.ts";
import { OPTIONS, type OptionDef } from "../../config/options.ts";
import { listFirstTwo } from "../../text/list.ts";
import { quote, quoteWhole } from "../../text/printable.ts";
import { type CommandInput, command } from "../command.ts";
import { renderOption } from "../help.ts";
import { DONE, FAILED, type Io, print, refuse } from "../io.ts";
import { formatProblems } from "../load-options.ts";
import { isOn, type Parsed, parse } from "../parse.ts";
import { argumentsOf, readInputs } from "./inputs.ts";
import { findOutputProblem, writeOutputFile } from "./output-file.ts";
import { quoteProgram } from "./quote.ts";
import { renderUnit } from "./render.ts";
import { findWarnings, INSTALLED_PROGRAM } from "./warnings.ts";

const output: OptionDef<string> = {
  field: {
    expected: "the path of a file",
    json: { type: "string" },
    read(given) {
      if (typeof given !== "string" || given === "") return {};
      return given.startsWith("-") ? { hint: `./${given} is a file of that name` } : { value: given };
    },
  },
  value: "FILE",
  help: "write the unit to FILE instead of stdout, whole, and only when nothing is wrong. A FILE that is there is replaced only if it is a unit that runs health-checker, or empty",
};

export const unit = command({
  meta: { name: "unit", description: "print the systemd unit of a daemon with these options" },
  usage: "[--check [FILE]] [options]",
  options: { ...OPTIONS, output },
  run,
});

async function run(input: CommandInput): Promise<number> {
  const { args, grammar, io } = input;
  const { isGiven: isCheck, values: files, rest } = takeCheckOption(args);
  const given = await parse(rest, grammar);
  const file = readTexts("output", output, given.values["output"]);
  const parsed = { ...given, problems: [...given.problems, ...file.problems] };
  if (isOn(parsed, "help")) return print(io, renderHelp());
  const refuseAll = (...problems: readonly string[]) =>
    refuse(io, formatProblems([...problems, ...parsed.problems], parsed), "unit");
  if (files.length > 1) return refuseAll(`--check: expected once, got ${listFirstTwo(files.map(quoteWhole))}`);
  if (!isCheck) return printUnit(parsed, file.values[0], input);
  if (parsed.values["output"] !== undefined) {
    return refuseAll("--output: expected without --check, which writes nothing");
  }
  // parsed.values has no --output whose FILE is missing.
  if (parsed.problems.some((problem) => problem.startsWith("--output:"))) return refuseAll();
  const { checkInstalled } = await import("./installed/check.ts");
  return checkInstalled(files[0], rest.length === 0 ? undefined : parsed, input);
}

/** To stdout, or to the file at `path`. */
async function printUnit(parsed: Parsed, path: string | undefined, { env, io }: CommandInput): Promise<number> {
  const inputs = await readInputs(parsed, env);
  if (!("options" in inputs)) return refuse(io, formatProblems(inputs, parsed), "unit");
  const { options, configFile, secrets } = inputs;
  const program = ownProgram();
  const problem = await findPrintProblem(program, path);
  if (problem !== undefined) return refuse(io, formatProblems([problem], parsed), "unit");
  const warnings = [
    ...options.warnings,
    ...(await findWarnings(options, program, configFile === undefined ? [] : [configFile, ...secrets.files])),
    ...secrets.variables.map(
      (name) =>
        `health-checker: warning: ${quote(name)} is not in the environment that systemd gives; see EnvironmentFile= in the unit`,
    ),
  ];
  for (const warning of warnings) io.warning(warning);
  const words = argumentsOf(parsed.values, configFile);
  const text = renderUnit({ options, words, program, configFile, secrets });
  return path === undefined ? print(io, text) : writeUnit(io, path, text);
}

async function findPrintProblem(program: string, path: string | undefined): Promise<string | undefined> {
  if (quoteProgram(program) === undefined) {
    const got = JSON.stringify(program);
    return `unit: expected a program whose path has no quote, backslash or control character, got ${got}`;
  }
  const problem = path === undefined ? undefined : await findOutputProblem(path, program);
  return problem === undefined ? undefined : `--output: ${problem}`;
}

async function writeUnit(io: Io, path: string, text: string): Promise<number> {
  const problem = await writeOutputFile(path, text);
  if (problem === undefined) return DONE;
  io.error(problem);
  return FAILED;
}

/** Takes each --check out of the words, with the FILE after it: the next word, unless that is an option. */
function takeCheckOption(words: readonly string[]) {
  const values: (string | undefined)[] = [];
  let rest = words;
  for (let at = rest.findIndex(isCheckWord); at >= 0; at = rest.findIndex(isCheckWord)) {
    const [, inline] = /=(.*)$/s.exec(rest[at] ?? "") ?? [];
    const next = rest[at + 1];
    const value = inline ?? (next?.startsWith("-") ? undefined : next);
    values.push(value);
    rest = rest.toSpliced(at, inline === undefined && value !== undefined ? 2 : 1);
  }
  return { isGiven: values.length > 0, values: values.filter((value) => value !== undefined), rest };
}

const isCheckWord = (word: string): boolean => /^--?check(=|$)/.test(word);

/** The running program if it is compiled, else where it would be installed. */
const ownProgram = (): string => (Bun.main.startsWith("/$bunfs/") ? process.execPath : INSTALLED_PROGRAM);

const renderHelp = (): string => `health-checker unit prints a hardened systemd unit for exactly these options.
It checks them as the daemon does, runs no check and listens on nothing.

Usage: health-checker unit [--output FILE] [options of the daemon]
       health-checker unit --check [FILE] [options of the daemon]

  ExecStart= has the path of this program, and --config with its whole path. The
  control socket is on, at /run/health-checker/control.sock unless the options
  name another; systemctl reload uses it. A comment at each directive that is
  relaxed says what for: scripts, a port under 1024, files below /home or /tmp.
  What looks wrong goes to stderr.

${renderOption("output", output)}

  --check [FILE]
      compare the installed unit, with its drop-ins, with what these options
      need; without options, with what those in its ExecStart= need. It prints
      a line for each directive that is missing or too strict, with who needs
      it. That a unit could be stricter is no difference. (default the
      health-checker.service that systemd finds)

Examples:
  health-checker unit --config /etc/health-checker.yaml \\
    --output /etc/systemd/system/health-checker.service
  health-checker unit --check

Exit status: 0 printed, or the unit is good for these options, 1 it is not, or
could not be written (a full disk), 2 a mistake on the command line or in the
config file, or no unit that can be read.`;
