// Tells systemd how the daemon is: ready, its status, alive, reloading, stopping; by datagrams
// to NOTIFY_SOCKET, as sd_notify(3) has it.
//
// Nobody is waited for: what the receiver does not take is told again a second later,
// and a receiver that is full, gone or not systemd at all changes nothing else.

import { concernsHost, type Severity } from "../checks/check.ts";
import type { Withdrawal } from "../drain/state.ts";
import type { Log } from "../log/log.ts";
import type { CheckReport } from "../monitor/monitor.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import {
  AF_UNIX,
  errno,
  errnoName,
  libc,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "../system/libc.ts";
import { formatDuration } from "../text/duration.ts";
import { listOf } from "../text/list.ts";
import { plainLine } from "../text/printable.ts";

export interface NotifierOptions {
  /** As systemd gave them in the environment. */
  readonly socket: string;
  readonly watchdogUsec: string | undefined;
  readonly watchdogPid: string | undefined;
  readonly log: Log;
  /** For tests. */
  readonly clock?: Clock;
}

export interface Notifier {
  /**
   * To be called once the daemon listens. It is ready when every critical check in the
   * background has had its first result, 10 s later at the latest.
   */
  begin(subject: NotifierSubject): void;
  /** What the subject says may have changed. Costs next to nothing, however often it is called. */
  look(): void;
  /** The configuration is being read again; until it has been, and the daemon is as ready as before. */
  reloading(): void;
  reloaded(): void;
  /** The daemon was asked to stop, and says so. */
  stopping(status: string): void;
  /** Nothing is told any more. */
  close(): void;
}

export interface NotifierSubject {
  readonly states: () => readonly CheckReport[];
  /** What stands above what the checks say, such as that the host is drained. */
  readonly withdrawal: () => Withdrawal | undefined;
  /** The configuration was read again last, and refused. */
  readonly wasRefused: () => boolean;
}

/** A check that hangs must not keep systemd from starting what comes after the daemon. */
export const FIRST_RESULTS_MS = 10_000;

/** The status is told no more often, and what the receiver did not take is told again this much later. */
const STATUS_EVERY_MS = 1000;
const RETRY_MS = 1000;

const CLOCK_MONOTONIC = 1;

type Variable = "READY" | "STATUS" | "WATCHDOG" | "RELOADING" | "MONOTONIC_USEC" | "STOPPING";

/** Opens nothing yet. */
export function createNotifier(options: NotifierOptions): Notifier {
  const { log, clock = hostClock } = options;
  const halfWatchdogMs = halfWatchdog(options);
  let channel: Channel | undefined;
  let subject: NotifierSubject = { states: () => [], withdrawal: () => undefined, wasRefused: () => false };
  let phase: "starting" | "ready" | "stopping" = "starting";
  /** What is still to be told; a newer value takes the place of an older one. */
  const untold = new Map<Variable, string>();
  let saidFailure = false;
  let status = "";
  let reviewedAt = Number.NEGATIVE_INFINITY;
  let cancelLook: (() => void) | undefined;
  let cancelRetry: (() => void) | undefined;
  let cancelBeat = () => {};
  let cancelPatience = () => {};

  function tell(variables: Readonly<Partial<Record<Variable, string>>>): void {
    for (const [name, value] of Object.entries(variables)) untold.set(name as Variable, value);
    deliver();
  }

  function deliver(): void {
    if (!channel) return;
    const failure = channel.send([...untold].map(([name, value]) => `${name}=${value}`).join("\n"));
    if (failure === undefined) {
      untold.clear();
      return;
    }
    log[saidFailure ? "debug" : "warning"]("systemd was not told, trying again", { because: failure });
    saidFailure = true;
    cancelRetry ??= clock.after(RETRY_MS, () => {
      cancelRetry = undefined;
      if (untold.size > 0) deliver();
    });
  }

  /** From the event loop itself and from nothing else, so that one that is blocked is found. */
  function beat(periodMs: number): void {
    cancelBeat = clock.after(periodMs, () => {
      beat(periodMs);
      tell({ WATCHDOG: "1" });
    });
  }

  function review(): void {
    cancelLook = undefined;
    reviewedAt = clock.now();
    const reports = subject.states();
    if (phase === "starting" && !reports.some(lacksFirstResult)) becomeReady();
    if (phase === "ready") tellStatus(statusLine(reports, subject.withdrawal(), subject.wasRefused()));
  }

  function becomeReady(): void {
    cancelPatience();
    phase = "ready";
    untold.set("READY", "1"); // goes with the status, which is a new one
  }

  function tellStatus(now: string): void {
    if (now === status) return;
    status = now;
    tell({ STATUS: now });
  }

  return {
    begin(given) {
      const opened = openChannel(options.socket);
      if (typeof opened === "string") {
        log.warning("systemd cannot be told anything", { because: opened });
        return;
      }
      channel = opened;
      subject = given;
      if (halfWatchdogMs !== undefined) beat(halfWatchdogMs);
      cancelPatience = clock.after(FIRST_RESULTS_MS, () => {
        becomeReady();
        review();
      });
      review();
      if (phase === "starting") tellStatus("waiting for the first results");
    },
    look() {
      if (cancelLook || !channel) return;
      const restMs = phase === "ready" ? Math.max(0, reviewedAt + STATUS_EVERY_MS - clock.now()) : 0;
      cancelLook = clock.after(restMs, review);
    },
    reloading() {
      // READY=1 at its end would come too soon while the daemon starts.
      if (phase !== "ready") return;
      tell({ RELOADING: "1", MONOTONIC_USEC: monotonicUsec() });
    },
    reloaded() {
      if (phase !== "ready") return;
      untold.delete("RELOADING");
      untold.delete("MONOTONIC_USEC");
      untold.set("READY", "1");
      status = "";
      review();
    },
    stopping(last) {
      if (phase === "stopping") return;
      phase = "stopping";
      cancelPatience();
      for (const earlier of ["READY", "RELOADING", "MONOTONIC_USEC"] as const) untold.delete(earlier);
      tell({ STOPPING: "1", STATUS: last });
    },
    close() {
      cancelLook?.();
      cancelRetry?.();
      cancelBeat();
      cancelPatience();
      channel?.close();
      channel = undefined;
    },
  };
}

