// Why a check failed, in one sentence for people.

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
  const lines = output === undefined ? [] : Bun.stripANSI(output).split("\n");
  const last = lines.findLast((line) => line.trim() !== "" && !HOW_MUCH.test(line));
  return `${reason}: ${message}${last === undefined ? "" : `; its output ends in: ${clip(last.trim())}`}`;
}

function clip(text: string): string {
  const characters = [...text];
  return characters.length > LONGEST_OUTPUT ? `${characters.slice(0, LONGEST_OUTPUT - 1).join("")}…` : text;
}
