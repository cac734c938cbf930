// How many connections the health listener may have: its clients must leave descriptors for the checks.

import { readFileSync } from "node:fs";

/** Far above what load balancers open, and with unfinished headers about 100 MiB: docs/adr/0012. */
export const DEFAULT_CONNECTIONS = 4096;

/** Of the descriptors; the others are for checks, scripts and the other listeners. */
const SHARE = 1 / 2;

/** The soft limit of this process, which the runtime has raised to the hard one; undefined where that is not known. */
export function descriptorLimit(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** What was asked for, or the default, but no more than the share of the descriptors. */
export function connectionBound(asked: number | undefined, limit: number | undefined): number {
  const most = Math.max(1, Math.floor((limit ?? Number.POSITIVE_INFINITY) * SHARE));
  return Math.min(asked ?? DEFAULT_CONNECTIONS, most);
}
