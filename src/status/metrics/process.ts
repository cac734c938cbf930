// Metrics of the daemon itself. Those of the process have the names that all Prometheus clients give them.

import { readdirSync, statSync } from "node:fs";
import { descriptorLimit } from "../../system/fd-reserve.ts";
import { type Metric, PREFIX, type ProcessUsage, single, timestamp } from "./metric.ts";

export const PROCESS_METRICS: readonly Metric[] = [
  single(
    "gauge",
    `${PREFIX}rounds_running`,
    "Rounds of checks for requests that are running.",
    ({ gauges }) => gauges.roundsRunning,
  ),
  single(
    "counter",
    `${PREFIX}rounds_shared_total`,
    "Requests that joined a round that had begun for another request.",
    ({ gauges }) => gauges.roundsShared,
  ),
  single("gauge", `${PREFIX}scripts_running`, "Scripts that are running.", ({ gauges }) => gauges.scriptsRunning),
  single(
    "counter",
    `${PREFIX}orphans_total`,
    "Processes that left the group of their script and still held its output.",
    ({ gauges }) => gauges.orphans,
  ),
  single(
    "counter",
    `${PREFIX}log_lines_dropped_total`,
    "Log lines that were lost because the reader of stdout was too slow.",
    ({ gauges }) => gauges.logLinesDropped,
  ),
  single(
    "counter",
    "process_cpu_seconds_total",
    "User and system CPU time of the daemon, without its scripts.",
    ({ usage }) => usage.cpuSeconds,
  ),
  single("gauge", "process_resident_memory_bytes", "Resident memory.", ({ usage }) => usage.residentBytes),
  single("gauge", "process_open_fds", "Open file descriptors. Linux only.", ({ usage }) => usage.openDescriptors),
  single(
    "gauge",
    "process_max_fds",
    "The limit of file descriptors. Linux only.",
    ({ usage }) => usage.descriptorLimit,
  ),
  single("gauge", "process_start_time_seconds", "When the daemon started.", ({ status }) =>
    timestamp(status.startedAt),
  ),
];

export function processUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    openDescriptors: openDescriptors(),
    descriptorLimit: descriptorLimit(),
  };
}

/** Linux 6.2 and later give the number as the size of the folder; reading thousands of names takes milliseconds. */
function openDescriptors(): number | undefined {
  const folder = "/proc/self/fd";
  try {
    // Without the one that reads the folder.
    return statSync(folder).size || readdirSync(folder).length - 1;
  } catch {
    return undefined;
  }
}
