// How many processes have a name. All checks that run at the same moment share one scan of /proc.

import { askFileSystem } from "../../fs/filesystem.ts";
import type { Counts, NearMisses, ProcessQuery } from "../../fs/proc.ts";
import { type Failure, failed } from "../../outcome.ts";
import { runningGroups } from "../../process/group.ts";
import { coalesce } from "../../system/coalesce.ts";

export interface ProcessCount extends Counts {
  /** False if the processes of other users are not visible. */
  readonly complete: boolean;
}

/** With five thousand processes a scan takes 50 ms. The pause limits scans to a third of one processor, however many checks run. */
const pauseMs = (durationMs: number): number => (durationMs < 20 ? 0 : Math.min(100, 2 * durationMs));

/** Resolves at once when `signal` aborts; never rejects. */
export const countProcesses = (query: ProcessQuery, signal: AbortSignal): Promise<ProcessCount | Failure> =>
  count(JSON.stringify(query), signal);

const NONE: Counts = { alive: 0, zombies: 0, own: 0, inContainers: 0, unmatched: 0 };

/** The keys are `ProcessQuery` as JSON. */
const count = coalesce<ProcessCount | Failure>({
  async loadAll(keys, signal) {
    const queries = keys.map((key) => JSON.parse(key) as ProcessQuery);
    const answer = await askFileSystem(
      { ask: "process-counts", path: "/proc", queries, scripts: runningGroups() },
      signal,
    );
    if (!answer.ok) {
      const { code } = answer;
      const unreadable = () => failed("unreachable", `cannot read /proc (${code})`);
      return () => (code === undefined ? answer : unreadable());
    }
    const { counts, complete } = answer.value;
    const byKey = new Map(keys.map((key, index) => [key, counts[index]]));
    return (key) => ({ ...(byKey.get(key) ?? NONE), complete });
  },
  onAbort: () => failed("timeout", "reading /proc"),
  atOnce: 1,
  pauseMs,
});

/** Undefined if there was no time to scan. Resolves at once when `signal` aborts; never rejects. */
export const findNearMisses = coalesce<NearMisses | undefined>({
  async loadAll(names, signal) {
    const answer = await askFileSystem({ ask: "near-misses", path: "/proc", names, scripts: runningGroups() }, signal);
    const found = new Map(answer.ok ? names.map((name, index) => [name, answer.value[index]]) : []);
    return (name) => found.get(name);
  },
  onAbort: () => undefined,
  atOnce: 1,
  pauseMs,
});
