// Why a check failed, in one sentence.

import { wordsOfHtml } from "../text/html.ts";

/** A failure, or its form in JSON. */
export interface Described {
  readonly reason: string;
  readonly message?: string;
  readonly output?: string;
}

/** How much of a script's last line is shown; JSON has the whole output. */
const OUTPUT_CHARACTERS = 200;

/** The line after an output whose start was dropped. */
const CAPTURED = /^\(captured \d+ of \d+ bytes\)$/;

/** "exit: ended with status 3; its output ends in: no disk". The result may contain line breaks of the program. */
export function describeFailure({ reason, message, output }: Described): string {
  const last = output === undefined ? undefined : lastLine(Bun.stripANSI(output));
  return `${reason}: ${message}${last === undefined ? "" : `; its output ends in: ${clip(last.trim())}`}`;
}

/** The title of an HTML page, else the last line that has a letter or a digit. */
function lastLine(output: string): string | undefined {
  const lines = output.split(/\r\n?|\n/).filter((line) => !CAPTURED.test(line));
  const words = wordsOfHtml(lines.join("\n"));
  return words === undefined ? lines.findLast((line) => /[\p{L}\p{N}]/u.test(line)) : words || undefined;
}

function clip(text: string): string {
  const characters = [...text];
  return characters.length > OUTPUT_CHARACTERS ? `${characters.slice(0, OUTPUT_CHARACTERS - 1).join("")}…` : text;
}
