// check [options]: runs every check once. It takes the daemon's options, so that a user can try those of a unit file.

import { OPTIONS, type OptionDef } from "../../config/options.ts";
import { endAtOnce, onEndingSignals } from "../../daemon/signals.ts";
import { duration } from "../../fields/field.ts";
import { describeFault } from "../../system/errors.ts";
import { type CommandInput, command } from "../command.ts";
import { formatOption, json, readFormat, refuseToNagios } from "../format.ts";
import { DAEMON_OPTIONS, renderCommandHelp, USAGE_ERROR } from "../help.ts";
import { FAILED, print } from "../io.ts";
import { loadOptionsFor, refuseOptions } from "../load-options.ts";
import { isOn, parse } from "../parse.ts";
import { readerOf } from "../read-option.ts";
import type { ChecksToRun } from "./run.ts";

const format = formatOption(
  ["table", "json", "nagios"],
  "`nagios` is the output and the exit status of a Nagios plugin.",
);

const wait: OptionDef<number> = {
  field: duration,
  value: "DURATION",
  help: "Repeat until the host is healthy, for at most DURATION, such as `90s` or `5m`. The checks that still fail are printed to stderr.",
};

export const check = command({
  meta: { name: "check", description: "run every check once and print the results" },
  synonyms: ["test", "probe", "once", "healthcheck", "health-check"],
  help: {
    usage: ["[--format FORMAT] [--wait DURATION] [DAEMON OPTIONS]"],
    about: [
      "health-checker check runs every check once, prints the results and exits. It opens no listener and needs no running daemon.",
    ],
    options: { format, json, wait },
    notes: [
      "The options of the daemon select the checks, their timeouts and the deadline. Options for intervals, rise, fall, listeners and the log have no effect.",
      "With --format nagios the exit status is that of a plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.",
      DAEMON_OPTIONS,
    ],
    examples: ["--config /etc/health-checker/config.yaml", "--port 5432 --port-timeout 1s --wait 5m"],
    exitStatus: {
      0: "healthy",
      1: "not healthy",
      2: USAGE_ERROR,
      "128+N": "ended by signal N",
    },
  },
  options: { ...OPTIONS, format, json, wait },
  run,
});

async function run({ args, grammar, env, io }: CommandInput): Promise<number> {
  const parsed = await parse(args, grammar);
  if (isOn(parsed, "help")) return print(io, renderCommandHelp(check));
  const reader = readerOf(parsed);
  const chosen = readFormat(reader, format);
  const waitMs = reader.read("wait", wait);
  const options = await loadOptionsFor({ ...parsed, problems: reader.problems }, env);
  if (!("listener" in options)) {
    return (await refuseToNagios(parsed, io, options)) ?? refuseOptions(io, options, parsed);
  }
  return runUntilSignal({ options, format: chosen, waitMs }, { env, io });
}

async function runUntilSignal(toRun: ChecksToRun, { env, io }: Pick<CommandInput, "env" | "io">): Promise<number> {
  // Loaded only for a command line without problems.
  const { runChecks } = await import("./run.ts");
  const reportFault = (error: unknown) =>
    io.error(`health-checker: internal error; please report it: ${describeFault(error)}`);
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
  return report.exit;
}
