// Renders the results of a round: a table for people, JSON for programs, the output of a Nagios plugin.

import type { CheckResult } from "../../checks/check.ts";
import type { CheckRuns } from "../../status/schema.ts";
import { checkRun } from "../../status/status.ts";
import {
  describeChecks,
  describeState,
  type FailingCheck,
  listAll,
  summarize,
  type Verdict,
} from "../../status/summary.ts";
import { onOneLine } from "../../text/printable.ts";
import { type PluginOutput, renderPlugin } from "../nagios.ts";
import {
  type Column,
  colourOf,
  describeDetail,
  describeTook,
  drawTable,
  drawText,
  GREEN,
  RED,
  type Row,
  rankOf,
  type TerminalStyle,
} from "../table.ts";
import { isHealthy, type Results } from "./rounds.ts";

export function renderJson(results: Results): string {
  const report: CheckRuns = {
    healthy: isHealthy(results),
    failing: failingOf(results).map(({ name }) => name),
    checks: results.map(checkRun),
  };
  return onOneLine(JSON.stringify(report), true);
}

const COLUMNS: readonly Column[] = [
  { head: "CHECK", isText: true },
  { head: "TARGET", isText: true },
  { head: "STATE", isText: true, isPainted: true },
  { head: "TOOK", isRight: true },
];

/** A head, a row for each check, failures first, and the verdict. */
export function renderTable(results: Results, style: TerminalStyle): string {
  const verdict = drawText(summaryOf(results), isHealthy(results) ? GREEN : RED, style);
  const rank = ({ check: { severity }, outcome }: CheckResult) =>
    rankOf(outcome.ok, severity, outcome.ok ? outcome.warning : undefined);
  const rows = results.toSorted((one, other) => rank(one) - rank(other)).map(rowOf);
  return [...drawTable(COLUMNS, rows, style), "", ...verdict].join("\n");
}

export const renderNagios = (results: Results): PluginOutput =>
  renderPlugin({
    verdict: verdictOf(results),
    summary: describeChecks(standingsOf(results), failingOf(results)),
    drained: [],
    checks: results.map(checkRun),
  });

const summaryOf = (results: Results): string => summarize(verdictOf(results), standingsOf(results), failingOf(results));

const verdictOf = (results: Results): Verdict => (isHealthy(results) ? "healthy" : "unhealthy");

const standingsOf = (results: Results) =>
  results.map(({ check: { name, severity }, outcome }) => ({
    name,
    severity,
    isUp: outcome.ok,
    reason: outcome.ok ? undefined : outcome.reason,
  }));

/** The checks that make the host unhealthy, each with its reason. */
export const nameFailing = (results: Results): string => listAll(failingOf(results));

const failingOf = (results: Results): readonly FailingCheck[] =>
  results.flatMap(({ check, outcome }) =>
    outcome.ok || check.severity !== "critical" ? [] : [{ name: check.name, reason: outcome.reason }],
  );

function rowOf(result: CheckResult): Row {
  const { check, outcome } = result;
  const run = checkRun(result);
  return {
    cells: [onOneLine(check.name), onOneLine(check.target), describeState(run), describeTook(run)],
    detail: onOneLine(describeDetail(run)),
    colour: colourOf(outcome.ok, check.severity, run.warning),
  };
}
