// The commands of a page's blocks, and the transcripts among them.

/** A command of a transcript, and the lines that it printed. */
export interface Exchange {
  readonly command: string;
  readonly out: string;
}

/** The commands of a shell block; one that goes on in the next line by a backslash or `&&` is one. */
export const commandsOf = (block: string): readonly string[] =>
  block
    .trimEnd()
    .split(/(?<!\\|&&)\n/)
    .filter((command) => command !== "");

export function exchangesOf(block: string): readonly Exchange[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((exchange) => {
      const [command = "", ...out] = exchange.trimEnd().split("\n");
      return { command, out: out.join("\n") };
    });
}

export const transcriptOf = (exchanges: readonly Exchange[]): string =>
  exchanges.map(({ command, out }) => `$ ${command}\n${out === "" ? "" : `${out}\n`}`).join("");

/** What differs from run to run reads the same: times, durations, sizes, process ids and the width of columns. */
export const withoutFigures = (out: string): string =>
  out
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replace(/\b(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+\b/g, "DURATION")
    .replace(/\bseconds=[\d.]+/g, "seconds=N")
    .replace(/\bpid \d+/g, "pid N")
    .replace(/\b[\d.]+ [kMGTP]?i?B\b/g, "SIZE")
    .replace(/\b\d+%/g, "SHARE")
    .replace(/ +/g, " ");
