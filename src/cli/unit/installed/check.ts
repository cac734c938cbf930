// unit --check [FILE]: whether the installed unit fits the given options, or if none are given, those in its own
// ExecStart=. Prints a line for each difference.

import { onOneLine } from "../../../text/printable.ts";
import type { CommandInput } from "../../command.ts";
import { FAILED, print, refuseFile } from "../../io.ts";
import { refuseOptions } from "../../load-options.ts";
import type { Parsed } from "../../parse.ts";
import { readInputs } from "../inputs.ts";
import { limitsFor } from "../limits.ts";
import { credentialName, placesOfDaemon, startSecondsOf, stopSecondsOf } from "../render.ts";
import { needsOf } from "../sandbox.ts";
import { compareUnit, describeDifference } from "./compare.ts";
import { compareStartCommand, readStartCommand, type StartCommand, whyUnreadable } from "./exec-start.ts";
import { readInstalled } from "./unit-file.ts";

/** `given` are the options on the command line; undefined where there are none. */
export async function checkInstalled(
  file: string | undefined,
  given: Parsed | undefined,
  { env, io, grammar }: Pick<CommandInput, "env" | "io" | "grammar">,
): Promise<number> {
  const refuseUnit = (problem: string) => refuseFile(io, [lineOf(problem)]);
  const unit = await readInstalled(file);
  if (typeof unit === "string") return refuseUnit(unit);
  const started = await readStartCommand(unit, grammar.commands);
  if (!started) return refuseUnit(`${unit.file} has no ExecStart=; it may be masked`);
  const unreadable = given === undefined ? whyUnreadable(started, unit.file) : undefined;
  if (unreadable !== undefined) return refuseUnit(unreadable);
  const parsed = given ?? started.parsed;
  const inputs = await readInputs(parsed, env);
  if (!("options" in inputs)) {
    return given === undefined
      ? refuseFile(io, formatProblemsOfUnit(inputs, started))
      : refuseOptions(io, inputs, parsed, "unit");
  }
  const { options, configFile, secrets } = inputs;
  const socket = options.controlSocket ?? started.parsed.values["control-socket"]?.at(-1);
  const differences = [
    ...(given === undefined ? [] : compareStartCommand(given, started, configFile)),
    ...compareUnit(unit, {
      needs: needsOf(options, placesOfDaemon(started.program, configFile, secrets), socket),
      limits: limitsFor(options),
      startSeconds: startSecondsOf(options),
      stopSeconds: stopSecondsOf(options),
      drains: options.drainDelayMs > 0,
      controlSocket: socket,
      credentials: secrets.files.flatMap((path) => credentialName(path) ?? []),
      variables: secrets.variables,
    }),
  ];
  if (differences.length === 0) return print(io, `${unit.file} fits these options`);
  io.warning(
    `health-checker: ${unit.file} does not fit these options; print it again with health-checker unit, and correct its drop-ins`,
  );
  await print(io, differences.map(describeDifference).join("\n"));
  return FAILED;
}

const lineOf = (problem: string): string => `health-checker: unit: ${problem}`;

/** A problem in the config file begins with its place there, any other gets the place of ExecStart=. */
function formatProblemsOfUnit(problems: readonly string[], { place, parsed }: StartCommand): readonly string[] {
  const file = onOneLine(parsed.values["config"]?.at(-1) ?? "");
  const hasPlace = (problem: string) => problem.startsWith(`${file}:`) && /^:\d/.test(problem.slice(file.length));
  return problems.map((problem) => (hasPlace(problem) ? problem : lineOf(`${place}: ExecStart=: ${problem}`)));
}
