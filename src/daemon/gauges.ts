// What the parts of the daemon count, for metrics. Cheap to read; counters count since the daemon started.

import type { HealthServer } from "../listeners/health/server.ts";
import type { Monitor } from "../monitor/monitor.ts";
import { orphanCount, runningGroups } from "../process/group.ts";
import type { Gauges } from "../status/metrics/metric.ts";

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
