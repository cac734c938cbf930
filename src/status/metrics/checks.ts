// Metrics of the checks. Only checks of the running configuration have series.

import type { Counts } from "../counts.ts";
import type { CheckStatus } from "../schema.ts";
import { isUp } from "../summary.ts";
import { type KnownCheck, type Metric, ofChecks, PREFIX, type Series, seriesOf, timestamp } from "./metric.ts";

export const CHECK_METRICS: readonly Metric[] = [
  ofChecks(
    "gauge",
    `${PREFIX}check_up`,
    "1 if the check is up, 0 if it is down or its result is stale. Absent while it is unknown.",
    upValue,
  ),
  {
    name: `${PREFIX}check_info`,
    type: "gauge",
    labels: ["check", "kind", "severity"],
    help: "Always 1. The kind and the severity of the check.",
    read: ({ checks }) => checks.map((check) => seriesOf(check, 1, infoOf(check))),
  },
  ofChecks(
    "gauge",
    `${PREFIX}check_stale`,
    "1 if the last result of a check in the background is too old to count, else 0.",
    ({ intervalSeconds, stale }) => (intervalSeconds === undefined ? undefined : stale),
  ),
  ofChecks(
    "gauge",
    `${PREFIX}check_duration_seconds`,
    "How long the last run of the check took.",
    ({ seconds }) => seconds,
  ),
  ofChecks(
    "gauge",
    `${PREFIX}check_timeout_seconds`,
    "The longest time that a run of the check may take.",
    ({ timeoutSeconds }) => timeoutSeconds,
  ),
  ofChecks("gauge", `${PREFIX}check_last_run_timestamp_seconds`, "When the last run of the check began.", ({ ranAt }) =>
    timestamp(ranAt),
  ),
  ofChecks(
    "gauge",
    `${PREFIX}check_last_success_timestamp_seconds`,
    "When the last run of the check that passed began.",
    ({ lastSuccessAt }) => timestamp(lastSuccessAt),
  ),
  {
    name: `${PREFIX}check_runs_total`,
    type: "counter",
    labels: ["check", "outcome", "reason"],
    help: "Runs of the check, by outcome (ok or failed) and the reason of the failure.",
    read: ({ checks, counts }) => checks.flatMap((check) => runsOf(check, counts)),
  },
  ofChecks(
    "counter",
    `${PREFIX}check_transitions_total`,
    "Changes of the check between up and down.",
    ({ name }, { counts }) => counts.transitions.get(name) ?? 0,
  ),
  ofChecks(
    "gauge",
    `${PREFIX}certificate_expiry_timestamp_seconds`,
    "When the certificate expires that the check looks at.",
    ({ expiresAt }) => timestamp(expiresAt),
  ),
];

/** A stale result counts as a failure, whatever it was. */
function upValue(check: CheckStatus): boolean | undefined {
  return check.status === "unknown" ? undefined : isUp(check);
}

const infoOf = ({ status: { kind, severity } }: KnownCheck) => ({ kind, severity });

const PASSED = { outcome: "ok", reason: "" };

/** The runs that passed are counted from 0, so that a rate of them is right from the first one on. */
function runsOf(check: KnownCheck, { runs }: Counts): readonly Series[] {
  const ofCheck = runs.get(check.status.name) ?? new Map<string, number>();
  const all = [seriesOf(check, ofCheck.get("") ?? 0, PASSED)];
  for (const [reason, count] of ofCheck) {
    if (reason !== "") all.push(seriesOf(check, count, { outcome: "failed", reason }));
  }
  return all;
}
