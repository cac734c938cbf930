// What came of a round, for people and for programs.

import { type CheckResult, concernsHost } from "../../checks/check.ts";
import { onOneLine } from "../../text/printable.ts";
import {
  type Column,
  colourOf,
  drawTable,
  drawText,
  GREEN,
  type Look,
  RED,
  type Row,
  rankOf,
  shortName,
  tellWhy,
} from "../table.ts";
import { isHealthy, type Results } from "./rounds.ts";

export function renderJson(results: Results): string {
  const report = {
    healthy: isHealthy(results),
    checks: results.map(({ check: { name, kind, target, severity }, durationMs, outcome }) => {
      const { ok, ...said } = outcome;
      return { name, kind, target, severity, ok, seconds: Math.round(durationMs * 1000) / 1e6, ...said };
    }),
  };
  return onOneLine(JSON.stringify(report), true);
}

const COLUMNS: readonly Column[] = [
  { head: "CHECK", isText: true },
  { head: "TARGET", isText: true },
  { head: "STATE", isPainted: true },
  { head: "TIME", isRight: true },
];

/** A head, a row a check, failures first, and the verdict. */
export function renderTable(results: Results, look: Look): string {
  const verdict = drawText(summarize(results), isHealthy(results) ? GREEN : RED, look);
  const rank = ({ check: { severity }, outcome }: CheckResult) =>
    rankOf(outcome.ok, severity, outcome.ok ? outcome.warning : undefined);
  const rows = results.toSorted((one, other) => rank(one) - rank(other)).map(rowOf);
  return [...drawTable(COLUMNS, rows, look), "", ...verdict].join("\n");
}

/** "healthy, 3 of 3 up", or which are not. */
function summarize(results: Results): string {
  const counted = results.filter(({ check }) => concernsHost(check));
  const up = counted.filter(({ outcome }) => outcome.ok).length;
  const count = `${up} of ${counted.length} up`;
  return isHealthy(results) ? `healthy, ${count}` : `unhealthy, ${count}: ${nameFailing(results)}`;
}

/** The checks that make the host unhealthy, each with its reason. */
export const nameFailing = (results: Results): string =>
  results
    .flatMap(({ check, outcome }) =>
      outcome.ok || check.severity !== "critical" ? [] : [`${shortName(check.name)} (${outcome.reason})`],
    )
    .join(", ");

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
    why: onOneLine(tellWhy(outcome)),
    colour: colourOf(outcome.ok, severity, outcome.ok ? outcome.warning : undefined),
  };
}
