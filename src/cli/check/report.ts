// Renders the results of a round: a table for people, JSON for programs.

import type { CheckResult } from "../../checks/check.ts";
import type { CheckRuns } from "../../status/schema.ts";
import { checkRun, resultStatus } from "../../status/status.ts";
import { type FailingCheck, listAll, summarize } from "../../status/summary.ts";
import { onOneLine } from "../../text/printable.ts";
import {
  type Column,
  colourOf,
  describeDetail,
  drawTable,
  drawText,
  GREEN,
  RED,
  type Row,
  rankOf,
  shortName,
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
  { head: "STATE", isPainted: true },
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

function summaryOf(results: Results): string {
  const standings = results.map(({ check: { severity }, outcome }) => ({ severity, isUp: outcome.ok }));
  return summarize(standings, isHealthy(results), failingOf(results));
}

/** The checks that make the host unhealthy, each with its reason. */
export const nameFailing = (results: Results): string => listAll(failingOf(results));

const failingOf = (results: Results): readonly FailingCheck[] =>
  results.flatMap(({ check, outcome }) =>
    outcome.ok || check.severity !== "critical" ? [] : [{ name: shortName(check.name), reason: outcome.reason }],
  );

function rowOf({ check, durationMs, outcome }: CheckResult): Row {
  const { severity } = check;
  const state = outcome.ok ? "up" : "down";
  return {
    cells: [
      onOneLine(check.name),
      onOneLine(check.target),
      severity === "critical" ? state : `${state} (${severity})`,
      `${(durationMs / 1000).toFixed(3)}s`,
    ],
    detail: onOneLine(describeDetail(resultStatus(outcome))),
    colour: colourOf(outcome.ok, severity, outcome.ok ? outcome.warning : undefined),
  };
}
