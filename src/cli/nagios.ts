// The output of a Nagios plugin, by the guidelines of the Monitoring Plugins: one line with the state, a line for each
// check below it, and performance data after the first "|". The exit status is the state.

import { concernsHost } from "../checks/check.ts";
import { rankChecks } from "../status/rank.ts";
import type { CheckRun, CheckStatus } from "../status/schema.ts";
import { describeChecks, describeState, isUp, type Verdict } from "../status/summary.ts";
import { escapeUnprintable } from "../text/printable.ts";
import { shortName } from "../text/width.ts";
import { describeDetail } from "./table.ts";

const OK = 0;
const WARNING = 1;
const CRITICAL = 2;
export const UNKNOWN = 3;

const WORDS = ["OK", "WARNING", "CRITICAL", "UNKNOWN"] as const;

export interface PluginOutput {
  readonly text: string;
  readonly exit: number;
}

/** `check` knows the last result, `status` the rest. */
type Check = CheckRun | CheckStatus;

export interface PluginInput {
  readonly verdict: Verdict;
  /** Why the host is drained, or in maintenance; empty if it is not. */
  readonly drained: readonly string[];
  readonly checks: readonly Check[];
  /** Names of the checks that make the host unhealthy. */
  readonly failing: readonly string[];
}

/** Nagios reads no more. */
const MOST_BYTES = 4096;
/** Of the first line without its performance data: old versions of NRPE carry no more than 1024 bytes. */
const MOST_FIRST_BYTES = 900;
const MOST_PERFORMANCE_BYTES = 2048;
const MOST_LINE_BYTES = 400;
/** For the line that counts the checks that are not listed. */
const REST_BYTES = 32;

/** For the whole host. Of many checks those that are down are listed first. */
export function renderPlugin({ verdict, drained, checks, failing }: PluginInput): PluginOutput {
  const exit = drained.length > 0 ? WARNING : exitOf(verdict, checks);
  const first = [...drained, describeChecks({ checks, failing })].join("; ");
  const lines = rankChecks(checks, failing).map(({ check }) => `${shortName(check.name)}: ${describeCheck(check)}`);
  return { text: render(exit, first, lines, checks), exit };
}

function exitOf(verdict: Verdict, checks: readonly Check[]): number {
  if (verdict === "unhealthy") return CRITICAL;
  if (verdict === "unknown") return UNKNOWN;
  return checks.filter(concernsHost).some((check) => !isUp(check) || check.warning !== undefined) ? WARNING : OK;
}

/** For one check. What it printed is the long output. */
export function renderCheckPlugin(check: CheckStatus): PluginOutput {
  const { name, severity, status, stale, warning, output = "" } = check;
  const down = severity === "critical" ? CRITICAL : WARNING;
  const up = warning === undefined ? OK : WARNING;
  const exit = status === "unknown" && !stale ? UNKNOWN : isUp(check) ? up : down;
  const lines = Bun.stripANSI(output).split(/\r\n?|\n/);
  const said = lines.filter((line) => line !== "");
  return { text: render(exit, `${shortName(name)} ${describeCheck(check)}`, said, [check]), exit };
}

/** Why nothing is known: no daemon answers, or the command line is wrong. */
export const renderUnknown = ([first = "", ...others]: readonly string[]): string => render(UNKNOWN, first, others, []);

/** "down (not critical), refused: 127.0.0.1:6379 refused the connection" */
function describeCheck(check: Check): string {
  const detail = describeDetail(check);
  return detail === "" ? describeState(check) : `${describeState(check)}, ${detail}`;
}

function render(exit: number, first: string, lines: readonly string[], checks: readonly Check[]): string {
  const head = clip(`HEALTH ${WORDS[exit]} - ${plain(first)}`, MOST_FIRST_BYTES);
  const performance = fitting(checks.map(performanceOf), MOST_PERFORMANCE_BYTES).join(" ");
  const start = performance === "" ? head : `${head} | ${performance}`;
  const shown = fitting(
    lines.map((line) => clip(plain(line), MOST_LINE_BYTES)),
    MOST_BYTES - bytesOf(start) - REST_BYTES,
  );
  const rest = lines.length - shown.length;
  return [start, ...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join("\n");
}

/** 'name'=0.004s;;;0;5: the time of the last run, and at the end the timeout. U for a check that has not run. */
function performanceOf({ name, seconds, timeoutSeconds }: Check): string {
  // A label may hold anything but "=" and "|"; a quote is doubled.
  const label = shortName(name).replaceAll("'", "''").replaceAll(/[=|]/g, "_");
  return `'${label}'=${seconds === undefined ? "U" : `${seconds}s;;;0;${timeoutSeconds}`}`;
}

/** On one line, without the character that begins performance data. */
const plain = (text: string): string => escapeUnprintable(text).replaceAll("|", "¦");

/** The first texts that have at most so many bytes together, each with a separator. */
function fitting(texts: readonly string[], mostBytes: number): readonly string[] {
  let bytes = 0;
  const end = texts.findIndex((text) => {
    bytes += bytesOf(text) + 1;
    return bytes > mostBytes;
  });
  return end < 0 ? texts : texts.slice(0, end);
}

const ELLIPSIS = "…";

/** Cut to so many bytes of UTF-8, never within a character. */
function clip(text: string, mostBytes: number): string {
  if (bytesOf(text) <= mostBytes) return text;
  const cut = Buffer.from(text).subarray(0, mostBytes - bytesOf(ELLIPSIS));
  return `${new TextDecoder().decode(cut, { stream: true })}${ELLIPSIS}`;
}

const bytesOf = (text: string): number => Buffer.byteLength(text);
