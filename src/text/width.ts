// How wide a text is on a terminal, and texts that are cut to a width.

import { onOneLine } from "./printable.ts";

export const widthOf = (text: string): number => Bun.stringWidth(text);

/** Cut to fit `width` columns. Bun.sliceAnsi is one column off if a wide character is at the end. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let fitting = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (widthOf(`${fitting}${segment}…`) > width) break;
    fitting += segment;
  }
  return `${fitting}…`;
}

/** The name of a check on one line may be a whole script. */
export const LONGEST_NAME = 60;

/** The name of a check, on one line and cut. */
export const shortName = (name: string): string => cut(onOneLine(name), LONGEST_NAME);
