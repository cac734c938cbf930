// What a server says in its own words, made fit for a message.

import { type Failure, failed } from "../outcome.ts";

const LONGEST_WORDS = 300;

/** On one line and within bounds; `hide` takes secrets out before anything is cut. */
export function wordsOf(text: string, hide: (text: string) => string): string {
  const words = hide(text)
    .replaceAll(/[\s\p{C}]+/gu, " ")
    .trim();
  return words.length > LONGEST_WORDS ? `${words.slice(0, LONGEST_WORDS)}…` : words;
}

/** Of a peer that speaks another protocol. */
export const unreadable = (peer: string, server: string): Failure =>
  failed("mismatch", `what ${peer} answers cannot be read as ${server}'s protocol; is it the right port?`);
