// What HAProxy's agent-check is told of the host's health: one line of printable ASCII.
//
// HAProxy splits it at blanks and commas, so what explains a word stands after " #": "down#why" is no word to
// it, and the server stays up.

import { listOf } from "../../text/list.ts";

export interface AgentVerdict {
  readonly healthy: boolean;
  /** The checks that decide so, first those to be named. */
  readonly down: readonly { readonly name: string; readonly reason: string | undefined }[];
}

/** HAProxy keeps 127 characters, of which "via agent : stopped ()" takes 22. */
const LONGEST_DESCRIPTION = 100;

const MOST_NAMED = 5;

export const UP = "up";

/** As `down`, but the word says that it is meant to be. */
export const STOPPED = "stopped #health-checker is stopping";

export function healthLine({ healthy, down }: AgentVerdict): string {
  if (healthy) return UP;
  const named = down.map(({ name, reason }) => (reason ? `${name} ${reason}` : name));
  return `down #${printable(listOf(named, MOST_NAMED) || "at least one health check failed")}`;
}

/** Names come from whoever wrote the configuration. */
function printable(text: string): string {
  const ascii = text.replace(/\s+/g, " ").replace(/[^\x20-\x7e]/gu, "?");
  return ascii.length > LONGEST_DESCRIPTION ? `${ascii.slice(0, LONGEST_DESCRIPTION - 3)}...` : ascii;
}
