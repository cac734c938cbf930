// A daemon's controls without a daemon: a status and a report that a test says, and drains for real.

import { createWithdrawals } from "../../src/drain/drain.ts";
import type { Withdrawals } from "../../src/drain/state.ts";
import type { Controls } from "../../src/listeners/control/controls.ts";
import { createLog } from "../../src/log/log.ts";
import { type HostStatus, NO_CHANGE, type ReloadReport } from "../../src/status/status.ts";

export const HEALTHY: HostStatus = {
  version: "1.0.0",
  pid: 42,
  startedAt: "2026-01-31T12:00:00.000Z",
  healthy: true,
  state: "healthy",
  failing: [],
  checks: [],
};

export const TAKEN: ReloadReport = {
  at: "2026-01-31T12:00:00.000Z",
  taken: true,
  dryRun: false,
  problems: [],
  forcible: false,
  cautions: [],
  warnings: [],
  ...NO_CHANGE,
  kept: 1,
  changed: ["database", "lag"],
  added: ["cache"],
};

/** `directory` is where drains are kept; nowhere unless said. */
export function controlsFor(says: Partial<Controls> = {}, directory?: string): Controls & { withdrawals: Withdrawals } {
  const withdrawals = createWithdrawals({ directory, log: createLog("panic", () => {}), onChange: () => {} });
  return { status: async () => HEALTHY, reload: async () => TAKEN, ...says, withdrawals };
}
