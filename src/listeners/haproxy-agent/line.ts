// The answer to HAProxy's agent-check about the host's health: one line of printable ASCII.
//
// HAProxy splits the line at blanks and commas, so a reason is written after " #": HAProxy does not know a word such as
// "down#why", and would leave the server up. It drops the reason of a line that has neither "up" nor "down".

import type { DrainState } from "../../drain/state.ts";
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
export const DOWN = "down";

export type Health = typeof UP | typeof DOWN;

/** HAProxy treats it as `down`; the word shows that it is intended. */
export const STOPPED = "stopped #health-checker is stopping";

/**
 * The line while the host is drained or in maintenance, else undefined. `health` is the health that HAProxy got last: in
 * the line it changes nothing, and HAProxy shows the reason. "drain up" would send a server that is down the requests
 * that persistence keeps there, and "drain down" would turn DRAIN into DOWN.
 */
export function drainLine(state: DrainState | undefined, health: Health | undefined): string | undefined {
  const { drain, maintenance } = state ?? {};
  const { reason } = maintenance ?? drain ?? {};
  if (!maintenance && !drain) return undefined;
  const word = maintenance ? "maint" : "drain";
  if (reason === undefined) return word;
  return `${word}${health === undefined ? "" : ` ${health}`} #${printable(reason)}`;
}

export function healthLine({ healthy, failing }: Verdict): string {
  if (healthy) return UP;
  return `${DOWN} #${printable(listFirst(failing, MOST_NAMED) || "at least one health check failed")}`;
}

/** Names and reasons may hold any character. */
function printable(text: string): string {
  const ascii = text.replace(/\s+/g, " ").replace(/[^\x20-\x7e]/gu, "?");
  return ascii.length > LONGEST_DESCRIPTION ? `${ascii.slice(0, LONGEST_DESCRIPTION - 3)}...` : ascii;
}
