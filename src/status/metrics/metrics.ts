// THE table of metrics: /metrics, the metrics file, `status --format prometheus` and docs/metrics.md are made of it.

import { CHECK_METRICS } from "./checks.ts";
import { HOST_METRICS } from "./host.ts";
import type { Metric } from "./metric.ts";
import { PROCESS_METRICS } from "./process.ts";
import { REQUEST_METRICS } from "./requests.ts";

export const METRICS: readonly Metric[] = [...HOST_METRICS, ...CHECK_METRICS, ...REQUEST_METRICS, ...PROCESS_METRICS];
