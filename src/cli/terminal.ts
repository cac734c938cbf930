// What stdout and stderr are: a terminal of some width, with colour or without, or not one.

import type { Environment } from "./settle.ts";
import type { Look } from "./table.ts";

/** A terminal that does not know its width, such as a serial line, says 0. */
const FALLBACK_COLUMNS = 80;

/** Whether it can move its cursor and show colour. */
export const isCapable = (stream: NodeJS.WriteStream, env: Environment): boolean =>
  stream.isTTY === true && env["TERM"] !== "dumb";

export const columnsOf = (stream: NodeJS.WriteStream): number => stream.columns || FALLBACK_COLUMNS;

/** Of what is printed on stdout. */
export const lookOf = (env: Environment): Look => ({
  columns: process.stdout.isTTY ? columnsOf(process.stdout) : undefined,
  colour: isCapable(process.stdout, env) && !env["NO_COLOR"],
});
