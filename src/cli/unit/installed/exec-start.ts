// Reads ExecStart= of an installed unit: its place, the daemon's options, and the words that only systemd can expand.

import { resolve } from "node:path";
import { OPTIONS } from "../../../config/options.ts";
import { listFirstTwo } from "../../../text/list.ts";
import { onOneLine, quote } from "../../../text/printable.ts";
import { type Grammar, type Parsed, parse } from "../../parse.ts";
import { argumentsOf } from "../inputs.ts";
import { readArgument, readWords, unexpandedWords } from "../quote.ts";
import type { Difference } from "./difference.ts";
import type { InstalledUnit } from "./unit-file.ts";
import { settingOf } from "./values.ts";

export interface StartCommand {
  /** FILE:LINE of the unit, or of a drop-in. */
  readonly place: string;
  readonly program: string;
  /** The path of a config file is absolute. */
  readonly parsed: Parsed;
  /** Words with a variable or a specifier, such as "$PORT" and "%i", that systemd expands. */
  readonly unexpanded: readonly string[];
}

/** Undefined for a unit that starts nothing. */
export async function readStartCommand(
  unit: InstalledUnit,
  commands: Grammar["commands"],
): Promise<StartCommand | undefined> {
  const value = unit.values("ExecStart").at(-1);
  const [marked = "", ...words] = readWords(value?.text ?? "");
  const program = marked.replace(/^[-@:+!|]+/, "");
  if (!value || program === "") return undefined;
  const { values, problems } = await parse(words.map(readArgument), { options: OPTIONS, commands });
  const folder = settingOf(unit, "WorkingDirectory")?.text.replace(/^-/, "") ?? "";
  const config = values["config"]?.map((path) => resolve(folder.startsWith("/") ? folder : "/", path));
  return {
    place: `${onOneLine(value.file)}:${value.line}`,
    program,
    parsed: { values: config === undefined ? values : { ...values, config }, problems },
    unexpanded: unexpandedWords(value.text),
  };
}

/** Why the options of ExecStart= cannot be used, and what to do instead; undefined if they can. */
export function whyUnreadable({ place, parsed, unexpanded }: StartCommand, file: string): string | undefined {
  const [problem] = parsed.problems;
  const what =
    unexpanded.length > 0
      ? `${listFirstTwo(unexpanded.map(quote))}, which only systemd can expand`
      : problem && `options that cannot be read (${problem})`;
  const command = `health-checker unit --check ${onOneLine(file)} --config PATH`;
  return what && `${place}: ExecStart= has ${what}; give the options on the command line: ${command}`;
}

/** A control socket that was not given is no difference, since every printed unit has one. Unexpanded words are none either. */
export function compareStartCommand(
  given: Parsed,
  { parsed: started, unexpanded }: StartCommand,
  configFile: string | undefined,
): readonly Difference[] {
  const by = "the options given here";
  if (started.problems.length > 0) {
    if (unexpanded.length > 0) return [];
    const needed = argumentsOf(given.values, configFile).join(" ");
    return [{ directive: "ExecStart", needed, installed: "a command whose options cannot be read", by }];
  }
  const isUnexpanded = (text: string) => unexpanded.some((word) => word === text || word.endsWith(`=${text}`));
  const names = [...new Set([...Object.keys(given.values), ...Object.keys(started.values)])];
  const shown = (name: string, { values }: Parsed, configFile?: string) =>
    argumentsOf({ [name]: values[name] ?? [] }, configFile).join(" ") || `no --${name}`;
  return names
    .filter((name) => !started.values[name]?.some(isUnexpanded))
    .map((name) => ({ needed: shown(name, given, configFile), installed: shown(name, started) }))
    .filter(({ needed, installed }) => needed !== installed && needed !== "no --control-socket")
    .map(({ needed, installed }) => ({ directive: "ExecStart", needed, installed, by }));
}
