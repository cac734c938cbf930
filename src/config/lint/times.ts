// Times that look like a mistake: a plain number is seconds, and its author may have meant milliseconds; a
// timeout that someone chose is longer than the interval.

import type { CheckConfig } from "../../checks/build.ts";
import { formatDuration, parseDuration } from "../../text/duration.ts";
import type { ConfigFile } from "../file.ts";
import { type Path, valueAt } from "../problem.ts";
import type { Origin } from "./duplicates.ts";

export interface TimesInput {
  readonly checks: readonly CheckConfig[];
  readonly origins: readonly Origin[];
  readonly source: ConfigFile | undefined;
  /** What was given on the command line for each option. */
  readonly raw: Readonly<Partial<Record<string, readonly string[]>>>;
}

/** Nobody waits as long as a thousand seconds; an interval or an age may be hours. */
const TIMES: Readonly<Record<string, "wait" | "span">> = {
  "port-timeout": "wait",
  "script-timeout": "wait",
  deadline: "wait",
  timeout: "wait",
  interval: "span",
  "drain-delay": "span",
  "stale-after": "span",
  "max-age": "span",
};

export function lintTimes(input: TimesInput): readonly string[] {
  return [...findMilliseconds(input), ...findOverlong(input)];
}

function findMilliseconds({ source, raw }: TimesInput): readonly string[] {
  const value = source?.value;
  const checks = valueAt(value, ["checks"]);
  const holders: readonly Path[] = [
    [],
    ["defaults"],
    ...(Array.isArray(checks) ? checks.map((_, index) => ["checks", index]) : []),
  ];
  const typed = Object.keys(TIMES).flatMap((name) =>
    (raw[name] ?? []).flatMap((text) => {
      const warning = describeMilliseconds(name, text);
      return warning === undefined ? [] : [`--${name}: ${warning}`];
    }),
  );
  const written = holders.flatMap((holder) =>
    Object.keys(TIMES).flatMap((key) => {
      const path = [...holder, key];
      const warning = describeMilliseconds(key, valueAt(value, path));
      return warning === undefined || !source ? [] : [source.remark(path, warning)];
    }),
  );
  return [...typed, ...written];
}

function describeMilliseconds(name: string, given: unknown): string | undefined {
  if (typeof given !== "number" && typeof given !== "string") return undefined;
  const text = String(given);
  if (!/^\d+$/.test(text) || !looksLikeMilliseconds(Number(text), TIMES[name] === "wait")) return undefined;
  const means = formatDuration(parseDuration(text) ?? 0);
  return `warning: ${text} without a unit is in seconds, ${means}; write ${text}ms for milliseconds, ${text}s if seconds are meant`;
}

/** 300 and 3600 are minutes and hours, 500 and 5000 are round in milliseconds alone. */
function looksLikeMilliseconds(number: number, isWait: boolean): boolean {
  if (isWait) return number >= 1000 || (number >= 250 && number % 60 !== 0);
  return number >= 1000 && number % 500 === 0;
}

/** A warning for each place where a timeout was chosen; one that is a default is nobody's mistake. */
function findOverlong({ checks, origins, source, raw }: TimesInput): readonly string[] {
  const warnings = new Map<string, string>();
  for (const [index, { kind, timeoutMs, intervalMs }] of checks.entries()) {
    const origin = origins[index];
    if (!origin || intervalMs === undefined || timeoutMs <= intervalMs) continue;
    const [timeout, interval] = [timeoutMs, intervalMs].map(formatDuration);
    const warning = `warning: the timeout (${timeout}) is longer than the interval (${interval}), so while a run hangs the next ones are left out`;
    const option = TIMEOUTS[kind.name];
    const paths = [
      ...(origin.path ? [[...origin.path, "timeout"]] : []),
      ...(option === undefined ? [] : [[option]]),
      ["defaults", "timeout"],
    ];
    const own = origin.path && origin.says.timeout !== undefined;
    if (!own && option !== undefined && raw[option]) {
      warnings.set(option, `--${option}: ${warning}`);
      continue;
    }
    const path = paths.find((path) => valueAt(source?.value, path) !== undefined);
    if (path && source) warnings.set(path.join("."), source.remark(path, warning));
  }
  return [...warnings.values()];
}

/** The options that are timeouts of a kind. */
const TIMEOUTS: Readonly<Partial<Record<string, string>>> = { tcp: "port-timeout", script: "script-timeout" };
