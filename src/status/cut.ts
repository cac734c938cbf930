// Texts that are remembered for long.

import { clip } from "../text/printable.ts";
import { LONGEST_REMEMBERED } from "./bounds.ts";

/** Copied where it is cut: a part of a text keeps the whole text in memory. */
export const remembered = (text: string): string =>
  text.length > LONGEST_REMEMBERED ? Buffer.from(clip(text, LONGEST_REMEMBERED)).toString() : text;
