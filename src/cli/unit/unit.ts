// unit [options]: prints, or writes to a file, the systemd unit that runs the daemon with these options, in a
// sandbox that permits what they need, and no more. unit --check compares an installed unit.

import { readTexts } from "../../config/command-line.ts";
import { OPTIONS, type OptionDef } from "../../config/options.ts";
import { listFirstTwo } from "../../text/list.ts";
import { quote, quoteWhole } from "../../text/printable.ts";
import { type CommandInput, command, type OptionHelp } from "../command.ts";
import { DAEMON_OPTIONS, renderCommandHelp, USAGE_ERROR } from "../help.ts";
import { DONE, FAILED, type Io, print, refuse } from "../io.ts";
import { formatProblems, refuseOptions } from "../load-options.ts";
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
  help: "Write the unit to FILE instead of stdout. An error leaves FILE unchanged. An existing FILE is replaced only if it is empty or a unit that runs health-checker.",
};

const checkOption: OptionHelp = {
  value: "[FILE]",
  default: "the health-checker.service that systemd finds",
  help: "Compare the installed unit and its drop-ins with the needs of these options, or by default with the needs of the options in its ExecStart=. Each directive that is missing or too strict is printed, with the check that needs it. A unit that could be stricter passes.",
};

export const unit = command({
  meta: { name: "unit", description: "print a systemd unit, or check the installed one" },
  help: {
    usage: ["[--output FILE] [DAEMON OPTIONS]", "--check [FILE] [DAEMON OPTIONS]"],
    about: [
      "health-checker unit prints a hardened systemd unit that runs the daemon with these options. It validates them as the daemon does. It runs no check and opens no listener.",
      "ExecStart= contains the path of this program and the absolute path of the config file. The control socket is on; its path is /run/health-checker/control.sock by default. systemctl reload uses it. A comment above each relaxed directive gives the reason, such as scripts, a port below 1024, or files below /home or /tmp. Warnings go to stderr.",
    ],
    options: { output, check: checkOption },
    notes: [DAEMON_OPTIONS],
    examples: [
      "--config /etc/health-checker/config.yaml \\\n    --output /etc/systemd/system/health-checker.service",
      "--check",
    ],
    exitStatus: {
      0: "printed, or the installed unit fits these options",
      1: "the installed unit does not fit, or cannot write the unit",
      2: `${USAGE_ERROR}, or cannot read the installed unit`,
    },
  },
  options: { ...OPTIONS, output },
  run,
});

async function run(input: CommandInput): Promise<number> {
  const { args, grammar, io } = input;
  const { isGiven: isCheck, values: files, rest } = takeCheckOption(args);
  const given = await parse(rest, grammar);
  const file = readTexts("output", output, given.values["output"]);
  const parsed = { ...given, problems: [...given.problems, ...file.problems] };
  if (isOn(parsed, "help")) return print(io, renderCommandHelp(unit));
  const refuseAll = (...problems: readonly string[]) =>
    refuse(io, formatProblems([...problems, ...parsed.problems], parsed), "unit");
  if (files.length > 1) return refuseAll(`--check: expected once, got ${listFirstTwo(files.map(quoteWhole))}`);
  if (!isCheck) return printUnit(parsed, file.values[0], input);
  if (parsed.values["output"] !== undefined) {
    return refuseAll("--output: not allowed with --check, which writes nothing");
  }
  // parsed.values has no --output whose FILE is missing.
  if (parsed.problems.some((problem) => problem.startsWith("--output:"))) return refuseAll();
  const { checkInstalled } = await import("./installed/check.ts");
  return checkInstalled(files[0], rest.length === 0 ? undefined : parsed, input);
}

/** To stdout, or to the file at `path`. */
async function printUnit(parsed: Parsed, path: string | undefined, { env, io }: CommandInput): Promise<number> {
  const inputs = await readInputs(parsed, env);
  if (!("options" in inputs)) return refuseOptions(io, inputs, parsed, "unit");
  const { options, configFile, secrets } = inputs;
  const program = ownProgram();
  const problem = await findPrintProblem(program, path);
  if (problem !== undefined) return refuse(io, formatProblems([problem], parsed), "unit");
  const warnings = [
    ...options.warnings,
    ...(await findWarnings(options, program, [...(configFile === undefined ? [] : [configFile]), ...secrets.files])),
    ...secrets.variables.map(
      (name) =>
        `health-checker: warning: ${quote(name)} is not in the environment of a systemd service; set it in the file that EnvironmentFile= of the unit names`,
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
    return `unit: systemd cannot start a program with a quote, backslash or control character in its path: ${got}`;
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
