// The one owner of what withdraws the host from traffic. What is in force is in force at once, whether
// or not it can be kept for a restart; what cannot be read at a start is not in force, and is said.
//
// When maintenance ends is told by the boot clock, which nobody sets and which goes on over a restart of
// the daemon and while the host is suspended. Times of day are for people.

import { join } from "node:path";
import type { Log } from "../log/log.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { isRecord } from "../system/json.ts";
import { libc } from "../system/libc.ts";
import { roundDuration } from "../text/duration.ts";
import type { Drain, Keeping, Maintenance, Withdrawal, Withdrawals } from "./state.ts";
import { keptFile, readBootId } from "./state-file.ts";

export interface WithdrawalsOptions {
  /** --state-directory; undefined for nowhere. */
  readonly directory: string | undefined;
  readonly log: Pick<Log, "error" | "warning" | "info">;
  /** Something came into force or has ended, by itself too. Must not throw. */
  readonly onChange: () => void;
  /** For tests: the clock, the time of day, and what is known of this boot. */
  readonly clock?: Clock;
  readonly epochMs?: () => number;
  readonly boot?: Boot;
}

export interface Boot {
  /** Undefined where hosts have none. */
  readonly id: string | undefined;
  /** Whether `clock` goes on over a restart of the daemon. */
  readonly clockGoesOn: boolean;
}

/** Beside who is owed `ready` (the agent). */
export const FILE_NAME = "withdrawal.json";

/** What is still in force is said again this often, as a check that is still down is. */
const REMIND_MS = 5 * 60_000;

/** Longer is a slip, and no time of day can be told for much longer. */
export const LONGEST_MAINTENANCE_MS = 366 * 24 * 3_600_000;

/** Of characters; the control socket refuses longer ones. */
export const LONGEST_REASON = 200;

const NO_DIRECTORY: Keeping = {
  kept: false,
  because: "no --state-directory is given, and RUNTIME_DIRECTORY is not set, as systemd does with RuntimeDirectory=",
};

/** A state, and by the boot clock since when, and until when it is in force. */
interface OnClock {
  readonly sinceMs: number;
}
type KnownDrain = Drain & OnClock;
type KnownMaintenance = Maintenance & OnClock & { readonly endMs: number };

