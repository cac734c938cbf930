// The answer to HAProxy's agent-check about the host's health: one line of printable ASCII.
//
// HAProxy splits the line at blanks and commas, so a reason is written after " #": HAProxy does not know a word such as
// "down#why", and would leave the server up.

import { type FailingCheck, listFirst } from "../../status/summary.ts";

/** The parts of a verdict that the line shows. */
interface Verdict {
  readonly healthy: boolean;
  /** The checks to name come first. */
  readonly failing: readonly FailingCheck[];
}

/** HAProxy keeps 127 characters, of which "via agent : stopped ()" takes 22. */
const LONGEST_DESCRIPTION = 100;

const MOST_NAMED = 5;

export const UP = "up";

/** HAProxy treats it as `down`; the word shows that it is intended. */
export const STOPPED = "stopped #health-checker is stopping";

export function healthLine({ healthy, failing }: Verdict): string {
  if (healthy) return UP;
  return `down #${printable(listFirst(failing, MOST_NAMED) || "at least one health check failed")}`;
}

/** The names come from the configuration and may hold any character. */
function printable(text: string): string {
  const ascii = text.replace(/\s+/g, " ").replace(/[^\x20-\x7e]/gu, "?");
  return ascii.length > LONGEST_DESCRIPTION ? `${ascii.slice(0, LONGEST_DESCRIPTION - 3)}...` : ascii;
}
