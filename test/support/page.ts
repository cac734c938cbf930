// The code blocks of a page of the documentation, and the transcripts among them.

import { join } from "node:path";
import { ROOT } from "./binary.ts";

export interface Block {
  readonly language: string;
  readonly text: string;
  /** The heading above it, without its `#`. */
  readonly section: string;
}

/** A command of a transcript, and the lines that it printed. */
export interface Exchange {
  readonly command: string;
  readonly out: string;
}

/** `page` is a path below the root, such as README.md. */
export const readPage = (page: string): Promise<string> => Bun.file(join(ROOT, page)).text();

export function blocksOf(page: string): readonly Block[] {
  const found: Block[] = [];
  let section = "";
  for (const [, heading, language = "", text = ""] of page.matchAll(/^#+ ([^\n]*)$|^```(\w*)\n(.*?)^```$/gms)) {
    if (heading === undefined) found.push({ language, text, section });
    else section = heading;
  }
  return found;
}

/** The one block of its language in a section; throws where there are more, or none. */
export function blockIn(page: string, section: string, language: string): string {
  const [block, ...more] = blocksOf(page).filter((each) => each.section === section && each.language === language);
  if (block === undefined || more.length > 0) throw new Error(`expected one block of ${language} under ${section}`);
  return block.text;
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
