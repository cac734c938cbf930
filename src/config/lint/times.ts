// Times that look like a mistake: a number without a unit is seconds, but looks like milliseconds; a timeout that was
// set is longer than the interval.

import type { CheckConfig } from "../../checks/build.ts";
import { formatDuration, parseDuration } from "../../text/duration.ts";
import type { ConfigFile } from "../file.ts";
import { timeoutOptionOf } from "../options.ts";
import { type Path, valueAt } from "../problem.ts";
import type { Origin } from "./duplicates.ts";

export interface TimesInput {
  readonly checks: readonly CheckConfig[];
  readonly origins: readonly Origin[];
  readonly source: ConfigFile | undefined;
  /** What was given on the command line for each option. */
  readonly raw: Readonly<Partial<Record<string, readonly string[]>>>;
}

/** A program may take some minutes, a server not so long; an interval or an age may be hours. */
const TIMES: Readonly<Record<string, Sort>> = {
  "port-timeout": "wait",
  "script-timeout": "program",
  deadline: "wait",
  timeout: "wait",
  interval: "interval",
  "drain-delay": "span",
  "stale-after": "span",
  "max-age": "span",
};

type Sort = "wait" | "program" | "interval" | "span";

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
      const warning = describeMilliseconds(TIMES[name], text);
      return warning === undefined ? [] : [`--${name}: ${warning}`];
    }),
  );
  const written = holders.flatMap((holder) =>
    Object.keys(TIMES).flatMap((key) => {
      const path = [...holder, key];
      const isOfScript = valueAt(value, [...holder, "script"]) !== undefined && holder.length > 0;
      const sort = isOfScript && key === "timeout" ? "program" : TIMES[key];
      const warning = describeMilliseconds(sort, valueAt(value, path));
      return warning === undefined || !source ? [] : [source.remark(path, warning)];
    }),
  );
  return [...typed, ...written];
}

function describeMilliseconds(sort: Sort | undefined, given: unknown): string | undefined {
  if (typeof given !== "number" && typeof given !== "string") return undefined;
  const text = String(given);
  if (!/^\d+(?:\.0+)?$/.test(text) || !looksLikeMilliseconds(Number(text), sort)) return undefined;
  const means = formatDuration(parseDuration(text) ?? 0);
  return `warning: ${text} without a unit is seconds (${means}); write ${text}ms for milliseconds, or ${text}s for seconds`;
}

/** 300, 3600 and 5400 seconds are round minutes or hours; 500 and 5000 are round only as milliseconds. */
function looksLikeMilliseconds(number: number, sort: Sort | undefined): boolean {
  if (number >= 1000) {
    return sort === "wait" || sort === "program" || (number % 500 === 0 && number % HALF_AN_HOUR_S !== 0);
  }
  if (sort === "interval") return number >= 250 && number % 250 === 0 && number % 60 !== 0;
  if (sort === "wait" && number >= 100 && number % 50 === 0) return number % 60 !== 0;
  return (sort === "wait" || sort === "program") && number >= 250 && number % 60 !== 0;
}

const HALF_AN_HOUR_S = 1800;

/** A warning for each place where a timeout was set; a default timeout is no mistake. */
function findOverlong({ checks, origins, source, raw }: TimesInput): readonly string[] {
  const warnings = new Map<string, string>();
  for (const [index, { kind, timeoutMs, intervalMs }] of checks.entries()) {
    const origin = origins[index];
    if (!origin || intervalMs === undefined || timeoutMs <= intervalMs) continue;
    const [timeout, interval] = [timeoutMs, intervalMs].map(formatDuration);
    const warning = `warning: the timeout (${timeout}) is longer than the interval (${interval}), so while a run hangs the next runs are skipped`;
    const option = timeoutOptionOf(kind.name);
    const paths = [
      ...(origin.path ? [[...origin.path, "timeout"]] : []),
      ...(option === undefined ? [] : [[option]]),
      ["defaults", "timeout"],
    ];
    const own = origin.path && origin.common.timeout !== undefined;
    if (!own && option !== undefined && raw[option]) {
      warnings.set(option, `--${option}: ${warning}`);
      continue;
    }
    const path = paths.find((path) => valueAt(source?.value, path) !== undefined);
    if (path && source) warnings.set(path.join("."), source.remark(path, warning));
  }
  return [...warnings.values()];
}
