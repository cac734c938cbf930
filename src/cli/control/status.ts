// Renders the status of the host for people: its state, the checks, the last reload.

import type { CheckStatus, HostStatus, ReloadChange, ReloadReport, ReloadUnderWay } from "../../status/schema.ts";
import { summarize } from "../../status/summary.ts";
import { listOf } from "../../text/list.ts";
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
  YELLOW,
} from "../table.ts";
import { ageOf, describeDrain, timeOf } from "./describe-drain.ts";

const COLUMNS: readonly Column[] = [
  { head: "CHECK", isText: true },
  { head: "STATE", isPainted: true },
  { head: "FOR", isRight: true },
  { head: "LAST RUN", isRight: true },
  { head: "TOOK", isRight: true },
];

export function renderStatus(status: HostStatus, style: TerminalStyle, nowMs: number): string {
  const { checks, reloading, lastReload, version, pid, startedAt } = status;
  const rank = (check: CheckStatus) => rankOf(isUp(check), check.severity, check.warning);
  const line = (text: string, colour = "") => drawText(text, colour, style);
  return [
    ...describeState(status, nowMs).flatMap(([text, colour]) => line(text, colour)),
    "",
    ...drawTable(
      COLUMNS,
      checks.toSorted((one, other) => rank(one) - rank(other)).map((check) => rowOf(check, nowMs)),
      style,
    ),
    "",
    ...(reloading ? line(describeUnderWay(reloading, nowMs), YELLOW) : []),
    ...(lastReload ? describeReload(lastReload, nowMs).flatMap(([text, colour]) => line(text, colour)) : []),
    ...line(`health-checker v${onOneLine(version)}, pid ${pid}, since ${timeOf(startedAt)}`),
  ].join("\n");
}

type Coloured = readonly [text: string, colour: string];

function describeState(status: HostStatus, nowMs: number): readonly Coloured[] {
  const { state } = status;
  const verdict = summaryOf(status);
  if (state === "healthy" || state === "unhealthy") return [[verdict, state === "healthy" ? GREEN : RED]];
  const lines = [...(state === "stopping" ? ["draining, then stopping"] : []), ...describeDrain(status, nowMs)];
  return [...lines.map((text): Coloured => [text, YELLOW]), [`checks: ${verdict}`, ""]];
}

function summaryOf({ checks, failing }: HostStatus): string {
  const standings = checks.map((check) => ({ severity: check.severity, isUp: isUp(check) }));
  const named = failing.map((name) => {
    const check = checks.find((check) => check.name === name);
    return { name: shortName(name), reason: check && reasonOf(check) };
  });
  return summarize(standings, failing.length === 0, named);
}

const isUp = ({ status, stale }: CheckStatus): boolean => status === "up" && !stale;

/** Why a check makes the host unhealthy. A check that is down may have passed its last run, and then has no reason. */
const reasonOf = ({ status, stale, reason, countsAs }: CheckStatus): string =>
  stale ? "stale" : status === "down" ? (reason ?? "down") : (countsAs ?? "no result yet");

function rowOf(check: CheckStatus, nowMs: number): Row {
  const { name, status, stale, severity, forSeconds, ranAt, seconds, warning } = check;
  const notes = [...(stale ? ["stale"] : []), ...(severity === "critical" ? [] : [severity])];
  return {
    cells: [
      onOneLine(name),
      notes.length === 0 ? status : `${status} (${notes.join(", ")})`,
      forSeconds === undefined ? "" : ageOf(forSeconds * 1000),
      ranAt === undefined ? "never" : `${ageOf(nowMs - Date.parse(ranAt))} ago`,
      seconds === undefined ? "" : `${seconds.toFixed(3)}s`,
    ],
    detail: onOneLine(describeDetail(check)),
    colour: colourOf(isUp(check), severity, warning),
  };
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

/** In each list: a line of a thousand names is of no use. */
const MOST_NAMES = 20;

/** "3 checks kept; 2 changed: database, lag; 1 added: cache; 1 option changed: deadline" */
export function listChanges(change: ReloadChange): string {
  const { kept } = change;
  const list = (what: string, names: readonly string[]) => {
    const shown = listOf(names.map(shortName), MOST_NAMES);
    return names.length === 0 ? [] : [`${names.length} ${what}: ${shown}`];
  };
  const oneOrMore = (names: readonly string[], one: string, more: string) => (names.length === 1 ? one : more);
  const { kindChanged, options, endpointsChanged, endpointsAdded, endpointsRemoved } = change;
  const endpoints = (what: string, paths: readonly string[]) =>
    list(`${oneOrMore(paths, "endpoint", "endpoints")} ${what}`, paths);
  return [
    `${kept} ${kept === 1 ? "check" : "checks"} kept`,
    ...list("changed", change.changed),
    ...list(`changed ${oneOrMore(kindChanged, "its", "their")} kind`, kindChanged),
    ...list("added", change.added),
    ...list("removed", change.removed),
    ...list(`${oneOrMore(options, "option", "options")} changed`, options),
    ...endpoints("changed", endpointsChanged),
    ...endpoints("added", endpointsAdded),
    ...endpoints("removed", endpointsRemoved),
  ].join("; ");
}
