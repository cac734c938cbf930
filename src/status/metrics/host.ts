// Metrics of the host: its state, its drain, its configuration and the program.

import { type Metric, PREFIX, series, single, timestamp } from "./metric.ts";

export const HOST_METRICS: readonly Metric[] = [
  single(
    "gauge",
    `${PREFIX}healthy`,
    "1 if the health listener answers that the host is healthy, else 0. Absent while that is not known.",
    ({ status }) => (status.state === "unknown" ? undefined : status.healthy),
  ),
  {
    name: `${PREFIX}drained`,
    type: "gauge",
    labels: ["kind"],
    help: "1 while a drain or a maintenance is in force, else 0.",
    read: ({ status }) => [
      ...series({ kind: "drain" }, status.drain !== undefined),
      ...series({ kind: "maintenance" }, status.maintenance !== undefined),
    ],
  },
  single(
    "gauge",
    `${PREFIX}drained_until_timestamp_seconds`,
    "When the maintenance ends. Absent without one.",
    ({ status }) => timestamp(status.maintenance?.until),
  ),
  single(
    "gauge",
    `${PREFIX}config_last_reload_successful`,
    "0 if the last reload was refused, else 1.",
    ({ status }) => status.lastReload?.taken ?? true,
  ),
  {
    name: `${PREFIX}config_info`,
    type: "gauge",
    labels: ["sha256"],
    help: "Always 1. The SHA-256 of the config file in force. Absent without a config file.",
    read: ({ status }) => (status.config ? series({ sha256: status.config.sha256 }, 1) : []),
  },
  {
    name: `${PREFIX}build_info`,
    type: "gauge",
    labels: ["version", "bun"],
    help: "Always 1. The version of health-checker and of its runtime.",
    read: ({ status }) => series({ version: status.version, bun: Bun.version }, 1),
  },
];
