// Why the host answers unhealthy whatever the results of its checks: it is drained, in maintenance, or the daemon is
// about to stop.
//
// Pure: `reduce` takes a state, an event and its time, and returns the next state. A maintenance ends by the boot clock,
// which cannot be set and goes on over a restart of the daemon and while the host is suspended. Times of day are only
// shown.

import { cutReason } from "./reason.ts";

/** What is in force, for the listeners, `status` and systemd. */
export interface DrainState {
  /** The daemon was asked to stop and answers unhealthy until it does. */
  readonly stopping: boolean;
  /** Only `undrain` ends it. */
  readonly drain?: Drain;
  /** Ends by itself, or by `undrain`. */
  readonly maintenance?: Maintenance;
}

/** Times are milliseconds since the epoch. */
export interface Drain {
  readonly since: number;
  readonly reason?: string;
}

export interface Maintenance {
  readonly since: number;
  readonly until: number;
  readonly reason?: string;
}

/** `DrainState` with times of the boot clock, in milliseconds. */
export interface ClockedState {
  readonly stopping: boolean;
  readonly drain?: ClockedDrain | undefined;
  readonly maintenance?: ClockedMaintenance | undefined;
}

export interface ClockedDrain extends Drain {
  readonly sinceMs: number;
}

export interface ClockedMaintenance extends Maintenance {
  readonly sinceMs: number;
  readonly endMs: number;
}

export type DrainEvent =
  | { readonly kind: "drain"; readonly reason?: string | undefined }
  | { readonly kind: "maintain"; readonly forMs: number; readonly reason: string | undefined }
  | { readonly kind: "undrain" }
  | { readonly kind: "stop" }
  /** Time has passed; ends a maintenance that is over. */
  | { readonly kind: "time" };

export interface Moment {
  /** By the boot clock. */
  readonly nowMs: number;
  readonly epochMs: number;
}

/** A longer one is a mistake, and its end may be no valid date. */
export const LONGEST_MAINTENANCE_MS = 366 * 24 * 3_600_000;

export const IN_SERVICE: ClockedState = { stopping: false };

/** Returns the same object if nothing changes. */
export function reduce(state: ClockedState, event: DrainEvent, moment: Moment): ClockedState {
  switch (event.kind) {
    case "drain":
      return drained(state, event.reason, moment);
    case "maintain":
      return { ...state, maintenance: maintenanceFor(event.forMs, event.reason, moment) };
    case "undrain":
      return state.drain || state.maintenance ? { stopping: state.stopping } : state;
    case "stop":
      return state.stopping ? state : { ...state, stopping: true };
    case "time":
      return isOver(state.maintenance, moment) ? { ...state, maintenance: undefined } : state;
  }
}

const isOver = (maintenance: ClockedMaintenance | undefined, { nowMs }: Moment): boolean =>
  maintenance !== undefined && nowMs >= maintenance.endMs;

/** A second drain keeps the time of the first, and its reason unless it has one of its own. */
function drained(state: ClockedState, given: string | undefined, { nowMs, epochMs }: Moment): ClockedState {
  const reason = given === undefined ? undefined : cutReason(given);
  if (state.drain && (reason === undefined || reason === state.drain.reason)) return state;
  const { since, sinceMs } = state.drain ?? { since: epochMs, sinceMs: nowMs };
  return { ...state, drain: { since, sinceMs, ...(reason !== undefined && { reason }) } };
}

function maintenanceFor(forMs: number, reason: string | undefined, { nowMs, epochMs }: Moment): ClockedMaintenance {
  const lastsMs = Math.min(forMs, LONGEST_MAINTENANCE_MS);
  return {
    since: epochMs,
    until: epochMs + lastsMs,
    ...(reason !== undefined && { reason: cutReason(reason) }),
    sinceMs: nowMs,
    endMs: nowMs + lastsMs,
  };
}

export const isInService = ({ stopping, drain, maintenance }: ClockedState): boolean =>
  !stopping && drain === undefined && maintenance === undefined;

/** Without the times of the boot clock. */
export function withoutClock({ drain, maintenance }: ClockedState): Omit<DrainState, "stopping"> {
  return {
    ...(drain && { drain: { since: drain.since, ...(drain.reason !== undefined && { reason: drain.reason }) } }),
    ...(maintenance && {
      maintenance: {
        since: maintenance.since,
        until: maintenance.until,
        ...(maintenance.reason !== undefined && { reason: maintenance.reason }),
      },
    }),
  };
}
