// How many processes go by a name, by one look at /proc for all who ask at the
// same moment.

import { type Failure, failed } from "../../checks/check.ts";
import { askFileSystem } from "../files/filesystem.ts";
import { gather } from "../system/gather.ts";

export interface ProcessCount {
  readonly alive: number;
  readonly zombies: number;
  /** False where this user does not see the processes of all. */
  readonly complete: boolean;
}

/** With five thousand processes a look takes 50 ms: then, however often it is asked for, a third of one processor. */
const pauseMs = (durationMs: number): number => (durationMs < 20 ? 0 : Math.min(100, 2 * durationMs));

/** Settles at once when `signal` aborts; never rejects. */
export const countProcesses = gather<ProcessCount | Failure>({
  async askAll(names, signal) {
    const told = await askFileSystem({ ask: "census", path: "/proc", names }, signal);
    if ("reason" in told) return () => told;
    if ("code" in told) {
      const failure = failed("unreachable", `cannot look at the processes: /proc cannot be read (${told.code})`);
      return () => failure;
    }
    const { counts, complete } = told.value;
    const byName = new Map(names.map((name, index) => [name, counts[index]]));
    return (name) => ({ alive: 0, zombies: 0, ...byName.get(name), complete });
  },
  cut: () => failed("timeout", "looking at the processes"),
  atOnce: 1,
  pauseMs,
});
