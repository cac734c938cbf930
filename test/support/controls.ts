// The controls of a daemon without one: the test gives the status and the report of a reload; a drain is real.

import { DrainControl } from "../../src/drain/drain.ts";
import type { Controls } from "../../src/listeners/control/handler.ts";
import { createLog } from "../../src/log/log.ts";
import type { HostStatus, ReloadReport } from "../../src/status/schema.ts";
import { NO_CHANGE } from "../../src/status/status.ts";
import { hostStatus } from "./status.ts";

export const HEALTHY: HostStatus = hostStatus();

export const TAKEN: ReloadReport = {
  at: "2026-01-31T12:00:00.000Z",
  taken: true,
  dryRun: false,
  problems: [],
  forcible: false,
  warnings: [],
  trialWarnings: [],
  ...NO_CHANGE,
  kept: 1,
  changed: ["database", "lag"],
  added: ["cache"],
};

/** `directory` is where a drain is saved; by default nowhere. */
export function controlsFor(
  given: Partial<Controls> = {},
  directory?: string,
): Controls & { readonly drainControl: DrainControl } {
  const drainControl = new DrainControl({ directory, log: createLog("panic", () => {}), onChange: () => {} });
  return {
    status: async () => HEALTHY,
    check: async () => ({ names: [] }),
    metrics: async () => "",
    reload: async () => TAKEN,
    ...given,
    drainControl,
  };
}
