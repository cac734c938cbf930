// Drains the host and puts it back into service. A change is in force at once, even if it cannot be saved. A saved state
// that cannot be read at the start is not in force, and the log says so.

import type { Log, LogFields } from "../log/log.ts";
import { nodePath } from "../system/builtins.ts";
import { type Clock, callAt, clock as hostClock } from "../system/clock.ts";
import { libc } from "../system/libc.ts";
import { readBootId, renamedStateFile, type SaveResult, type StateFile } from "../system/state-file.ts";
import { roundDuration } from "../text/duration.ts";
import { fromSaved, toSave } from "./saved-drain.ts";
import {
  type ClockedDrain,
  type ClockedMaintenance,
  type ClockedState,
  type Drain,
  type DrainEvent,
  type DrainState,
  IN_SERVICE,
  isInService,
  type Maintenance,
  type Moment,
  reduce,
  withoutClock,
} from "./state.ts";

export interface DrainOptions {
  /** --state-directory; undefined: nothing is saved. */
  readonly directory: string | undefined;
  readonly log: Pick<Log, "error" | "warning" | "info">;
  /** The state has changed, on request or by itself. Must not throw. */
  readonly onChange: () => void;
  /** For tests: the clock, the time of day, and what is known of this boot. */
  readonly clock?: Clock;
  readonly epochMs?: () => number;
  readonly boot?: Boot;
}

export interface Boot {
  /** Undefined on systems that have none. */
  readonly id: string | undefined;
  /** Whether `clock` goes on over a restart of the daemon. */
  readonly clockGoesOn: boolean;
}

export const FILE_NAME = "drain.json";

/** Of an earlier version. It is read if there is no other, so that an upgrade keeps a drain. */
export const OLD_FILE_NAME = "withdrawal.json";

/** How often a drain is logged again, as for a check that is still down. */
const REMIND_MS = 5 * 60_000;

const NO_DIRECTORY: SaveResult = {
  saved: false,
  cause: "neither --state-directory nor RUNTIME_DIRECTORY is set (in a systemd unit RuntimeDirectory= sets the latter)",
};

/** Owns the state of the drain. */
export class DrainControl {
  readonly #options: Required<DrainOptions>;
  readonly #file: StateFile | undefined;
  #state = IN_SERVICE;
  /** `#state` without the times of the boot clock; made on the first call. */
  #current: DrainState | undefined;
  #cancelEnd = () => {};
  #cancelReminder = () => {};

  /** Reads the saved state, which is in force from now on. */
  constructor(options: DrainOptions) {
    this.#options = { clock: hostClock, epochMs: Date.now, boot: hostBoot(options.directory), ...options };
    const { directory, boot } = this.#options;
    if (directory === undefined) return;
    const { join } = nodePath();
    this.#file = renamedStateFile(join(directory, FILE_NAME), join(directory, OLD_FILE_NAME), boot.id);
    this.#restore(this.#file);
  }

