// The status of the host as application/health+json, by draft-inadarei-api-health-check-06.

import type { CheckStatus, HostStatus } from "./schema.ts";
import { isUp, listFailing } from "./summary.ts";

type HealthState = "pass" | "warn" | "fail";

export interface HealthJson {
  readonly status: HealthState;
  /** The first number of the version: what a client of this JSON can rely on. */
  readonly version: string;
  readonly releaseId: string;
  readonly serviceId: string;
  readonly description: string;
  readonly notes: readonly string[];
  /** Absent if it passes. */
  readonly output?: string;
  readonly checks: Readonly<Record<string, readonly ComponentHealth[]>>;
}

interface ComponentHealth {
  /** The name of the check. */
  readonly componentId: string;
  readonly observedValue?: number;
  readonly observedUnit?: "s";
  readonly status: HealthState;
  readonly time?: string;
  readonly output?: string;
}

export function healthJson(status: HostStatus): HealthJson {
  const { version, host, state, checks } = status;
  const components = checks.map((check) => ({ check, health: componentOf(check) }));
  const isWarned = components.some(({ check, health }) => health.status !== "pass" && check.severity !== "endpoint");
  const overall = !status.healthy ? "fail" : isWarned ? "warn" : "pass";
  const output = components.flatMap(({ check, health }) =>
    health.output === undefined ? [] : [`${check.name}: ${health.output}`],
  );
  const grouped = Map.groupBy(components, ({ check }) => keyOf(check));
  return {
    status: overall,
    version: version.split(".", 1)[0] ?? version,
    releaseId: version,
    serviceId: host,
    description: `health of ${host}`,
    notes: [`state: ${state}`, ...notesOf(status)],
    ...(overall !== "pass" && output.length > 0 && { output: output.join("\n") }),
    checks: Object.fromEntries([...grouped].map(([key, all]) => [key, all.map(({ health }) => health)])),
  };
}

/** The name of a component must not contain a colon. */
const keyOf = ({ name }: CheckStatus): string => `${name.replaceAll("%", "%25").replaceAll(":", "%3A")}:responseTime`;

function componentOf(check: CheckStatus): ComponentHealth {
  const { name, seconds, ranAt, warning } = check;
  const status = !isUp(check) ? "fail" : warning === undefined ? "pass" : "warn";
  const output = status === "warn" ? warning : outputOf(check);
  return {
    componentId: name,
    ...(seconds !== undefined && { observedValue: seconds, observedUnit: "s" }),
    status,
    ...(ranAt !== undefined && { time: ranAt }),
    ...(status !== "pass" && output !== undefined && { output }),
  };
}

function outputOf({ status, stale, reason, detail, output }: CheckStatus): string | undefined {
  if (stale) return "the result is stale";
  if (status === "unknown") return "no result yet";
  return [[reason, detail].filter(Boolean).join(": "), output ?? ""].filter(Boolean).join("\n");
}

function notesOf(status: HostStatus): readonly string[] {
  const { drain, maintenance, failing } = status;
  const because = (reason: string | undefined) => (reason === undefined ? "" : `: ${reason}`);
  return [
    ...(maintenance ? [`in maintenance until ${maintenance.until}${because(maintenance.reason)}`] : []),
    ...(drain ? [`drained since ${drain.since}${because(drain.reason)}`] : []),
    ...(failing.length > 0 ? [`failing: ${listFailing(status)}`] : []),
  ];
}
