// Why a check failed, in one sentence for people.

import { wordsOfHtml } from "../text/html.ts";

/** A failure as it is told, or as JSON has it. */
export interface Described {
  readonly reason: string;
  readonly message?: string;
  readonly output?: string;
}

/** Of a script's last line, in characters; the whole of it is in the JSON. */
const LONGEST_OUTPUT = 200;

/** What follows an output of which only the end was kept. */
const HOW_MUCH = /^\(captured \d+ of \d+ bytes\)$/;

/** "exit: ended with status 3; its output ends in: no disk". Not yet fit for one line: it holds foreign text. */
export function describeFailure({ reason, message, output }: Described): string {
  const last = output === undefined ? undefined : lastWords(Bun.stripANSI(output));
  return `${reason}: ${message}${last === undefined ? "" : `; its output ends in: ${clip(last.trim())}`}`;
}

/** Of a page of HTML its title; otherwise the last line that has a letter or a digit. */
function lastWords(output: string): string | undefined {
  const lines = output.split(/\r\n?|\n/).filter((line) => !HOW_MUCH.test(line));
  const words = wordsOfHtml(lines.join("\n"));
  return words === undefined ? lines.findLast((line) => /[\p{L}\p{N}]/u.test(line)) : words || undefined;
}

function clip(text: string): string {
  const characters = [...text];
  return characters.length > LONGEST_OUTPUT ? `${characters.slice(0, LONGEST_OUTPUT - 1).join("")}…` : text;
}