/** Reads what was kept; it is in force from the first look on. */
export function createWithdrawals(options: WithdrawalsOptions): Withdrawals {
  const { directory, log, onChange, clock = hostClock, epochMs = Date.now, boot = hostBoot() } = options;
  const file = directory === undefined ? undefined : keptFile(join(directory, FILE_NAME), boot.id);
  let drain: KnownDrain | undefined;
  let maintenance: KnownMaintenance | undefined;
  let stopping = false;
  /** As `current` tells it, until something changes. */
  let told: Withdrawal | undefined;
  let cancelEnd = () => {};
  let cancelReminder = () => {};

  function restore(): void {
    const found = file?.read() ?? { kind: "nothing" };
    if (found.kind === "unusable") {
      log.error("the kept withdrawal cannot be used, so the host is not withdrawn", { because: found.because });
    } else if (found.kind === "other boot") {
      log.warning("the kept withdrawal is not of this boot, so the host is not withdrawn", { because: found.because });
      keep();
    } else if (found.kind === "content") {
      const moment = { now: clock.now(), epochMs: epochMs(), goesOn: boot.clockGoesOn };
      const known = parse(found.content, moment);
      if (!known) {
        const because = `${join(directory ?? "", FILE_NAME)}: it does not hold what it should`;
        log.error("the kept withdrawal cannot be used, so the host is not withdrawn", { because });
        return;
      }
      ({ drain, maintenance } = known);
      if (drain) log.warning("host is drained, as before the restart", fieldsOfDrain(drain));
      if (maintenance && !isOver(maintenance)) {
        log.warning("host is in maintenance, as before the restart", fieldsOf(maintenance));
      }
      arm();
      endWhatIsOver(); // of which nobody need be told yet
    }
  }

  const isOver = ({ endMs }: KnownMaintenance): boolean => clock.now() >= endMs;

  /** Timers come late, and not at all while the host is suspended: so this is done at every look. */
  function settle(): void {
    if (endWhatIsOver()) onChange();
  }

  function endWhatIsOver(): boolean {
    if (!maintenance || !isOver(maintenance)) return false;
    const fields = { for: lasted(maintenance), reason: maintenance.reason };
    maintenance = undefined;
    if (drain) log.warning("maintenance has ended, host is still drained", fields);
    else log.info("host is in service again", { after: "end of maintenance", ...fields });
    changed();
    return true;
  }

  function changed(): Keeping {
    told = undefined;
    arm();
    return keep();
  }

  function keep(): Keeping {
    const inForce = drain ?? maintenance;
    const keeping = file ? file.write(inForce && contentOf(drain, maintenance, boot)) : withoutFile(inForce);
    if (!keeping.kept) log.warning("a restart of the daemon will not know of this", { because: keeping.because });
    return keeping;
  }

  function arm(): void {
    cancelEnd();
    cancelReminder();
    // What is further off than a timer can count comes too soon, and is armed again.
    const rearm = () => {
      settle();
      if (maintenance) cancelEnd = clock.after(Math.max(1, maintenance.endMs - clock.now()), rearm);
    };
    if (maintenance) cancelEnd = clock.after(Math.max(1, maintenance.endMs - clock.now()), rearm);
    if (drain || maintenance) cancelReminder = clock.after(REMIND_MS, remind);
  }

  function remind(): void {
    settle();
    cancelReminder();
    if (stopping) return;
    if (maintenance) {
      log.warning("host is still in maintenance", { ...fieldsOf(maintenance), "so-far": lasted(maintenance) });
    }
    if (drain) log.warning("host is still drained", { ...fieldsOfDrain(drain), "so-far": lasted(drain) });
    if (drain || maintenance) cancelReminder = clock.after(REMIND_MS, remind);
  }

  const lasted = ({ sinceMs }: OnClock): string => roundDuration(Math.max(0, clock.now() - sinceMs));

  restore();

  return {
    current() {
      if (!drain && !maintenance && !stopping) return undefined;
      settle();
      if (!drain && !maintenance && !stopping) return undefined;
      told ??= { stopping, ...forPeople(drain, maintenance) };
      return told;
    },
    async drain() {
      settle();
      if (drain) return keep();
      drain = { since: epochMs(), sinceMs: clock.now() };
      log.warning("host is drained");
      const keeping = changed();
      onChange();
      return keeping;
    },
    async maintain(forMs, reason) {
      if (!(forMs > 0)) throw new RangeError(`maintenance: expected a time above zero, got ${forMs} ms`);
      settle();
      const lastsMs = Math.min(forMs, LONGEST_MAINTENANCE_MS);
      const since = epochMs();
      const sinceMs = clock.now();
      const said = reason === undefined ? {} : { reason: cut(reason) };
      maintenance = { since, until: since + lastsMs, ...said, sinceMs, endMs: sinceMs + lastsMs };
      log.warning("host is in maintenance", { for: roundDuration(lastsMs), ...fieldsOf(maintenance) });
      const keeping = changed();
      onChange();
      return keeping;
    },
    async undrain() {
      settle();
      const ended = forPeople(drain, maintenance);
      const first = [drain, maintenance].flatMap((state) => state ?? []).sort((a, b) => a.sinceMs - b.sinceMs)[0];
      drain = undefined;
      maintenance = undefined;
      if (!first) return { ...keep(), ended };
      log.info("host is in service again", { after: "undrain", for: lasted(first) });
      const keeping = changed();
      onChange();
      return { ...keeping, ended };
    },
    stop() {
      if (stopping) return;
      stopping = true;
      told = undefined;
      onChange();
    },
    close() {
      cancelEnd();
      cancelReminder();
    },
  };
}