const lacksFirstResult = ({ check, state }: CheckReport): boolean =>
  check.severity === "critical" && check.intervalMs !== undefined && state.status === "unknown";

/** Undefined where no watchdog waits for this process. */
function halfWatchdog({ watchdogUsec = "", watchdogPid }: NotifierOptions): number | undefined {
  const periodMs = /^\d+$/.test(watchdogUsec) ? Number(watchdogUsec) / 1000 : 0;
  const isOurs = watchdogPid === undefined || watchdogPid === `${process.pid}`;
  return periodMs > 0 && isOurs ? periodMs / 2 : undefined;
}

/** So many checks are named, each with so many characters of its name. */
const MOST_NAMED = 3;
const LONGEST_NAME = 60;

/** One line of at most 500 characters: whether the host is withdrawn, the verdict by what is known, and who is to blame. */
export function statusLine(reports: readonly CheckReport[], withdrawal?: Withdrawal, wasRefused = false): string {
  const above = withdrawal && withdrawalLine(withdrawal);
  const checks = checksLine(reports);
  const line = above === undefined ? checks : `${above}; by its checks ${checks}`;
  return wasRefused ? `${line}; the last reload was refused` : line;
}

function withdrawalLine({ stopping, maintenance, drain }: Withdrawal): string {
  if (stopping) return "draining before it stops";
  if (maintenance) {
    const { until, reason } = maintenance;
    return `in maintenance until ${toTheSecond(until)}${reason === undefined ? "" : ` (${plainLine(reason, LONGEST_NAME)})`}`;
  }
  return drain ? `drained since ${toTheSecond(drain.since)}` : "withdrawn";
}

const toTheSecond = (epochMs: number): string => `${new Date(epochMs).toISOString().slice(0, 19)}Z`;

function checksLine(reports: readonly CheckReport[]): string {
  const counted = reports.filter(({ check }) => concernsHost(check));
  const { up = [], down = [], unknown = [] } = Object.groupBy(counted, standing);
  const count = `${up.length} of ${counted.length} up`;
  const failing = down.filter(isOf("critical"));
  if (failing.length > 0) return `unhealthy: ${few(failing.map(blame))}`;
  const missing = unknown.filter(isOf("critical"));
  if (missing.length > 0) return `${count}, no result yet: ${few(missing.map(nameOf))}`;
  return down.length > 0 ? `healthy, ${count}: ${few(down.map(blame))}` : `healthy, ${count}`;
}

/** What is stale has failed, as in the verdict. */
const standing = ({ state, stale }: CheckReport) => (stale ? "down" : state.status);

const isOf =
  (severity: Severity) =>
  ({ check }: CheckReport): boolean =>
    check.severity === severity;

function blame(report: CheckReport): string {
  const { check, state, stale } = report;
  const { outcome } = state.last ?? {};
  // One that is down may have passed, less often than `rise`.
  const reason = stale ? "stale" : outcome && !outcome.ok ? outcome.reason : "down";
  return `${nameOf(report)} ${reason === "timeout" ? `timeout ${formatDuration(check.timeoutMs)}` : reason}`;
}

const nameOf = ({ check }: CheckReport): string => plainLine(check.name, LONGEST_NAME);

const few = (items: readonly string[]): string => listOf(items, MOST_NAMED);

/** Microseconds by CLOCK_MONOTONIC, by which systemd tells this reload from one before. */
function monotonicUsec(): string {
  // struct timespec: two numbers of 64 bits, the lower half first wherever Bun runs.
  const timespec = new Uint32Array(4);
  libc?.clock_gettime(CLOCK_MONOTONIC, timespec);
  const seconds = (timespec[1] ?? 0) * 2 ** 32 + (timespec[0] ?? 0);
  return String(seconds * 1e6 + Math.floor((timespec[2] ?? 0) / 1000));
}

interface Channel {
  /** What went wrong, where it did. Never waits. */
  send(message: string): string | undefined;
  close(): void;
}

/** struct sockaddr_un: two bytes of family, then a path; or, after a zero byte, a name of the abstract namespace. */
const FAMILY_BYTES = 2;
const LONGEST_PATH_BYTES = 108;

/** Or what is wrong with it. The descriptor is kept, lest the watchdog be unheard for want of one. */
function openChannel(socket: string): Channel | string {
  if (!libc) return "the runtime can make no system calls here, as under MemoryDenyWriteExecute=";
  const system = libc;
  const path = Buffer.from(socket.replace(/^@/, "\0"));
  if (!/^[/@]./s.test(socket) || path.length > LONGEST_PATH_BYTES) {
    return `NOTIFY_SOCKET: expected a path or an @name of at most 108 bytes, got ${JSON.stringify(socket)}`;
  }
  const address = new Uint8Array(FAMILY_BYTES + path.length);
  address[0] = AF_UNIX;
  address.set(path, FAMILY_BYTES);
  const fd = system.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return `no socket: ${errnoName(errno())}`;
  return {
    send(message) {
      const bytes = Buffer.from(message);
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
      const sent = system.sendto(fd, bytes, bytes.length, flags, address, address.length);
      return sent < 0 ? `${socket}: ${errnoName(errno())}` : undefined;
    },
    close: () => system.close(fd),
  };
}
