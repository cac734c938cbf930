// Raw values of the command line → frozen options, or every problem there is.
// All defaults are here; nothing below fills one in.

import type { Command } from "../checks/script.ts";
import { DURATION_EXAMPLES, formatDuration, MAX_DURATION_MS, parseDuration } from "../duration.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import { type Address, parseAddress, parsePort } from "../probing/address.ts";
import { splitWords } from "../words.ts";

export const DEFAULTS = {
  listener: "0.0.0.0:5000",
  "script-timeout": "5",
  "port-timeout": "5",
  "max-rounds": "16",
  "failure-status": "504",
  "log-level": "info",
} as const;

/** What was given for each option, in order; the last counts where one is wanted. */
export type RawValues = Readonly<Partial<Record<string, readonly string[]>>>;

export interface Options {
  readonly listener: Address;
  /** True when nobody chose the listener. */
  readonly listenerIsDefault: boolean;
  readonly ports: readonly Address[];
  readonly scripts: readonly Command[];
  readonly portTimeoutMs: number;
  readonly scriptTimeoutMs: number;
  readonly singleflight: boolean;
  readonly maxRounds: number;
  readonly failureStatus: number;
  readonly logLevel: LogLevel;
}

/** One line for the user: `where: expected …, got …`. */
export type Problem = string;

/** More at once would only wait for each other; each holds a descriptor or a process a check. */
const MOST_ROUNDS = 1024;

/** The one problem that may only follow from another. */
export const NO_CHECK: Problem = "no check: expected at least one --port or --script, got none";

const PORT_FORMS = "a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH";

export function loadOptions(raw: RawValues): Options | readonly Problem[] {
  const problems: Problem[] = [];
  const expect = (option: string, expected: string, got: string, flaw?: string): undefined => {
    problems.push(`--${option}: expected ${expected}, got ${JSON.stringify(got)}${flaw ? ` (${flaw})` : ""}`);
  };
  const last = (option: keyof typeof DEFAULTS): string => raw[option]?.at(-1) ?? DEFAULTS[option];

  const duration = (option: "script-timeout" | "port-timeout"): number => {
    const text = last(option);
    const durationMs = parseDuration(text);
    if (durationMs === undefined) expect(option, DURATION_EXAMPLES, text);
    else if (durationMs <= 0) expect(option, "a duration above zero", text);
    else if (durationMs > MAX_DURATION_MS) expect(option, `at most ${formatDuration(MAX_DURATION_MS)}`, text);
    return durationMs ?? 0;
  };
  const integer = (option: "max-rounds" | "failure-status", lowest: number, highest: number): number => {
    const text = last(option);
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= lowest && number <= highest)) expect(option, `a whole number from ${lowest} to ${highest}`, text);
    return number;
  };
  const listener = (): Address | undefined => {
    const text = last("listener");
    const address = parseAddress(text, 0);
    return "flaw" in address ? expect("listener", "HOST:PORT, :PORT or unix:/PATH", text, address.flaw) : address;
  };
  const port = (text: string): Address | undefined => {
    if (/^[+-]?\d+$/.test(text)) {
      const number = parsePort(text, 1);
      return number ? { family: "tcp", host: "127.0.0.1", port: number } : expect("port", PORT_FORMS, text);
    }
    const address = parseAddress(text, 1);
    if ("flaw" in address) return expect("port", PORT_FORMS, text, address.flaw);
    const hostless = address.family === "tcp" && address.host === "";
    return hostless ? expect("port", PORT_FORMS, text, "it has no host before the colon") : address;
  };
  const script = (text: string): Command | undefined => {
    const words = splitWords(text);
    if (typeof words === "string") return expect("script", words, text);
    return { text, argv: words };
  };

  const logLevel = last("log-level").toLowerCase();
  const isLogLevel = (name: string): name is LogLevel => Object.hasOwn(LOG_LEVELS, name);
  if (!isLogLevel(logLevel)) expect("log-level", "one of panic, fatal, error, warning, info, debug", last("log-level"));

  const loaded = {
    listener: listener(),
    listenerIsDefault: raw["listener"] === undefined,
    ports: (raw["port"] ?? []).map(port),
    scripts: (raw["script"] ?? []).map(script),
    portTimeoutMs: duration("port-timeout"),
    scriptTimeoutMs: duration("script-timeout"),
    singleflight: raw["singleflight"]?.at(-1) === "true",
    maxRounds: integer("max-rounds", 1, MOST_ROUNDS),
    failureStatus: integer("failure-status", 400, 599),
  };
  if (!raw["port"] && !raw["script"]) problems.push(NO_CHECK);
  if (problems.length > 0 || !loaded.listener || !isLogLevel(logLevel)) return problems;
  const given = <T>(value: T | undefined): value is T => value !== undefined;
  return Object.freeze({
    ...loaded,
    listener: loaded.listener,
    ports: loaded.ports.filter(given),
    scripts: loaded.scripts.filter(given),
    logLevel,
  });
}