/** In service is what a restart finds without a file. */
const withoutFile = (inForce: object | undefined): Keeping => (inForce ? NO_DIRECTORY : { kept: true });

const hostBoot = (): Boot => ({ id: readBootId(), clockGoesOn: libc !== undefined });

function forPeople(drain: KnownDrain | undefined, maintenance: KnownMaintenance | undefined) {
  return {
    ...(drain && { drain: { since: drain.since } }),
    ...(maintenance && {
      maintenance: {
        since: maintenance.since,
        until: maintenance.until,
        ...(maintenance.reason !== undefined && { reason: maintenance.reason }),
      },
    }),
  };
}

const fieldsOfDrain = ({ since }: Drain) => ({ since: iso(since) });

const fieldsOf = ({ until, reason }: Maintenance) => ({ until: iso(until), reason });

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

const cut = (reason: string): string => {
  const characters = [...reason];
  return characters.length > LONGEST_REASON ? `${characters.slice(0, LONGEST_REASON).join("")}…` : reason;
};

/** The boot clock's times go with it only where it goes on over a restart. */
function contentOf(drain: KnownDrain | undefined, maintenance: KnownMaintenance | undefined, boot: Boot): object {
  if (boot.clockGoesOn) return { ...(drain && { drain }), ...(maintenance && { maintenance }) };
  return forPeople(drain, maintenance);
}

interface Moment {
  readonly now: number;
  readonly epochMs: number;
  /** Whether times by the boot clock mean anything here. */
  readonly goesOn: boolean;
}

interface Known {
  readonly drain: KnownDrain | undefined;
  readonly maintenance: KnownMaintenance | undefined;
}

/** Undefined where it is not what `contentOf` makes. Maintenance may be over by now. */
function parse(content: Readonly<Record<string, unknown>>, moment: Moment): Known | undefined {
  const drain = content["drain"] === undefined ? undefined : parseDrain(content["drain"], moment);
  const maintenance =
    content["maintenance"] === undefined ? undefined : parseMaintenance(content["maintenance"], moment);
  return drain === null || maintenance === null ? undefined : { drain, maintenance };
}

function parseDrain(value: unknown, moment: Moment): KnownDrain | null {
  if (!isRecord(value)) return null;
  const { since } = value;
  return isTimeOfDay(since) ? { since, sinceMs: sinceOnClock(value, since, moment) } : null;
}

function parseMaintenance(value: unknown, moment: Moment): KnownMaintenance | null {
  if (!isRecord(value)) return null;
  const { since, until, reason, endMs: itsEnd } = value;
  if (!isTimeOfDay(since) || !isTimeOfDay(until)) return null;
  if (reason !== undefined && typeof reason !== "string") return null;
  const endMs = moment.goesOn && isFiniteNumber(itsEnd) ? itsEnd : moment.now + until - moment.epochMs;
  if (endMs - moment.now > LONGEST_MAINTENANCE_MS) return null;
  return {
    since,
    // The time of day may have been set meanwhile.
    until: moment.epochMs + endMs - moment.now,
    ...(reason !== undefined && { reason: cut(reason) }),
    sinceMs: sinceOnClock(value, since, moment),
    endMs,
  };
}

function sinceOnClock({ sinceMs }: Readonly<Record<string, unknown>>, since: number, moment: Moment): number {
  if (moment.goesOn && isFiniteNumber(sinceMs)) return Math.min(sinceMs, moment.now);
  return moment.now - Math.max(0, moment.epochMs - since);
}

const isFiniteNumber = (value: unknown): value is number => Number.isFinite(value);

/** What `Date` can tell is 8.64e15 ms around 1970. */
const isTimeOfDay = (value: unknown): value is number => isFiniteNumber(value) && value >= 0 && value < 8e15;
