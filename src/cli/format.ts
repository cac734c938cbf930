// The formats of a report: a table for people, JSON, the output of a Nagios plugin, metrics. `--json` is short for `--format json`.

import type { OptionDef } from "../config/options.ts";
import type { Problem } from "../config/problem.ts";
import { flag, oneOf } from "../fields/field.ts";
import { type Io, print } from "./io.ts";
import { renderUnknown, UNKNOWN } from "./nagios.ts";
import type { Parsed } from "./parse.ts";
import type { Reader } from "./read-option.ts";

export const json: OptionDef<boolean> = {
  field: flag,
  help: "Short for `--format json`: one JSON object on one line.",
};

export const formatOption = <const T extends string>(formats: readonly T[], help: string): OptionDef<T> => ({
  field: oneOf(formats),
  value: "FORMAT",
  help: `One of ${formats.map((format) => `\`${format}\``).join(", ")}. ${help} Default: table.`,
});

/** Adds a problem if `--json` and `--format` contradict each other. */
export function readFormat<T extends string>({ read, problems }: Reader, option: OptionDef<T>): T | "table" | "json" {
  const asJson = read("json", json) ?? false;
  const format = read("format", option);
  if (!asJson) return format ?? "table";
  if (format !== undefined && format !== "json") {
    problems.push(`--json: means --format json, got also --format ${format}`);
  }
  return "json";
}

/**
 * Reports a wrong command line to Nagios, as UNKNOWN on stdout, where it looks for the reason: exit status 2 would be
 * CRITICAL. Undefined if the format is another one.
 */
export async function refuseToNagios(
  parsed: Parsed,
  io: Io,
  problems: readonly Problem[],
): Promise<number | undefined> {
  if (parsed.values["format"]?.at(-1) !== "nagios") return undefined;
  await print(io, renderUnknown(problems));
  return UNKNOWN;
}
