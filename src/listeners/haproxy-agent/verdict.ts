// What the agent says of the checks: the verdict that a health request gets, and why it is so.

import type { CheckReport, Monitor } from "../../monitor/monitor.ts";
import type { AgentVerdict } from "./line.ts";

type Judging = Pick<Monitor, "read" | "ask" | "states">;

/** Read from memory or asked for, as for a health request. */
export async function verdictOf({ read, ask, states }: Judging, signal: AbortSignal): Promise<AgentVerdict> {
  const { healthy, failing } = read() ?? (await ask({ signal }));
  if (healthy) return HEALTHY;
  const reports = new Map(states().map((report) => [report.check.name, report]));
  return { healthy, down: failing.map((name) => ({ name, reason: reasonOf(reports.get(name)) })) };
}

const HEALTHY: AgentVerdict = { healthy: true, down: [] };

/** Undefined where it is not known yet: the round still waits for a check that decides nothing, or was cut by its deadline. */
function reasonOf(report: CheckReport | undefined): string | undefined {
  if (report?.stale) return "stale";
  const outcome = report?.state.status === "down" ? report.state.last?.outcome : undefined;
  return outcome && !outcome.ok ? outcome.reason : undefined;
}
