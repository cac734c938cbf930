// Why a check failed, in one sentence.

import { wordsOfHtml } from "../text/html.ts";

/** A failure, or what JSON has of one. */
export interface Described {
  readonly reason: string;
  readonly message?: string;
  readonly output?: string;
}

/** In characters of a script's last line; JSON has the whole output. */
const LONGEST_OUTPUT = 200;

/** The line after an output of which only the end was captured. */
const CAPTURED = /^\(captured \d+ of \d+ bytes\)$/;

/** "exit: ended with status 3; its output ends in: no disk". The text of a program in it may have several lines. */
export function describeFailure({ reason, message, output }: Described): string {
  const last = output === undefined ? undefined : lastLine(Bun.stripANSI(output));
  return `${reason}: ${message}${last === undefined ? "" : `; its output ends in: ${clip(last.trim())}`}`;
}

/** Of a page of HTML its title; otherwise the last line that has a letter or a digit. */
function lastLine(output: string): string | undefined {
  const lines = output.split(/\r\n?|\n/).filter((line) => !CAPTURED.test(line));
  const words = wordsOfHtml(lines.join("\n"));
  return words === undefined ? lines.findLast((line) => /[\p{L}\p{N}]/u.test(line)) : words || undefined;
}

function clip(text: string): string {
  const characters = [...text];
  return characters.length > LONGEST_OUTPUT ? `${characters.slice(0, LONGEST_OUTPUT - 1).join("")}…` : text;
}
