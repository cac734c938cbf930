// Runs the checks of a command line. The results are for stdout; progress goes to stderr meanwhile.

import { writeSync } from "node:fs";
import { buildCheck } from "../../checks/build.ts";
import type { Options } from "../../config/load.ts";
import { allGroupsGone, killAllGroups } from "../../process/group.ts";
import { reapInheritedChildren } from "../../process/reaper.ts";
import { holdReserve } from "../../system/fd-reserve.ts";
import { scriptEnvironment } from "../../system/script-environment.ts";
import { onOneLine } from "../../text/printable.ts";
import { DONE, type Environment, FAILED } from "../io.ts";
import { columnsOf, isCapable, styleOf } from "../terminal.ts";
import { createProgress, type ProgressStream } from "./progress.ts";
import { renderJson, renderNagios, renderTable } from "./report.ts";
import { isHealthy, runRounds } from "./rounds.ts";

const STDERR = 2;

/** A killed process is gone by then, or hangs in the kernel. */
const KILL_GRACE_MS = 500;

export interface ChecksToRun {
  readonly options: Options;
  readonly format: "table" | "json" | "nagios";
  /** How long to repeat until the host is healthy; undefined for one round. */
  readonly waitMs: number | undefined;
}

export interface Report {
  readonly exit: number;
  /** For stdout. */
  readonly text: string;
}

/** Resolves with undefined if the signal ended it. Leaves no process behind. */
export async function runChecks(
  { options, format, waitMs }: ChecksToRun,
  { env, signal }: { readonly env: Environment; readonly signal: AbortSignal },
): Promise<Report | undefined> {
  reapInheritedChildren();
  holdReserve();
  const reported = new Set<string>();
  const onOrphan = (check: string) => {
    if (reported.has(check)) return;
    reported.add(check);
    write(`health-checker: ${onOneLine(check)}: a process left its group and still holds the script's output\n`);
  };
  const checks = options.checks.map((config) => buildCheck(config, { env: scriptEnvironment(env), onOrphan }));
  const progress = waitMs === undefined ? undefined : createProgress(waitMs, stderr(env));
  const results = await runRounds(checks, {
    // The default deadline is for the requests of a listener.
    deadlineMs: options.deadlineIsDefault ? undefined : options.deadlineMs,
    waitMs,
    signal,
    onUnhealthy: (results) => progress?.show(results),
  });
  progress?.end(results);
  killAllGroups();
  await allGroupsGone(KILL_GRACE_MS);
  if (!results) return undefined;
  if (format === "nagios") return renderNagios(results);
  const text = format === "json" ? renderJson(results) : renderTable(results, styleOf(env));
  return { exit: isHealthy(results) ? DONE : FAILED, text };
}

/** Ignores that the reader has gone or the disk is full. */
function write(text: string): void {
  try {
    writeSync(STDERR, text);
  } catch {
    // There is nowhere else to report it.
  }
}

const stderr = (env: Environment): ProgressStream => ({
  isTerminal: isCapable(process.stderr, env),
  columns: () => columnsOf(process.stderr),
  write,
});
