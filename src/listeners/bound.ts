// How many connections the health listener may have: its clients must leave descriptors for the checks.

/** Far above what load balancers open, and in memory no more than the unit allows: docs/adr/0014. */
export const DEFAULT_CONNECTIONS = 4096;

/** Of the descriptors; the others are for checks, scripts and the other listeners. */
export const SHARE = 1 / 2;

/** What was asked for, or the default, but no more than the share of the descriptors; `limit` undefined where it is not known. */
export function connectionBound(asked: number | undefined, limit: number | undefined): number {
  const most = Math.max(1, Math.floor((limit ?? Number.POSITIVE_INFINITY) * SHARE));
  return Math.min(asked ?? DEFAULT_CONNECTIONS, most);
}
