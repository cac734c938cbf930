// What the parts of the daemon count, for metrics. Cheap to read; counters count since the daemon started.

import type { HealthServer } from "../listeners/health/server.ts";
import type { Monitor } from "../monitor/monitor.ts";
import { orphanCount, runningGroups } from "../process/group.ts";

export interface Gauges {
  readonly roundsRunning: number;
  /** Counter: requests that joined a round that had begun for another request. */
  readonly roundsShared: number;
  readonly scriptsRunning: number;
  /** Counter: processes that left the group of their script and held its output. */
  readonly orphans: number;
  /** Counter. */
  readonly logLinesDropped: number;
  /** Of the health listener. */
  readonly openConnections: number;
}

export interface GaugeParts {
  readonly monitor: Pick<Monitor, "counters">;
  /** Undefined before it listens. */
  readonly health: Pick<HealthServer, "openConnections"> | undefined;
  readonly droppedLines: () => number;
}

export const readGauges = ({ monitor, health, droppedLines }: GaugeParts): Gauges => ({
  ...monitor.counters,
  scriptsRunning: runningGroups().length,
  orphans: orphanCount(),
  logLinesDropped: droppedLines(),
  openConnections: health?.openConnections() ?? 0,
});
