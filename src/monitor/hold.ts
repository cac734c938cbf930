// Keeps a check from running in the background while something else runs in its place, but not for so long that its
// result gets stale: an answer that has to wait is certain harm, two runs at once are not.

import { type Clock, callAt } from "../system/clock.ts";
import type { CheckRecord } from "./check-record.ts";

export async function untilIdle(record: CheckRecord): Promise<void> {
  while (record.run) await record.run.batch.ended;
}

/**
 * Until it is released; from `idle` on that comes in time for the result not to get stale. `onRelease` is never called
 * within a call to this.
 */
export function holdRuns(record: CheckRecord, idle: Promise<void>, clock: Clock, onRelease: () => void) {
  const { holds } = record;
  let cancel = () => {};
  const release = () => {
    cancel();
    // Not within this turn: a reload may be about to replace the check.
    if (holds.delete(release)) clock.after(0, onRelease);
  };
  holds.add(release);
  void idle.then(() => {
    if (holds.has(release)) cancel = callAt(clock, record.latestStart, release);
  });
  return { idle, release };
}
