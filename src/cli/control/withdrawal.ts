// Why the host takes no traffic, in lines for people.

import type { WithdrawalStatus } from "../../status/status.ts";
import { roundDuration } from "../../text/duration.ts";
import { onOneLine } from "../../text/printable.ts";

/** Maintenance before a drain: what hides the other comes first. Empty for a host in service. */
export function describeWithdrawal({ drain, maintenance }: WithdrawalStatus, nowMs: number): readonly string[] {
  const goesOn = maintenance ? ", which goes on after that" : "";
  return [
    ...(maintenance ? [`in ${describeMaintenance(maintenance, nowMs)}`] : []),
    ...(drain ? [`draining since ${timeOf(drain.since)}${goesOn}`] : []),
  ];
}

export function describeMaintenance(
  { since, until, reason }: NonNullable<WithdrawalStatus["maintenance"]>,
  nowMs: number,
): string {
  // Rounded up: what has just begun has all of its time left.
  const left = ageOf(Date.parse(until) - nowMs + 999);
  const why = reason === undefined ? "" : `: ${onOneLine(reason)}`;
  return `maintenance since ${timeOf(since)} until ${timeOf(until)} (${left} left)${why}`;
}

/** A point of time to the second. */
export const timeOf = (iso: string): string => onOneLine(iso.replace(/\.\d+Z$/, "Z"));

/** How long something is, in whole seconds. */
export const ageOf = (durationMs: number): string => roundDuration(Math.floor(Math.max(0, durationMs) / 1000) * 1000);
