// Reports to systemd by datagrams to NOTIFY_SOCKET, as in sd_notify(3): ready, status, alive, reloading, stopping.
//
// Nothing waits for systemd: a receiver that is full, gone or not systemd does not affect the daemon.

import type { CheckState, Verdict } from "../checks/check.ts";
import type { DrainState } from "../drain/state.ts";
import type { Log } from "../log/log.ts";
import type { CheckReport } from "../monitor/monitor.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { monotonicUsec, openNotifySocket } from "./notify-socket.ts";
import { Outbox, type Variable, type Variables } from "./outbox.ts";
import { statusLine } from "./status-line.ts";

export interface NotifierOptions {
  /** From the environment, as systemd set them. */
  readonly socket: string;
  readonly watchdogUsec: string | undefined;
  readonly watchdogPid: string | undefined;
  readonly log: Log;
  /** For tests. */
  readonly clock?: Clock;
}

/** What the reports are about. */
export interface NotifierSubject {
  readonly states: () => readonly CheckReport[];
  /** By what is known, as in `status`. */
  readonly verdict: () => Verdict | undefined;
  readonly drainState: () => DrainState | undefined;
  /** The last reload was refused. */
  readonly wasRefused: () => boolean;
}

/** A check that hangs must not keep systemd from starting what comes after the daemon. */
export const FIRST_RESULTS_MS = 10_000;

/** The status is sent at most this often. */
const STATUS_EVERY_MS = 1000;

export class Notifier {
  readonly #options: NotifierOptions;
  readonly #clock: Clock;
  #subject: NotifierSubject = {
    states: () => [],
    verdict: () => undefined,
    drainState: () => undefined,
    wasRefused: () => false,
  };
  /** Undefined before `begin`, after `close`, and if the socket cannot be opened. */
  #outbox: Outbox | undefined;
  #reported: Reported = { phase: "starting", status: "" };
  #reviewedAt = Number.NEGATIVE_INFINITY;
  /** The status that was sent last counts a check as stale. */
  #hasStale = false;
  #cancelReview: (() => void) | undefined;
  #cancelWatchdog = () => {};
  #cancelFirstResults = () => {};

  /** Opens nothing yet. */
  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#clock = options.clock ?? hostClock;
  }

  /**
   * Call it once the daemon listens. The daemon is ready when every critical background check has its first result, at
   * the latest after 10 s.
   */
  begin(subject: NotifierSubject): void {
    const { socket, log } = this.#options;
    const opened = openNotifySocket(socket);
    if (typeof opened === "string") {
      log.warning("systemd notification is not possible", { cause: opened });
      return;
    }
    this.#outbox = new Outbox(opened, log, this.#clock);
    this.#subject = subject;
    const halfMs = halfWatchdogMs(this.#options);
    if (halfMs !== undefined) this.#feedWatchdog(halfMs);
    this.#cancelFirstResults = this.#clock.after(FIRST_RESULTS_MS, () => this.#review(true));
    this.#review();
  }

  /** Call it at each result. Most change nothing that the status shows, and a review of them would wake the host up. */
  onResult(before: CheckState, after: CheckState): void {
    if (this.#hasStale || before.status !== "up" || after.status !== "up") this.refresh();
  }

  /** Call it whenever the subject may have changed. Cheap, however often it is called. */
  refresh(): void {
    if (this.#cancelReview || !this.#outbox) return;
    const isReady = this.#reported.phase === "ready";
    const restMs = isReady ? Math.max(0, this.#reviewedAt + STATUS_EVERY_MS - this.#clock.now()) : 0;
    this.#cancelReview = this.#clock.after(restMs, () => this.#review());
  }

  /** The configuration is being read again. */
  reloading(): void {
    this.#take({ kind: "reloading", usec: monotonicUsec() });
  }

  /** The daemon is as ready as before. */
  reloaded(): void {
    this.#take({ kind: "reloaded", status: this.#status() });
  }

  stopping(status: string): void {
    this.#take({ kind: "stopping", status });
  }

  /** Sends nothing from now on. */
  close(): void {
    this.#cancelReview?.();
    this.#cancelWatchdog();
    this.#cancelFirstResults();
    this.#outbox?.close();
    this.#outbox = undefined;
  }

  #review(hasWaited = false): void {
    this.#cancelReview = undefined;
    const isReady = hasWaited || !this.#subject.states().some(lacksFirstResult);
    this.#take({ kind: "review", isReady, status: this.#status() });
  }

  #status(): string {
    this.#reviewedAt = this.#clock.now();
    const { states, verdict, drainState, wasRefused } = this.#subject;
    const reports = states();
    this.#hasStale = reports.some(({ stale }) => stale);
    return statusLine(reports, drainState(), wasRefused(), verdict()?.failing);
  }

  #take(event: NotifyEvent): void {
    if (!this.#outbox) return;
    const { reported, drop = [], send } = react(this.#reported, event);
    this.#reported = reported;
    if (reported.phase !== "starting") this.#cancelFirstResults();
    this.#outbox.drop(...drop);
    if (send) this.#outbox.send(send);
  }

  /** Runs on the event loop, so that systemd notices when that is blocked. */
  #feedWatchdog(periodMs: number): void {
    this.#cancelWatchdog = this.#clock.after(periodMs, () => {
      this.#feedWatchdog(periodMs);
      this.#outbox?.send({ WATCHDOG: "1" });
    });
  }
}

