// Texts of a server, made safe for a message.

import { type Failure, failed } from "../outcome.ts";
import { plainLine } from "../text/printable.ts";

const LONGEST_WORDS = 300;

/** On one line and cut to a bounded length; `hide` redacts secrets before that. */
export function wordsOf(text: string, hide: (text: string) => string): string {
  return plainLine(hide(text), LONGEST_WORDS);
}

/** Of a peer that speaks another protocol. */
export const unreadable = (peer: string, server: string): Failure =>
  failed("mismatch", `what ${peer} answers cannot be read as ${server}'s protocol; is it the right port?`);
