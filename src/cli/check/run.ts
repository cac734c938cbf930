// Runs the checks of a command line. What came of them is for stdout; all else that
// is said goes to stderr meanwhile.

import { writeSync } from "node:fs";
import { buildCheck } from "../../checks/build.ts";
import { allGroupsGone, killAllGroups } from "../../process/group.ts";
import { reapStrangers } from "../../process/reaper.ts";
import { holdReserve } from "../../system/fd-reserve.ts";
import { scriptEnvironment } from "../../system/script-environment.ts";
import { onOneLine } from "../../text/printable.ts";
import type { Action } from "../action.ts";
import type { Environment } from "../settle.ts";
import { columnsOf, isCapable, lookOf } from "../terminal.ts";
import { createProgress, type Place } from "./progress.ts";
import { renderJson, renderTable } from "./report.ts";
import { isHealthy, runRounds } from "./rounds.ts";

const STDERR = 2;

/** What was killed is gone by then, or hangs in the kernel. */
const KILL_GRACE_MS = 500;

export interface Report {
  readonly healthy: boolean;
  /** For stdout. */
  readonly text: string;
}

/** Undefined where the signal ended it; either way no process is left. */
export async function runCheckCommand(
  { options, json, waitMs }: Extract<Action, { kind: "check" }>,
  { env, signal }: { readonly env: Environment; readonly signal: AbortSignal },
): Promise<Report | undefined> {
  reapStrangers();
  holdReserve();
  const toldOrphans = new Set<string>();
  const onOrphan = (check: string) => {
    if (toldOrphans.has(check)) return;
    toldOrphans.add(check);
    write(`health-checker: ${onOneLine(check)}: a process left its group and still holds the output of the script\n`);
  };
  const checks = options.checks.map((config) => buildCheck(config, { env: scriptEnvironment(env), onOrphan }));
  const progress = waitMs === undefined ? undefined : createProgress(waitMs, stderr(env));
  const results = await runRounds(checks, {
    // That of the background is for who asks a listener.
    deadlineMs: options.deadlineIsDefault ? undefined : options.deadlineMs,
    waitMs,
    signal,
    onUnhealthy: (results) => progress?.show(results),
  });
  progress?.end();
  killAllGroups();
  await allGroupsGone(KILL_GRACE_MS);
  if (!results) return undefined;
  return { healthy: isHealthy(results), text: json ? renderJson(results) : renderTable(results, lookOf(env)) };
}

/** A reader that is gone, or a disk that is full, is no reason to stop. */
function write(text: string): void {
  try {
    writeSync(STDERR, text);
  } catch {
    // Then nobody is told.
  }
}

const stderr = (env: Environment): Place => ({
  isTerminal: isCapable(process.stderr, env),
  columns: () => columnsOf(process.stderr),
  write,
});
