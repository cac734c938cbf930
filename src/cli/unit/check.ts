// unit --check [FILE]: whether the installed unit is good for these options, or for those
// that it starts the daemon with itself; a line for each difference.

import type { Action } from "../action.ts";
import { type Parsed, parseCommandLine } from "../parse.ts";
import { type Environment, refuse } from "../settle.ts";
import { compareUnit, describeDifference } from "./compare.ts";
import type { Difference } from "./difference.ts";
import { type InstalledUnit, readInstalled } from "./installed.ts";
import { limitsFor } from "./limits.ts";
import { readArgument, readWords } from "./quote.ts";
import { credentialOf, othersOf, startSecondsOf, stopSecondsOf } from "./render.ts";
import { needsOf } from "./sandbox.ts";
import { readSource, wordsOf } from "./source.ts";

/** `given` are the options on the command line; undefined where there are none. */
export async function checkInstalled(
  file: string | undefined,
  given: Parsed | undefined,
  env: Environment,
): Promise<Action> {
  const unit = await readInstalled(file);
  if (typeof unit === "string") return refusal(unit);
  const { program, words } = commandOf(unit);
  if (program === "") return refusal(`${unit.file} has no ExecStart=; is it masked?`);
  const started = await parseCommandLine(words);
  if (given === undefined && started.problems.length > 0) {
    return refusal(
      `the options in ExecStart= of ${unit.file} cannot be read; give them: unit --check FILE --config PATH`,
    );
  }
  const parsed = given ?? started;
  const source = await readSource(parsed, env);
  if (!("options" in source)) return refuse(source, parsed);
  const { options, configFile, secrets } = source;
  const socket = options.controlSocket ?? started.values["control-socket"]?.at(-1);
  const differences = [
    ...(given === undefined ? [] : compareCommand(given, started, configFile)),
    ...compareUnit(unit, {
      needs: needsOf(options, othersOf(program, configFile, secrets), socket),
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
  lines: [`health-checker: unit: ${problem}`],
  command: "unit",
});

/** What the unit starts: the program, without the marks before it, and the daemon's words. */
function commandOf(unit: InstalledUnit): { readonly program: string; readonly words: readonly string[] } {
  const [program = "", ...words] = readWords(unit.values("ExecStart").at(-1)?.text ?? "");
  return { program: program.replace(/^[-@:+!|]+/, ""), words: words.map(readArgument) };
}

/** The control socket may be more than was given: every printed unit has one. */
function compareCommand(given: Parsed, started: Parsed, configFile: string | undefined): readonly Difference[] {
  const by = "the options given here";
  if (started.problems.length > 0) {
    const needed = wordsOf(given.values, configFile).join(" ");
    return [{ directive: "ExecStart", needed, installed: "a command whose options cannot be read", by }];
  }
  const names = [...new Set([...Object.keys(given.values), ...Object.keys(started.values)])];
  const shown = (name: string, { values }: Parsed, configFile?: string) =>
    wordsOf({ [name]: values[name] ?? [] }, configFile).join(" ") || `no --${name}`;
  return names
    .map((name) => ({ needed: shown(name, given, configFile), installed: shown(name, started) }))
    .filter(({ needed, installed }) => needed !== installed && needed !== "no --control-socket")
    .map(({ needed, installed }) => ({ directive: "ExecStart", needed, installed, by }));
}
