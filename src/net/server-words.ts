// What a server says in its own words, made fit for a message.

import { type Failure, failed } from "../outcome.ts";
import { plainLine } from "../text/printable.ts";

const LONGEST_WORDS = 300;

/** On one line and within bounds; `redact` sees the text before it is cut. */
export function wordsOf(text: string, redact: (text: string) => string): string {
  return plainLine(redact(text), LONGEST_WORDS);
}

/** Of a peer that speaks another protocol. */
export const unreadable = (peer: string, server: string): Failure =>
  failed("mismatch", `what ${peer} answers cannot be read as ${server}'s protocol; is it the right port?`);
