// Metrics of the requests to the health listener. No series names a client.

import { ANSWER_BUCKETS_S, type Histogram } from "../counts.ts";
import { type Metric, PREFIX, type Series, single } from "./metric.ts";

const DURATION = `${PREFIX}request_duration_seconds`;

/** Counted from 0, so that an increase shows the first one. */
const REFUSALS = ["proxy_protocol", "tls", "http2", "too_large", "malformed", "not_http", "too_many_connections"];

export const REQUEST_METRICS: readonly Metric[] = [
  {
    name: `${PREFIX}requests_total`,
    type: "counter",
    labels: ["code", "endpoint"],
    help: "Answers of the health listener, by HTTP status and endpoint (/ is the host).",
    read: ({ counts }) =>
      [...counts.requests].flatMap(([endpoint, codes]) =>
        [...codes].map(([code, value]) => ({ labels: { code, endpoint }, value })),
      ),
  },
  {
    name: DURATION,
    type: "histogram",
    labels: ["le"],
    help: "From the arrival of a request at the health listener to its answer.",
    read: ({ counts }) => histogram(counts.answerSeconds),
  },
  single(
    "counter",
    `${PREFIX}requests_aborted_total`,
    "Requests whose client disconnected before the answer.",
    ({ counts }) => counts.disconnected,
  ),
  {
    name: `${PREFIX}requests_refused_total`,
    type: "counter",
    labels: ["why"],
    help: "Connections to the health listener that were refused or closed, and why.",
    read: ({ counts }) => {
      const refused = new Map([...REFUSALS.map((why) => [why, 0] as const), ...counts.refused]);
      return [...refused].map(([why, value]) => ({ labels: { why }, value }));
    },
  },
  single(
    "gauge",
    `${PREFIX}clients`,
    "How many clients of the health listener are remembered, at most 64.",
    ({ status }) => status.clients.length,
  ),
  single(
    "gauge",
    `${PREFIX}open_connections`,
    "Open connections to the health listener.",
    ({ gauges }) => gauges.openConnections,
  ),
];

function histogram({ counts, sum }: Histogram): readonly Series[] {
  let total = 0;
  const buckets = [...ANSWER_BUCKETS_S, "+Inf"].map((le, index) => {
    total += counts[index] ?? 0;
    return { metricName: `${DURATION}_bucket`, labels: { le: String(le) }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${DURATION}_sum`, labels: {}, value: sum },
    { metricName: `${DURATION}_count`, labels: {}, value: total },
  ];
}
