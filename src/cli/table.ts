// Tables for people. Without a terminal a table is plain: a row is one line, and very long cells are cut, since
// containers keep the first 4096 bytes of a health check's output. On a terminal a table fits the width: long texts
// wrap under their column, or below their line.

import { describeFailure } from "../checks/describe.ts";
import type { Rank } from "../status/rank.ts";
import type { CheckRun } from "../status/schema.ts";
import { formatDuration } from "../text/duration.ts";
import { cut, LONGEST_NAME, widthOf } from "../text/width.ts";

export interface TerminalStyle {
  /** Undefined without a terminal. */
  readonly columns: number | undefined;
  readonly colour: boolean;
}

export interface Column {
  readonly head: string;
  /** Free text, which is cut on a narrow terminal, or if it is very long. */
  readonly isText?: true;
  /** Shown in the colour of its row. */
  readonly isPainted?: true;
  readonly isRight?: true;
}

/** A cell for each column, and the text of the last column; none has a line end. */
export interface Row {
  readonly cells: readonly string[];
  readonly detail: string;
  readonly colour: string;
}

export const RED = "\x1b[31m";
export const GREEN = "\x1b[32m";
export const YELLOW = "\x1b[33m";
const BOLD = "\x1b[1m";
const PLAIN = "\x1b[0m";

/** For the state of a check. One that decides only endpoints has no colour: it says nothing about the host. */
export const COLOURS: Readonly<Record<Rank, string>> = {
  failing: RED,
  reported: YELLOW,
  endpoint: "",
  warns: YELLOW,
  up: GREEN,
};

const GAP = "  ";

/** A narrower column of text is harder to read than lines below the row. */
const SHORTEST_DETAIL = 30;

const SHORTEST_CELL = 8;

/** For DETAIL without a terminal: longer than our messages, except those with a long path. */
const LONGEST_DETAIL = 400;

/** The lines of a head and the rows. The last column, of free text, is not in `columns`. */
export function drawTable(
  columns: readonly Column[],
  rows: readonly Row[],
  style: TerminalStyle,
  last = "DETAIL",
): readonly string[] {
  const head: Row = { cells: columns.map(({ head }) => head), detail: last, colour: BOLD };
  const all = [head, ...(style.columns === undefined ? rows.map((row) => shorten(row, columns)) : rows)];
  const widths = columns.map((_, index) => Math.max(...all.map(({ cells }) => widthOf(cells[index] ?? ""))));
  const roomIn = (left: number) => (style.columns ?? Number.POSITIVE_INFINITY) - left - GAP.length;
  const gaps = (columns.length - 1) * GAP.length;
  const whole = sum(widths) + gaps;
  const widest = Math.max(...all.map(({ detail }) => widthOf(detail)));
  const beside = roomIn(whole) >= Math.min(widest, SHORTEST_DETAIL);
  const rooms = beside || style.columns === undefined ? widths : narrow(columns, widths, style.columns - gaps);
  const left = beside ? whole : 0;

  return all.flatMap((row) => {
    const cells = columns
      .map(({ isText, isPainted, isRight }, index) => {
        const cell = row.cells[index] ?? "";
        const room = rooms[index] ?? 0;
        const fitting = isText ? cut(cell, room) : cell;
        const padded = isRight ? fitting.padStart(room) : pad(fitting, room);
        return isPainted ? paint(padded, row.colour, style) : padded;
      })
      .join(GAP)
      .trimEnd();
    const detail = row.detail === "" || (row === head && !beside) ? [] : wrap(row.detail, roomIn(left));
    if (!beside) return [cells, ...detail.map((line) => `${GAP}${line}`)];
    return [
      [detail.length > 0 ? pad(cells, whole) : cells, ...detail.slice(0, 1)].join(GAP),
      ...detail.slice(1).map((line) => `${" ".repeat(left)}${GAP}${line}`),
    ];
  });
}

/** Without a terminal a long script as a name would pad every row to its length. */
const shorten = ({ cells, detail, colour }: Row, columns: readonly Column[]): Row => ({
  cells: cells.map((cell, index) => (columns[index]?.isText ? cut(cell, LONGEST_NAME) : cell)),
  detail: cut(detail, LONGEST_DETAIL),
  colour,
});

/** A text outside the table, wrapped to the terminal. */
export const drawText = (text: string, colour: string, style: TerminalStyle): readonly string[] =>
  (style.columns === undefined ? [text] : wrap(text, style.columns)).map((line) => paint(line, colour, style));

/** The fields of a result that say why. */
export type CheckDetails = Pick<CheckRun, "reason" | "detail" | "output" | "warning">;

/** The text of DETAIL, which may have several lines. */
export function describeDetail({ reason, detail, output, warning }: CheckDetails): string {
  if (reason !== undefined) {
    return describeFailure({
      reason,
      ...(detail !== undefined && { message: detail }),
      ...(output !== undefined && { output }),
    });
  }
  return warning === undefined ? (detail ?? "") : `warning: ${warning}`;
}

/** "0.004s/5s": how long the last run took, and its timeout. Empty before the first run. */
export const describeTook = ({ seconds, timeoutSeconds }: Pick<CheckRun, "seconds" | "timeoutSeconds">): string =>
  seconds === undefined ? "" : `${seconds.toFixed(3)}s/${formatDuration(timeoutSeconds * 1000)}`;

/** The columns of text share the width that the others leave; none takes more than it needs. */
function narrow(columns: readonly Column[], widths: readonly number[], total: number): readonly number[] {
  const rooms = [...widths];
  const texts = columns.flatMap(({ isText }, index) => (isText ? [index] : []));
  const needed = (index: number) => widths[index] ?? 0;
  let left = total - sum(widths) + sum(texts.map(needed));
  let waiting = texts.length;
  for (const index of texts.toSorted((one, other) => needed(one) - needed(other))) {
    const room = Math.min(needed(index), Math.max(SHORTEST_CELL, Math.floor(left / waiting)));
    rooms[index] = room;
    left -= room;
    waiting--;
  }
  return rooms;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const paint = (text: string, code: string, { colour }: TerminalStyle): string =>
  colour && code !== "" ? `${code}${text}${PLAIN}` : text;

const pad = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - widthOf(text)));

const wrap = (text: string, width: number): readonly string[] =>
  Number.isFinite(width) ? Bun.wrapAnsi(text, Math.max(SHORTEST_CELL, width), { hard: true }).split("\n") : [text];
