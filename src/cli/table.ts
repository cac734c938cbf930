// Tables for people. Not on a terminal a table is plain: a line a row, what is very long cut, since containers
// keep the first 4096 bytes of a health check's output. On a terminal it keeps to the width: what is long is
// wrapped under its column, or below its line.

import type { Severity } from "../checks/check.ts";
import { describeFailure } from "../checks/describe.ts";
import { onOneLine } from "../text/printable.ts";

export interface Look {
  /** Undefined where there is no terminal. */
  readonly columns: number | undefined;
  readonly colour: boolean;
}

export interface Column {
  readonly head: string;
  /** Cut where the terminal is narrow, and where it is longer than is of use. */
  readonly isText?: true;
  /** In the colour of its row. */
  readonly isPainted?: true;
  readonly isRight?: true;
}

/** A cell a column, then what the last column says; each on one line. */
export interface Row {
  readonly cells: readonly string[];
  readonly why: string;
  readonly colour: string;
}

export const RED = "\x1b[31m";
export const GREEN = "\x1b[32m";
export const YELLOW = "\x1b[33m";
const BOLD = "\x1b[1m";
const PLAIN = "\x1b[0m";

/** Of a check that is not up: one that only endpoints are decided by is no news of the host. */
const NOT_UP: Readonly<Record<Severity, string>> = { critical: RED, warning: YELLOW, endpoint: "" };

/** Of a check's state. `warning` is that of its last pass. */
export const colourOf = (isUp: boolean, severity: Severity, warning: string | undefined): string =>
  isUp ? (warning === undefined ? GREEN : YELLOW) : NOT_UP[severity];

/** Of a check's row, the smallest first: what makes the host unhealthy, what else is down, warnings, and the rest. */
export const rankOf = (isUp: boolean, severity: Severity, warning: string | undefined): number =>
  isUp ? (warning === undefined ? 4 : 3) : RANKS[severity];

const RANKS: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, endpoint: 2 };

const GAP = "  ";

/** Narrower than this a column of text is harder to read than lines below. */
const LEAST_WHY = 30;

const LEAST_CELL = 8;

/** Of a cell without a terminal: one long script as a name would pad every row to its length. */
const LONGEST_CELL = 60;

/** Of what the last column says without a terminal: more than any message of ours but those that hold a long path. */
const LONGEST_WHY = 400;

/** A head and the rows; the last column, of which `columns` does not tell, is WHY. */
export function drawTable(columns: readonly Column[], rows: readonly Row[], look: Look): readonly string[] {
  const head: Row = { cells: columns.map(({ head }) => head), why: "WHY", colour: BOLD };
  const all = [head, ...(look.columns === undefined ? rows.map((row) => shorten(row, columns)) : rows)];
  const widths = columns.map((_, index) => Math.max(...all.map(({ cells }) => widthOf(cells[index] ?? ""))));
  const roomIn = (left: number) => (look.columns ?? Number.POSITIVE_INFINITY) - left - GAP.length;
  const gaps = (columns.length - 1) * GAP.length;
  const whole = sum(widths) + gaps;
  const widest = Math.max(...all.map(({ why }) => widthOf(why)));
  const beside = roomIn(whole) >= Math.min(widest, LEAST_WHY);
  const rooms = beside || look.columns === undefined ? widths : narrow(columns, widths, look.columns - gaps);
  const left = beside ? whole : 0;

  return all.flatMap((row) => {
    const cells = columns
      .map(({ isText, isPainted, isRight }, index) => {
        const cell = row.cells[index] ?? "";
        const room = rooms[index] ?? 0;
        const fitting = isText ? cut(cell, room) : cell;
        const padded = isRight ? fitting.padStart(room) : pad(fitting, room);
        return isPainted ? paint(padded, row.colour, look) : padded;
      })
      .join(GAP)
      .trimEnd();
    const why = row.why === "" || (row === head && !beside) ? [] : wrap(row.why, roomIn(left));
    if (!beside) return [cells, ...why.map((line) => `${GAP}${line}`)];
    return [
      [why.length > 0 ? pad(cells, whole) : cells, ...why.slice(0, 1)].join(GAP),
      ...why.slice(1).map((line) => `${" ".repeat(left)}${GAP}${line}`),
    ];
  });
}

const shorten = ({ cells, why, colour }: Row, columns: readonly Column[]): Row => ({
  cells: cells.map((cell, index) => (columns[index]?.isText ? cut(cell, LONGEST_CELL) : cell)),
  why: cut(why, LONGEST_WHY),
  colour,
});

/** The name of a check amid a line: it may be a whole script. */
export const shortName = (name: string): string => cut(onOneLine(name), LONGEST_CELL);

/** A text of its own, as wide as the table may be. */
export const drawText = (text: string, colour: string, look: Look): readonly string[] =>
  (look.columns === undefined ? [text] : wrap(text, look.columns)).map((line) => paint(line, colour, look));

/** What came of a check, flat. */
export interface Said {
  readonly reason?: string;
  readonly message?: string;
  readonly output?: string;
  readonly warning?: string;
  readonly detail?: string;
}

/** What the last column says of a check; not yet fit for one line. */
export function tellWhy({ reason, message, output, warning, detail }: Said): string {
  if (reason !== undefined) {
    return describeFailure({
      reason,
      ...(message !== undefined && { message }),
      ...(output !== undefined && { output }),
    });
  }
  return warning === undefined ? (detail ?? "") : `warning: ${warning}`;
}

/** The columns of text take what the others leave of `total`, each as much as it needs or its share. */
function narrow(columns: readonly Column[], widths: readonly number[], total: number): readonly number[] {
  const rooms = [...widths];
  const texts = columns.flatMap(({ isText }, index) => (isText ? [index] : []));
  const needed = (index: number) => widths[index] ?? 0;
  let left = total - sum(widths) + sum(texts.map(needed));
  let waiting = texts.length;
  for (const index of texts.toSorted((one, other) => needed(one) - needed(other))) {
    const room = Math.min(needed(index), Math.max(LEAST_CELL, Math.floor(left / waiting)));
    rooms[index] = room;
    left -= room;
    waiting--;
  }
  return rooms;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const paint = (text: string, code: string, { colour }: Look): string =>
  colour && code !== "" ? `${code}${text}${PLAIN}` : text;

const widthOf = (text: string): number => Bun.stringWidth(text);

const pad = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - widthOf(text)));

/** To fit `width` columns. Bun.sliceAnsi is a column out where a wide character stands at the end. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let fitting = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (widthOf(`${fitting}${segment}…`) > width) break;
    fitting += segment;
  }
  return `${fitting}…`;
}

const wrap = (text: string, width: number): readonly string[] =>
  Number.isFinite(width) ? Bun.wrapAnsi(text, Math.max(LEAST_CELL, width), { hard: true }).split("\n") : [text];
