// Describes a drain and a maintenance, for people.

import type { DrainStatus } from "../../status/schema.ts";
import { roundDuration } from "../../text/duration.ts";
import { onOneLine } from "../../text/printable.ts";

/** Maintenance comes first, since it hides a drain. Empty for a host that is neither drained nor in maintenance. */
export function describeDrain({ drain, maintenance }: DrainStatus, nowMs: number): readonly string[] {
  const goesOn = maintenance ? ", also after the maintenance" : "";
  return [
    ...(maintenance ? [`in ${describeMaintenance(maintenance, nowMs)}`] : []),
    ...(drain ? [`drained since ${timeOf(drain.since)}${goesOn}${because(drain.reason)}`] : []),
  ];
}

export function describeMaintenance(
  { since, until, reason }: NonNullable<DrainStatus["maintenance"]>,
  nowMs: number,
): string {
  // Rounded up, so that a maintenance shows its whole time at its start.
  const left = ageOf(Date.parse(until) - nowMs + 999);
  return `maintenance since ${timeOf(since)} until ${timeOf(until)} (${left} left)${because(reason)}`;
}

export const because = (reason: string | undefined): string => (reason === undefined ? "" : `: ${onOneLine(reason)}`);

/** A time of day to the second. */
export const timeOf = (iso: string): string => onOneLine(iso.replace(/\.\d+Z$/, "Z"));

/** A duration in whole seconds. */
export const ageOf = (durationMs: number): string => roundDuration(Math.floor(Math.max(0, durationMs) / 1000) * 1000);
