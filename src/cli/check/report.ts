// What came of a round, for people and for programs.
//
// Where nobody looks, the table is plain: a line a check, nothing cut. On a terminal
// it keeps to the width: what is long is wrapped under its column, or below its line.

import type { CheckResult, Outcome } from "../../checks/check.ts";
import { onOneLine } from "../../config/problem.ts";
import { isHealthy, type Results } from "./rounds.ts";

export interface Look {
  /** Undefined where lines may be of any length. */
  readonly columns: number | undefined;
  readonly colour: boolean;
}

export function renderJson(results: Results): string {
  return JSON.stringify({
    healthy: isHealthy(results),
    checks: results.map(({ check: { name, kind, target, severity }, durationMs, outcome }) => {
      const { ok, ...said } = outcome;
      return { name, kind, target, severity, ok, seconds: Math.round(durationMs * 1000) / 1e6, ...said };
    }),
  });
}

const GAP = "  ";

/** Narrower than this a column of text is harder to read than lines below. */
const LEAST_WHY = 30;

const LEAST_CELL = 8;

/** Of a script's last line: the whole of it is in the JSON. */
const LONGEST_SAID = 200;

/** What follows an output of which only the end was kept. */
const HOW_MUCH = /^\(captured \d+ of \d+ bytes\)$/;

const RED = "\x1b[31m";
const GREEN = "\x1b[32m";
const YELLOW = "\x1b[33m";
const BOLD = "\x1b[1m";
const PLAIN = "\x1b[0m";

/** One row; `why` is what the last column says, on one line. */
interface Row {
  readonly cells: readonly [name: string, target: string, state: string, time: string];
  readonly why: string;
  readonly colour: string;
}

/** A head, a row a check, and the verdict. */
export function renderTable(results: Results, { columns, colour }: Look): string {
  const paint = (text: string, code: string) => (colour && code !== "" ? `${code}${text}${PLAIN}` : text);
  const head: Row = { cells: ["CHECK", "TARGET", "STATE", "TIME"], why: "WHY", colour: BOLD };
  const rows = [head, ...results.map(rowOf)];
  const [nameWidth = 0, targetWidth = 0, stateWidth = 0, timeWidth = 0] = [0, 1, 2, 3].map((index) =>
    Math.max(...rows.map(({ cells }) => widthOf(cells[index] ?? ""))),
  );
  const rest = stateWidth + timeWidth + 3 * GAP.length;
  const widest = Math.max(...rows.map(({ why }) => widthOf(why)));
  const roomIn = (left: number) => (columns ?? Number.POSITIVE_INFINITY) - left - GAP.length;
  const whole = nameWidth + targetWidth + rest;
  const beside = roomIn(whole) >= Math.min(widest, LEAST_WHY);
  const [nameRoom, targetRoom] =
    beside || columns === undefined ? [nameWidth, targetWidth] : share(nameWidth, targetWidth, columns - rest);
  const left = beside ? whole : 0;

  const lines = rows.flatMap((row) => {
    const [name, target, state, time] = row.cells;
    const cells = [
      pad(cut(name, nameRoom), nameRoom),
      pad(cut(target, targetRoom), targetRoom),
      paint(pad(state, stateWidth), row.colour),
      time.padStart(timeWidth),
    ].join(GAP);
    const why = row.why === "" || (row === head && !beside) ? [] : wrap(row.why, roomIn(left));
    if (!beside) return [cells, ...why.map((line) => `${GAP}${line}`)];
    return [[cells, ...why.slice(0, 1)].join(GAP), ...why.slice(1).map((line) => `${" ".repeat(left)}${GAP}${line}`)];
  });
  const said = summarize(results);
  const verdict = columns === undefined ? [said] : wrap(said, columns);
  return [...lines, "", ...verdict.map((line) => paint(line, isHealthy(results) ? GREEN : RED))].join("\n");
}

/** "healthy, 3 of 3 up", or which are not. */
function summarize(results: Results): string {
  const up = results.filter(({ outcome }) => outcome.ok).length;
  const count = `${up} of ${results.length} up`;
  return isHealthy(results) ? `healthy, ${count}` : `unhealthy, ${count}: ${nameFailing(results)}`;
}

/** The checks that make the host unhealthy, each with its reason. */
export const nameFailing = (results: Results): string =>
  results
    .flatMap(({ check, outcome }) =>
      outcome.ok || check.severity === "warning" ? [] : [`${onOneLine(check.name)} (${outcome.reason})`],
    )
    .join(", ");

function rowOf({ check, durationMs, outcome }: CheckResult): Row {
  const reported = check.severity === "warning";
  const state = outcome.ok ? "up" : "down";
  return {
    cells: [
      onOneLine(check.name),
      onOneLine(check.target),
      reported ? `${state} (warning)` : state,
      `${(durationMs / 1000).toFixed(3)}s`,
    ],
    why: onOneLine(whyOf(outcome)),
    colour: outcome.ok ? (outcome.warning === undefined ? GREEN : YELLOW) : reported ? YELLOW : RED,
  };
}

function whyOf(outcome: Outcome): string {
  if (!outcome.ok) {
    const last = outcome.output?.split("\n").findLast((line) => line.trim() !== "" && !HOW_MUCH.test(line));
    const said = last === undefined ? "" : `; its output ends in: ${cut(last.trim(), LONGEST_SAID)}`;
    return `${outcome.reason}: ${outcome.message}${said}`;
  }
  return outcome.warning === undefined ? (outcome.detail ?? "") : `warning: ${outcome.warning}`;
}

/** Room for two cells in `total`: the narrower one is cut only where both are wide. */
function share(one: number, other: number, total: number): readonly [number, number] {
  const half = Math.max(LEAST_CELL, Math.floor(total / 2));
  if (one + other <= total) return [one, other];
  if (one <= half) return [one, Math.max(LEAST_CELL, total - one)];
  if (other <= half) return [Math.max(LEAST_CELL, total - other), other];
  return [half, half];
}

const widthOf = (text: string): number => Bun.stringWidth(text);

const pad = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - widthOf(text)));

/** To fit `width` columns. */
export const cut = (text: string, width: number): string => Bun.sliceAnsi(text, 0, width, "…");

const wrap = (text: string, width: number): readonly string[] =>
  Number.isFinite(width) ? Bun.wrapAnsi(text, Math.max(LEAST_CELL, width), { hard: true }).split("\n") : [text];