/** What was reported last. */
interface Reported {
  readonly phase: "starting" | "ready" | "stopping";
  readonly status: string;
}

type NotifyEvent =
  | { readonly kind: "review"; readonly isReady: boolean; readonly status: string }
  | { readonly kind: "reloading"; readonly usec: string }
  | { readonly kind: "reloaded"; readonly status: string }
  | { readonly kind: "stopping"; readonly status: string };

interface Reaction {
  readonly reported: Reported;
  /** Variables that may be unsent and are out of date. */
  readonly drop?: readonly Variable[];
  readonly send?: Variables;
}

/** Pure. A reload is not reported while the daemon starts: the READY at its end would come too early. */
function react(reported: Reported, event: NotifyEvent): Reaction {
  const { phase } = reported;
  if (phase === "stopping") return { reported };
  switch (event.kind) {
    case "review": {
      if (phase === "starting" && event.isReady) {
        return { reported: { phase: "ready", status: event.status }, send: { READY: "1", STATUS: event.status } };
      }
      const status = phase === "starting" ? "waiting for the first results" : event.status;
      return status === reported.status ? { reported } : { reported: { phase, status }, send: { STATUS: status } };
    }
    case "reloading":
      return phase === "ready" ? { reported, send: { RELOADING: "1", MONOTONIC_USEC: event.usec } } : { reported };
    case "reloaded":
      if (phase !== "ready") return { reported };
      return {
        reported: { phase, status: event.status },
        drop: ["RELOADING", "MONOTONIC_USEC"],
        send: { READY: "1", STATUS: event.status },
      };
    case "stopping":
      return {
        reported: { phase: "stopping", status: event.status },
        drop: ["READY", "RELOADING", "MONOTONIC_USEC"],
        send: { STOPPING: "1", STATUS: event.status },
      };
  }
}

const lacksFirstResult = ({ check, state }: CheckReport): boolean =>
  check.severity === "critical" && check.intervalMs !== undefined && state.status === "unknown";

/** Undefined if systemd runs no watchdog for this process. */
function halfWatchdogMs({ watchdogUsec = "", watchdogPid }: NotifierOptions): number | undefined {
  const periodMs = /^\d+$/.test(watchdogUsec) ? Number(watchdogUsec) / 1000 : 0;
  const isOurs = watchdogPid === undefined || watchdogPid === `${process.pid}`;
  return periodMs > 0 && isOurs ? periodMs / 2 : undefined;
}
