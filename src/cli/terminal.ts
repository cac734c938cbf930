// Whether stdout and stderr are terminals, how wide they are, and whether they show colour.

import type { Environment } from "./io.ts";
import type { TerminalStyle } from "./table.ts";

/** A terminal that does not know its width, such as a serial line, reports 0. */
const FALLBACK_COLUMNS = 80;

/** Whether the terminal can move its cursor and show colour. */
export const isCapable = (stream: NodeJS.WriteStream, env: Environment): boolean =>
  stream.isTTY === true && env["TERM"] !== "dumb";

export const columnsOf = (stream: NodeJS.WriteStream): number => stream.columns || FALLBACK_COLUMNS;

/** For what is printed on stdout. */
export const styleOf = (env: Environment): TerminalStyle => ({
  columns: process.stdout.isTTY ? columnsOf(process.stdout) : undefined,
  colour: isCapable(process.stdout, env) && !env["NO_COLOR"],
});
