// The state of a drain in the state file: what is written, and what of it is in force at a start.
//
// This file is read without zod, which reads other untrusted values: a daemon with few options needs zod for nothing
// else, and zod cost 11 ms of processor time at the start (zod/mini 6 ms), everything else 16 ms.

import { isRecord } from "../system/json.ts";
import { cutReason } from "./reason.ts";
import {
  type ClockedDrain,
  type ClockedMaintenance,
  type ClockedState,
  LONGEST_MAINTENANCE_MS,
  type Moment,
  withoutClock,
} from "./state.ts";

export type Drained = Omit<ClockedState, "stopping">;

export interface Reading extends Moment {
  /** Whether the boot clock goes on over a restart of the daemon, so that saved times of it are valid. */
  readonly clockGoesOn: boolean;
}

/** Undefined if nothing is in force. */
export function toSave({ drain, maintenance }: Drained, clockGoesOn: boolean): object | undefined {
  if (!drain && !maintenance) return undefined;
  const state = { stopping: false, drain, maintenance };
  return clockGoesOn ? { ...(drain && { drain }), ...(maintenance && { maintenance }) } : withoutClock(state);
}

type Content = Readonly<Record<string, unknown>>;

/** Undefined if `content` does not have the form of `toSave`. The maintenance may be over by now. */
export function fromSaved(content: Content, reading: Reading): Drained | undefined {
  const { drain: savedDrain, maintenance: savedMaintenance } = content;
  const drain = isRecord(savedDrain) ? readDrain(savedDrain, reading) : undefined;
  const maintenance = isRecord(savedMaintenance) ? readMaintenance(savedMaintenance, reading) : undefined;
  const isWhole = (savedDrain === undefined || drain) && (savedMaintenance === undefined || maintenance);
  return isWhole ? { drain, maintenance } : undefined;
}

function readDrain(given: Content, reading: Reading): ClockedDrain | undefined {
  const { since, reason } = given;
  if (!isTimeOfDay(since) || !isReason(reason)) return undefined;
  return { since, ...readReason(reason), sinceMs: clockedSince(given, since, reading) };
}

function readMaintenance(given: Content, reading: Reading): ClockedMaintenance | undefined {
  const { since, until, reason, endMs: savedEndMs } = given;
  if (!isTimeOfDay(since) || !isTimeOfDay(until) || !isReason(reason)) return undefined;
  const { nowMs, epochMs, clockGoesOn } = reading;
  const endMs = clockGoesOn && isFiniteNumber(savedEndMs) ? savedEndMs : nowMs + until - epochMs;
  if (endMs - nowMs > LONGEST_MAINTENANCE_MS) return undefined;
  return {
    since,
    // The time of day may have been changed meanwhile.
    until: epochMs + endMs - nowMs,
    ...readReason(reason),
    sinceMs: clockedSince(given, since, reading),
    endMs,
  };
}

const isReason = (value: unknown): value is string | undefined => value === undefined || typeof value === "string";

const readReason = (reason: string | undefined) => (reason === undefined ? {} : { reason: cutReason(reason) });

function clockedSince(given: Content, since: number, reading: Reading): number {
  const { sinceMs } = given;
  const { nowMs, epochMs, clockGoesOn } = reading;
  if (clockGoesOn && isFiniteNumber(sinceMs)) return Math.min(sinceMs, nowMs);
  return nowMs - Math.max(0, epochMs - since);
}

const isFiniteNumber = (value: unknown): value is number => Number.isFinite(value);

const YEAR_10000_MS = Date.UTC(10_000, 0);

/** The year has four digits, as ISO 8601 requires. */
const isTimeOfDay = (value: unknown): value is number => isFiniteNumber(value) && value >= 0 && value < YEAR_10000_MS;
