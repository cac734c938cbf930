// Renders everything that is known of one check for people.

import { rankOf } from "../../status/rank.ts";
import type { CheckChange, CheckHistory } from "../../status/schema.ts";
import { describeState, isUp } from "../../status/summary.ts";
import { formatDuration } from "../../text/duration.ts";
import { onOneLine } from "../../text/printable.ts";
import { ageOf, timeOf } from "../control/describe-drain.ts";
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

const CHANGES: readonly Column[] = [
  { head: "CHANGED AT" },
  { head: "TO", isPainted: true },
  { head: "AFTER", isRight: true },
];

export function renderCheck(check: CheckHistory, style: TerminalStyle, nowMs: number): string {
  const { name, severity, forSeconds, changes, output } = check;
  const since = forSeconds === undefined ? "" : ` for ${ageOf(forSeconds * 1000)}`;
  const colour = COLOURS[rankOf(check, severity === "critical" && !isUp(check))];
  return [
    ...drawText(`${onOneLine(name)}: ${describeState(check)}${since}`, colour, style),
    "",
    ...factsOf(check, nowMs).flatMap(([what, text]) => drawFact(what, text, style)),
    ...(output === undefined ? [] : ["", "output:", ...drawOutput(output, style)]),
    ...(changes.length === 0 ? [] : ["", ...drawTable(CHANGES, changes.map(rowOf), style)]),
  ].join("\n");
}

type Fact = readonly [what: string, text: string];

function factsOf(check: CheckHistory, nowMs: number): readonly Fact[] {
  const { kind, target, severity, timeoutSeconds, intervalSeconds, lastFailure, expiresAt } = check;
  const every = intervalSeconds === undefined ? "on request" : `every ${formatDuration(intervalSeconds * 1000)}`;
  const ago = (iso: string) => `${timeOf(iso)} (${ageOf(nowMs - Date.parse(iso))} ago)`;
  return [
    ["kind", `${kind}, severity ${severity}`],
    ["target", target],
    ["runs", `${every}, timeout ${formatDuration(timeoutSeconds * 1000)}`],
    ["thresholds", describeThresholds(check)],
    ["last run", describeLastRun(check, ago)],
    ["result", describeDetail(check)],
    ["counts as", check.countsAs ?? ""],
    ["expires", expiresAt === undefined ? "" : timeOf(expiresAt)],
    [
      "last failure",
      lastFailure ? `${ago(lastFailure.at)}: ${describeDetail(lastFailure)}` : "none since the daemon started",
    ],
    ["last hour", describeChanges(check.changesLastHour)],
    ["last runs", check.lastRuns],
    ["", describeRuns(check)],
  ];
}

const describeThresholds = ({ fall, rise }: CheckHistory): string =>
  `down after ${fall} ${fall === 1 ? "failure" : "failures"} in a row, up after ${rise} ${rise === 1 ? "pass" : "passes"}`;

function describeLastRun(check: CheckHistory, ago: (iso: string) => string): string {
  const { ranAt, runningSeconds } = check;
  const last = ranAt === undefined ? "never" : `${ago(ranAt)}, took ${describeTook(check)}`;
  return runningSeconds === undefined ? last : `running ${ageOf(runningSeconds * 1000)}; before: ${last}`;
}

const describeChanges = (count: number): string => `${count} ${count === 1 ? "change" : "changes"} of state`;

/** "5 ok, 1 failed; the slowest took 0.056s" */
function describeRuns({ lastRuns, runs }: CheckHistory): string {
  if (lastRuns === "") return "";
  const failed = [...lastRuns].filter((run) => run === "-").length;
  const slowest = Math.max(...runs.map(({ seconds }) => seconds));
  const longest = runs.length === 0 ? "" : `; the slowest took ${slowest.toFixed(3)}s`;
  return `${lastRuns.length - failed} ok, ${failed} failed${longest}`;
}

const WIDTH = 14;

/** The text stands in a column of its own, and is wrapped there. An empty one is not shown. */
function drawFact(what: string, text: string, style: TerminalStyle): readonly string[] {
  if (text === "") return [];
  const columns = style.columns === undefined ? undefined : Math.max(1, style.columns - WIDTH);
  return drawText(onOneLine(text), "", { ...style, columns }).map(
    (line, index) => `${(index === 0 ? what : "").padEnd(WIDTH)}${line}`,
  );
}

/** Each line of it on a line. */
const drawOutput = (output: string, style: TerminalStyle): readonly string[] =>
  Bun.stripANSI(output)
    .trimEnd()
    .split(/\r\n?|\n/)
    .flatMap((line) =>
      drawText(onOneLine(line), "", { ...style, columns: style.columns && style.columns - 2 }).map(
        (text) => `  ${text}`,
      ),
    );

const rowOf = ({ at, from, to, forSeconds, reason, detail }: CheckChange): Row => ({
  cells: [timeOf(at), to, forSeconds === undefined ? from : `${ageOf(forSeconds * 1000)} ${from}`],
  detail: onOneLine(
    describeDetail({ ...(reason !== undefined && { reason }), ...(detail !== undefined && { detail }) }),
  ),
  colour: to === "up" ? GREEN : RED,
});