  /** Undefined while the host is in service. Cheap, since every request calls it. */
  current(): DrainState | undefined {
    if (isInService(this.#state)) return undefined;
    this.#endIfOver();
    if (isInService(this.#state)) return undefined;
    this.#current ??= { stopping: this.#state.stopping, ...withoutClock(this.#state) };
    return this.#current;
  }

  /** Lasts until `undrain`. A second drain keeps the time of the first, and its reason unless it has one of its own. */
  async drain(reason?: string): Promise<SaveResult> {
    return this.#apply({ kind: "drain", reason }, ({ drain }) =>
      this.#options.log.warning("host is drained", { reason: drain?.reason }),
    );
  }

  /** Lasts `forMs` from now and replaces a maintenance that is in force. A drain goes on after its end. */
  async maintain(forMs: number, reason: string | undefined): Promise<SaveResult> {
    if (!(forMs > 0)) throw new RangeError(`maintenance: expected a time above zero, got ${forMs} ms`);
    return this.#apply({ kind: "maintain", forMs, reason }, ({ maintenance }) => {
      if (!maintenance) return;
      const lastsMs = maintenance.endMs - maintenance.sinceMs;
      this.#options.log.warning("host is in maintenance", {
        for: roundDuration(lastsMs),
        ...maintenanceFields(maintenance),
      });
    });
  }

  /** Ends drain and maintenance, and returns what they were. A daemon that stops stays unhealthy. */
  async undrain(): Promise<SaveResult & { readonly ended: Omit<DrainState, "stopping"> }> {
    this.#endIfOver();
    const before = this.#state;
    const result = this.#apply({ kind: "undrain" }, () => {
      const { drain, maintenance } = before;
      if (maintenance)
        this.#options.log.info("maintenance ended", { by: "undrain", ...this.#endedFields(maintenance) });
      if (drain) this.#options.log.info("drain ended", { by: "undrain", ...this.#endedFields(drain) });
    });
    return { ...result, ended: withoutClock(before) };
  }

  /** The daemon was asked to stop. This is not saved. */
  stop(): void {
    if (this.#change({ kind: "stop" })) this.#options.onChange();
  }

  /** Cancels the timers; the saved state stays. */
  close(): void {
    this.#cancelEnd();
    this.#cancelReminder();
  }

  #restore(file: StateFile): void {
    const found = file.read();
    if (found.kind === "none") return;
    if (found.kind === "other boot") {
      this.#options.log.warning("saved drain state is from another boot; host is NOT drained", { cause: found.cause });
      this.#write();
      return;
    }
    const moment = { ...this.#moment(), clockGoesOn: this.#options.boot.clockGoesOn };
    const drained = found.kind === "content" ? fromSaved(found.content, moment) : undefined;
    if (!drained) {
      const cause = found.kind === "unusable" ? found.cause : `${found.path}: it does not hold a drain state`;
      this.#options.log.error("saved drain state is unusable; host is NOT drained", { cause });
      return;
    }
    this.#state = { stopping: false, ...drained };
    const { drain, maintenance } = drained;
    if (drain) this.#options.log.warning("drain restored after a restart", drainFields(drain));
    if (maintenance && this.#options.clock.now() < maintenance.endMs) {
      this.#options.log.warning("maintenance restored after a restart", maintenanceFields(maintenance));
    }
    this.#armTimers();
    this.#endMaintenance(); // without onChange: its receiver does not exist yet
  }

  /** `report` logs the change before the state is saved; it is not called if nothing changes. */
  #apply(event: DrainEvent, report: (state: ClockedState) => void): SaveResult {
    this.#endIfOver();
    if (!this.#change(event)) return this.#save();
    report(this.#state);
    this.#armTimers();
    const result = this.#save();
    this.#options.onChange();
    return result;
  }

  /** Timers are late, or do not fire while the host is suspended, so each call checks whether a maintenance is over. */
  #endIfOver(): void {
    if (this.#endMaintenance()) this.#options.onChange();
  }

  #endMaintenance(): boolean {
    const { maintenance } = this.#state;
    if (!this.#change({ kind: "time" }) || !maintenance) return false;
    const fields = this.#endedFields(maintenance);
    if (this.#state.drain) this.#options.log.warning("maintenance ended; host is still drained", fields);
    else this.#options.log.info("maintenance ended", { by: "time", ...fields });
    this.#armTimers();
    this.#write(); // if it fails, a restart finds a maintenance that is over
    return true;
  }

  /** Returns whether the event changed anything. */
  #change(event: DrainEvent): boolean {
    const before = this.#state;
    this.#state = reduce(before, event, this.#moment());
    if (this.#state === before) return false;
    this.#current = undefined;
    return true;
  }

  /** For changes on request: logs if the state is not saved, and what a restart does then. */
  #save(): SaveResult {
    const result = this.#write();
    if (!result.saved) {
      const isInForce = this.#state.drain !== undefined || this.#state.maintenance !== undefined;
      this.#options.log.warning(
        isInForce
          ? "drain state not saved; a restart will end the drain"
          : "drain state not saved; a restart will restore the drain",
        { cause: result.cause },
      );
    }
    return result;
  }

  #write(): SaveResult {
    const content = toSave(this.#state, this.#options.boot.clockGoesOn);
    return this.#file ? this.#file.write(content) : withoutFile(content);
  }

  #armTimers(): void {
    this.#armEnd();
    this.#armReminder();
  }

  #armEnd(): void {
    this.#cancelEnd();
    const { maintenance } = this.#state;
    if (!maintenance) return;
    this.#cancelEnd = callAt(this.#options.clock, maintenance.endMs, () => this.#endIfOver());
  }

  #armReminder(): void {
    this.#cancelReminder();
    if (!this.#state.drain && !this.#state.maintenance) return;
    this.#cancelReminder = this.#options.clock.after(REMIND_MS, () => {
      this.#endIfOver();
      this.#cancelReminder();
      if (!this.#state.stopping) this.#remind();
    });
  }

  #remind(): void {
    const { drain, maintenance } = this.#state;
    const log = (message: string, fields: LogFields, sinceMs: number) =>
      this.#options.log.warning(message, { ...fields, for: this.#durationSince(sinceMs) });
    if (maintenance) log("host is still in maintenance", maintenanceFields(maintenance), maintenance.sinceMs);
    if (drain) log("host is still drained", drainFields(drain), drain.sinceMs);
    this.#armReminder();
  }

  #moment(): Moment {
    return { nowMs: this.#options.clock.now(), epochMs: this.#options.epochMs() };
  }

  #endedFields({ sinceMs, reason }: ClockedDrain | ClockedMaintenance): LogFields {
    return { for: this.#durationSince(sinceMs), reason };
  }

  #durationSince(sinceMs: number): string {
    return roundDuration(Math.max(0, this.#options.clock.now() - sinceMs));
  }
}

/** Without a file the host is in service after a restart. */
const withoutFile = (content: object | undefined): SaveResult => (content ? NO_DIRECTORY : { saved: true });

/** The id is for the saved state alone. */
const hostBoot = (directory: string | undefined): Boot => ({
  id: directory === undefined ? undefined : readBootId(),
  clockGoesOn: libc !== undefined,
});

const drainFields = ({ since, reason }: Drain) => ({ since: iso(since), reason });

const maintenanceFields = ({ until, reason }: Maintenance) => ({ until: iso(until), reason });

const iso = (epochMs: number): string => new Date(epochMs).toISOString();
