// Writes what is known of the host in the text format of Prometheus, 0.0.4. Load it only by import().

import Registry from "@prometheus-io/client/lib/registry.js";
import type { Counts } from "../counts.ts";
import type { HostStatus } from "../schema.ts";
import type { Gauges } from "./metric.ts";
import { METRICS } from "./metrics.ts";
import { processUsage } from "./process.ts";

export type { Gauges } from "./metric.ts";

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** The whole answer to a scrape. It has no state: each call reads all values again. */
export function renderMetrics(status: HostStatus, counts: Counts, gauges: Gauges): Promise<string> {
  const source = { status, counts, gauges, usage: processUsage() };
  const registry = new Registry();
  for (const { name, help, type, read } of METRICS) {
    const values = read(source);
    if (values.length > 0) registry.registerMetric({ name, get: () => ({ name, help, type, values }) });
  }
  return registry.metrics();
}
