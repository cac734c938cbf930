// Renders the results of a round: a table for people, JSON for programs, the output of a Nagios plugin.

import { type Ranked, rankChecks } from "../../status/rank.ts";
import type { CheckRun, CheckRuns } from "../../status/schema.ts";
import { checkRun } from "../../status/status.ts";
import { describeState, listFailing, summarize, type Verdict } from "../../status/summary.ts";
import { onOneLine } from "../../text/printable.ts";
import { type PluginOutput, renderPlugin } from "../nagios.ts";
import {
  COLOURS,
  type Column,
  describeDetail,
  describeTook,
  drawTable,
  drawText,
  GREEN,
  RED,
  type Row,
  type TerminalStyle,
} from "../table.ts";
import { isHealthy, type Results } from "./rounds.ts";

const runsOf = (results: Results): CheckRuns => ({
  healthy: isHealthy(results),
  failing: results.flatMap(({ check, outcome }) => (outcome.ok || check.severity !== "critical" ? [] : [check.name])),
  checks: results.map(checkRun),
});

const verdictOf = ({ healthy }: CheckRuns): Verdict => (healthy ? "healthy" : "unhealthy");

export const renderJson = (results: Results): string => onOneLine(JSON.stringify(runsOf(results)), true);

const COLUMNS: readonly Column[] = [
  { head: "CHECK", isText: true },
  { head: "TARGET", isText: true },
  { head: "STATE", isText: true, isPainted: true },
  { head: "TOOK", isRight: true },
];

/** A head, a row for each check, failures first, and the verdict. */
export function renderTable(results: Results, style: TerminalStyle): string {
  const runs = runsOf(results);
  const verdict = drawText(summarize(verdictOf(runs), runs), runs.healthy ? GREEN : RED, style);
  return [...drawTable(COLUMNS, rankChecks(runs.checks, runs.failing).map(rowOf), style), "", ...verdict].join("\n");
}

export function renderNagios(results: Results): PluginOutput {
  const runs = runsOf(results);
  return renderPlugin({ verdict: verdictOf(runs), drained: [], checks: runs.checks, failing: runs.failing });
}

/** The checks that make the host unhealthy, each with its reason. */
export const nameFailing = (results: Results): string => listFailing(runsOf(results));

const rowOf = ({ check, rank }: Ranked<CheckRun>): Row => ({
  cells: [onOneLine(check.name), onOneLine(check.target), describeState(check), describeTook(check)],
  detail: onOneLine(describeDetail(check)),
  colour: COLOURS[rank],
});
