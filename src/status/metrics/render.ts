// Writes what is known of the host in the text format of Prometheus, 0.0.4. Load it only by import().

import Registry from "@prometheus-io/client/lib/registry.js";
import type { Counts } from "../counts.ts";
import type { HostStatus } from "../schema.ts";
import { type Gauges, type Metric, PREFIX, type Source } from "./metric.ts";
import { METRICS } from "./metrics.ts";
import { processUsage } from "./process.ts";

export type { Gauges } from "./metric.ts";

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** The answer to a scrape. It has no state: each call reads all values again. */
export const renderMetrics = (status: HostStatus, counts: Counts, gauges: Gauges): Promise<string> =>
  render(METRICS, sourceOf(status, counts, gauges));

/** For the textfile collector of node_exporter, which fails if a file has metrics of its own process, such as its CPU time. */
export const renderMetricsFile = (status: HostStatus, counts: Counts, gauges: Gauges): Promise<string> =>
  render(FILE_METRICS, sourceOf(status, counts, gauges));

const FILE_METRICS = METRICS.filter(({ name }) => name.startsWith(PREFIX));

const sourceOf = (status: HostStatus, counts: Counts, gauges: Gauges): Source => ({
  status,
  checks: status.checks.map((check) => ({ status: check, labels: { check: check.name } })),
  counts,
  gauges,
  usage: processUsage(),
});

function render(metrics: readonly Metric[], source: Source): Promise<string> {
  const registry = new Registry();
  for (const { name, help, type, read } of metrics) {
    const values = read(source);
    if (values.length > 0) registry.registerMetric({ name, get: () => ({ name, help, type, values }) });
  }
  return registry.metrics();
}
