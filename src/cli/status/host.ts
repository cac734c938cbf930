// Renders the status of the host for people: its state, the checks, the last reload.

import { type Ranked, rankChecks } from "../../status/rank.ts";
import type { CheckStatus, HostStatus, ReloadReport, ReloadUnderWay } from "../../status/schema.ts";
import { describeState, summarize, verdictOf } from "../../status/summary.ts";
import { onOneLine } from "../../text/printable.ts";
import { shortName } from "../../text/width.ts";
import { ageOf, describeDrain, timeOf } from "../control/describe-drain.ts";
import { listChanges } from "../control/list-changes.ts";
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
  YELLOW,
} from "../table.ts";

const COLUMNS: readonly Column[] = [
  { head: "CHECK", isText: true },
  { head: "STATE", isText: true, isPainted: true },
  { head: "FOR", isRight: true },
  { head: "LAST RUN", isRight: true },
  { head: "TOOK", isRight: true },
];

export function renderHost(status: HostStatus, style: TerminalStyle, nowMs: number): string {
  const { checks, failing, endpoints, reloading, lastReload, version, pid, startedAt } = status;
  const line = (text: string, colour = "") => drawText(text, colour, style);
  return [
    ...drawState(status, style, nowMs),
    "",
    ...drawTable(
      COLUMNS,
      rankChecks(checks, failing).map((ranked) => rowOf(ranked, nowMs)),
      style,
    ),
    "",
    ...endpoints.flatMap((endpoint) => line(describeEndpoint(endpoint), endpoint.healthy ? GREEN : RED)),
    ...(endpoints.length === 0 ? [] : [""]),
    ...(reloading ? line(describeUnderWay(reloading, nowMs), YELLOW) : []),
    ...(lastReload ? describeReload(lastReload, nowMs).flatMap(([text, colour]) => line(text, colour)) : []),
    ...line(`health-checker v${onOneLine(version)}, pid ${pid}, since ${timeOf(startedAt)}`),
  ].join("\n");
}

type Coloured = readonly [text: string, colour: string];

/** The state of the host; one that is drained has more than one line. */
export const drawState = (status: HostStatus, style: TerminalStyle, nowMs: number): readonly string[] =>
  stateLines(status, nowMs).flatMap(([text, colour]) => drawText(text, colour, style));

const VERDICT_COLOURS = { healthy: GREEN, unhealthy: RED, unknown: YELLOW } as const;

function stateLines(status: HostStatus, nowMs: number): readonly Coloured[] {
  const { state } = status;
  const verdict = verdictOf(status);
  const summary = summarize(verdict, status);
  if (state === verdict) return [[summary, VERDICT_COLOURS[state]]];
  const lines = [...(state === "stopping" ? ["draining, then stopping"] : []), ...describeDrain(status, nowMs)];
  return [...lines.map((text): Coloured => [text, YELLOW]), [`checks: ${summary}`, ""]];
}

/** "/replica: unhealthy: lag, replication" */
const describeEndpoint = ({ path, healthy, failing }: HostStatus["endpoints"][number]): string =>
  `${onOneLine(path)}: ${healthy ? "healthy" : `unhealthy: ${failing.map(shortName).join(", ")}`}`;

function rowOf({ check, rank }: Ranked<CheckStatus>, nowMs: number): Row {
  const { name, forSeconds } = check;
  return {
    cells: [
      onOneLine(name),
      describeState(check),
      forSeconds === undefined ? "" : ageOf(forSeconds * 1000),
      describeLastRun(check, nowMs),
      describeTook(check),
    ],
    detail: [describeDetail(check), ...notesOf(check, nowMs)]
      .filter((text) => text !== "")
      .map((text) => onOneLine(text))
      .join("; "),
    colour: COLOURS[rank],
  };
}

/** "running 2s" while one is in progress, "3s ago", or "never". */
function describeLastRun({ ranAt, runningSeconds }: CheckStatus, nowMs: number): string {
  if (runningSeconds !== undefined) return `running ${ageOf(runningSeconds * 1000)}`;
  return ranAt === undefined ? "never" : `${ageOf(nowMs - Date.parse(ranAt))} ago`;
}

/**
 * A check that flips, and one that has failed before, look well between two failures; so does one of which no result came
 * before the deadline.
 */
function notesOf({ countsAs, changesLastHour, lastFailure, reason }: CheckStatus, nowMs: number): readonly string[] {
  return [
    ...(countsAs === undefined ? [] : [`counts as failed: ${countsAs}`]),
    ...(changesLastHour > 1 ? [`${changesLastHour} changes in the last hour`] : []),
    ...(lastFailure && reason === undefined
      ? [`last failure ${ageOf(nowMs - Date.parse(lastFailure.at))} ago (${lastFailure.reason})`]
      : []),
  ];
}

function describeUnderWay({ since, dryRun }: ReloadUnderWay, nowMs: number): string {
  const what = dryRun ? "dry run of a reload" : "reload";
  return `${what} in progress since ${timeOf(since)} (${ageOf(nowMs - Date.parse(since))})`;
}

function describeReload(report: ReloadReport, nowMs: number): readonly Coloured[] {
  const { at, taken, problems, warnings: configWarnings, trialWarnings } = report;
  const when = `last reload ${timeOf(at)} (${ageOf(nowMs - Date.parse(at))} ago)`;
  const lines = [...problems, ...configWarnings, ...trialWarnings.map((text) => `warning: ${text}`)].map(
    (text): Coloured => [`  ${onOneLine(text)}`, ""],
  );
  return [
    [`${when}: ${taken ? listChanges(report) : "refused; the running configuration is unchanged"}`, taken ? "" : RED],
    ...lines,
  ];
}
