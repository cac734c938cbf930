// check [options]: the words of the command that runs every check once. It takes the
// daemon's options, so that what a unit file says can be asked by hand.

import { readTexts } from "../config/command-line.ts";
import type { OptionDef } from "../config/options.ts";
import { duration, flag } from "../fields/field.ts";
import type { Action } from "./action.ts";
import { renderOption } from "./help.ts";
import { parseCommandLine } from "./parse.ts";
import { type Environment, refuse, settle } from "./settle.ts";

const json: OptionDef<boolean> = { field: flag, help: "print the results as one JSON object, on one line" };

const wait: OptionDef<number> = {
  field: duration,
  value: "D",
  help: "repeat until the host is healthy, for D at most: `90s`, `5m`. What is waited for goes to stderr",
};

const OWN = { json, wait };

export async function check(rawArgs: readonly string[], env: Environment): Promise<Action> {
  const parsed = await parseCommandLine(rawArgs, OWN);
  if (parsed.values["help"]?.at(-1) === "true") return { kind: "print", text: renderCheckHelp() };
  const problems = [...parsed.problems];
  const read = <T>(name: string, option: OptionDef<T>): T | undefined => {
    const given = readTexts(name, option, parsed.values[name]);
    problems.push(...given.problems);
    return given.values.at(-1);
  };
  const asJson = read("json", json) ?? false;
  const waitMs = read("wait", wait);
  const options = await settle({ ...parsed, problems }, env);
  if (!("listener" in options)) return refuse(options, parsed);
  return { kind: "check", options, json: asJson, waitMs };
}

function renderCheckHelp(): string {
  return `health-checker check runs every check once, prints what came of it, and exits.
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
}
