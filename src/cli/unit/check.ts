// unit --check [FILE]: whether the installed unit is good for these options, or for those
// that it starts the daemon with itself; a line for each difference.

import { onOneLine } from "../../text/printable.ts";
import type { Action } from "../action.ts";
import type { Parsed } from "../parse.ts";
import { type Environment, refuse } from "../settle.ts";
import { compareCommand, readCommand, type StartCommand, whyUnreadable } from "./command.ts";
import { compareUnit, describeDifference } from "./compare.ts";
import { readInstalled } from "./installed.ts";
import { limitsFor } from "./limits.ts";
import { credentialOf, othersOf, startSecondsOf, stopSecondsOf } from "./render.ts";
import { needsOf } from "./sandbox.ts";
import { readSource } from "./source.ts";

/** `given` are the options on the command line; undefined where there are none. */
export async function checkInstalled(
  file: string | undefined,
  given: Parsed | undefined,
  env: Environment,
): Promise<Action> {
  const unit = await readInstalled(file);
  if (typeof unit === "string") return refusal(unit);
  const started = await readCommand(unit);
  if (!started) return refusal(`${unit.file} has no ExecStart=; is it masked?`);
  const unreadable = given === undefined ? whyUnreadable(started, unit.file) : undefined;
  if (unreadable !== undefined) return refusal(unreadable);
  const parsed = given ?? started.parsed;
  const source = await readSource(parsed, env);
  if (!("options" in source)) return given === undefined ? refuseStarted(source, started) : refuse(source, parsed);
  const { options, configFile, secrets } = source;
  const socket = options.controlSocket ?? started.parsed.values["control-socket"]?.at(-1);
  const differences = [
    ...(given === undefined ? [] : compareCommand(given, started, configFile)),
    ...compareUnit(unit, {
      needs: needsOf(options, othersOf(started.program, configFile, secrets), socket),
      limits: limitsFor(options),
      startSeconds: startSecondsOf(options),
      stopSeconds: stopSecondsOf(options),
      drains: options.drainDelayMs > 0,
      controlSocket: socket,
      credentials: secrets.files.flatMap((path) => credentialOf(path) ?? []),
      variables: secrets.variables,
    }),
  ];
  if (differences.length === 0) return { kind: "print", text: `${unit.file}: good for these options` };
  return {
    kind: "print",
    text: differences.map(describeDifference).join("\n"),
    cautions: [
      `health-checker: ${unit.file} is not good for these options: print it again with health-checker unit, and change what a drop-in sets`,
    ],
    isWell: false,
  };
}

const refusal = (problem: string): Action => ({
  kind: "refuse",
  lines: [lineOf(problem)],
  command: "unit",
});

const lineOf = (problem: string): string => `health-checker: unit: ${problem}`;

/** What stands in the config file has a place there; what is wrong with the options has that of ExecStart=. */
function refuseStarted(problems: readonly string[], { place, parsed }: StartCommand): Action {
  const file = onOneLine(parsed.values["config"]?.at(-1) ?? "");
  const isPlaced = (problem: string) => problem.startsWith(`${file}:`) && /^:\d/.test(problem.slice(file.length));
  return {
    kind: "refuse",
    lines: problems.map((problem) => (isPlaced(problem) ? problem : lineOf(`${place}: ExecStart=: ${problem}`))),
    command: "unit",
  };
}
