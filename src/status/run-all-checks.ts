// What `status` asks of the monitor: the verdict that a health request gets, and that all which is
// run for it is known. Whatever hangs, it is answered while its asker still waits.

import type { Check, Verdict } from "../checks/check.ts";
import type { Monitor } from "../monitor/monitor.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";

/** Below what the command line waits. What has not ended by then has failed, and goes on. */
export const LONGEST_MS = 25_000;

/** Waits for what only warns, too, so that the monitor knows of it. */
export async function askWhole(
  checks: readonly Check[],
  monitor: Pick<Monitor, "ask">,
  clock: Clock = hostClock,
): Promise<Verdict> {
  const { promise: landed, resolve: onLanded } = Promise.withResolvers<void>();
  const cancel = clock.after(LONGEST_MS, onLanded);
  const { signal } = new AbortController();
  const verdict = await monitor.ask({ signal, onLanded, patienceMs: LONGEST_MS });
  if (checks.some(({ intervalMs }) => intervalMs === undefined)) await landed;
  cancel();
  return verdict;
}
