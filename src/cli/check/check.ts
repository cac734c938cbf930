// check [options]: runs every check once. It takes the daemon's options, so that a user can try those of a unit file.

import { readTexts } from "../../config/command-line.ts";
import { OPTIONS, type OptionDef } from "../../config/options.ts";
import { endAtOnce, onEndingSignals } from "../../daemon/signals.ts";
import { duration, flag } from "../../fields/field.ts";
import { describeFault } from "../../system/errors.ts";
import { type CommandInput, command } from "../command.ts";
import { renderOption } from "../help.ts";
import { DONE, FAILED, print, refuse } from "../io.ts";
import { formatProblems, loadOptionsFor } from "../load-options.ts";
import { isOn, parse } from "../parse.ts";
import type { ChecksToRun } from "./run.ts";

const json: OptionDef<boolean> = { field: flag, help: "print the results as one JSON object, on one line" };

const wait: OptionDef<number> = {
  field: duration,
  value: "D",
  help: "repeat until the host is healthy, for D at most: `90s`, `5m`. What is waited for goes to stderr",
};

export const check = command({
  meta: { name: "check", description: "run every check once, and print the results" },
  synonyms: ["test", "probe", "once", "healthcheck", "health-check"],
  usage: "[--json] [--wait D] [options]",
  options: { ...OPTIONS, json, wait },
  run,
});

async function run({ args, grammar, env, io }: CommandInput): Promise<number> {
  const parsed = await parse(args, grammar);
  if (isOn(parsed, "help")) return print(io, renderHelp());
  const asJson = readTexts("json", json, parsed.values["json"]);
  const waitMs = readTexts("wait", wait, parsed.values["wait"]);
  const problems = [...parsed.problems, ...asJson.problems, ...waitMs.problems];
  const options = await loadOptionsFor({ ...parsed, problems }, env);
  if (!("listener" in options)) return refuse(io, formatProblems(options, parsed));
  return runUntilSignal({ options, json: asJson.values.at(-1) ?? false, waitMs: waitMs.values.at(-1) }, { env, io });
}

async function runUntilSignal(toRun: ChecksToRun, { env, io }: Pick<CommandInput, "env" | "io">): Promise<number> {
  // Loaded only for a command line without problems.
  const { runChecks } = await import("./run.ts");
  const reportFault = (error: unknown) => io.error(`health-checker: fault; please report it: ${describeFault(error)}`);
  process.on("uncaughtException", reportFault);
  process.on("unhandledRejection", reportFault);
  const stop = new AbortController();
  let status = FAILED;
  const release = onEndingSignals({
    first(_signal, exitCode) {
      status = exitCode;
      stop.abort();
    },
    second: (_signal, exitCode) => endAtOnce(exitCode),
  });
  const report = await runChecks(toRun, { env, signal: stop.signal });
  if (!report || stop.signal.aborted) return status;
  // A reader that reads nothing blocks the process, so from here on a signal must have its default action.
  release();
  await io.out(report.text);
  return report.healthy ? DONE : status;
}

const renderHelp = (): string => `health-checker check runs every check once, prints the results, and exits.
It listens on nothing.

Usage: health-checker check [--json] [--wait D] [options of the daemon]

${renderOption("json", json)}
${renderOption("wait", wait)}

The daemon's options say what is checked, the timeouts and the deadline of a
round; health-checker --help lists them. Intervals, rise and fall, the listener
and the log mean nothing here.

Examples:
  health-checker check --config /etc/health-checker.yaml
  health-checker check --port 5432 --port-timeout 1s --wait 5m

Exit status: 0 healthy, 1 not, 2 a mistake on the command line or in the config
file, 128 and the number of the signal that ended it.`;
