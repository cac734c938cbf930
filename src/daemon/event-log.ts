// What is logged about checks, clients, reloads and the host: a function for each event.
//
// A change is logged at info, or at warning if it is for the worse; a steady result at debug. A check with severity
// endpoint that goes down is logged at info. A check that stays down is logged again every five minutes, or sooner when
// its reason changes. log/rate-limit.ts limits the lines of a subject that changes often. The result of a reload is
// never delayed: a person waits for it, and after SIGHUP the log is the only answer.

import { type Check, type CheckResult, type CheckState, concernsHost } from "../checks/check.ts";
import { startOf } from "../listeners/refused.ts";
import type { Log, LogFields } from "../log/log.ts";
import { type Late, RateLimit } from "../log/rate-limit.ts";
import type { MonitorListener } from "../monitor/monitor.ts";
import type { Failure, Reason } from "../outcome.ts";
import type { ReloadChange, ReloadReport } from "../status/schema.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { describeFault } from "../system/errors.ts";
import { formatDuration, roundDuration } from "../text/duration.ts";
import { listOf } from "../text/list.ts";

/** How often a check that is still down, or late, is logged again; and how soon when its reason has changed. */
const REMIND_MS = 5 * 60_000;
const NEW_REASON_MS = 10_000;

/** Clients that disconnect are logged at most this often. */
const GONE_MS = 10_000;

/** Refused requests of one kind, and too many connections, are logged at most this often: their clients repeat them. */
const CLIENTS_MS = 5 * 60_000;

/** How many checks a line names; a line with a thousand names cannot be read. */
const MOST_NAMES = 20;

export interface EventLog extends Required<MonitorListener> {
  /** A request could not be answered. */
  readonly onAnswerFault: (error: Error) => void;
  /** A requested path is close to an endpoint but is none. */
  readonly onNearMiss: (path: string, closest: string) => void;
  /** `closed` connections to `listener` were closed, since at most `most` may be open. */
  readonly onCrowded: (listener: string, closed: number, most: number) => void;
  /** The health listener received what is no request; `message` is constant and says what it looks like. */
  readonly onRefused: (message: string, client: string, received: Uint8Array) => void;
  /** The configuration was read again. */
  readonly onReload: (report: ReloadReport) => void;
  /** What is watched from now on, and what of it will not work. */
  readonly onWatch: (checks: readonly Check[]) => Promise<void>;
  /** Writes what was held back. */
  readonly end: () => void;
}

/** `clock` goes on while the host is suspended. `isDrained`: the host answers unhealthy whatever the verdict. */
export function createEventLog(log: Log, clock: Clock = hostClock, isDrained: () => boolean = () => false): EventLog {
  const limit = new RateLimit(clock);
  const write: Write = (subject, level, message, fields = {}) =>
    limit.change(subject, (late) => log[level](message, { ...fields, ...(late && lateFields(late)) }));
  const clients = clientEvents(log, clock);
  return {
    ...checkEvents(log, clock, write),
    ...faultEvents(write),
    ...clients,
    onNearMiss(path, closest) {
      const message = "requested path matches no endpoint; answered for the host";
      write(`path ${path}`, "warning", message, { path, closest });
    },
    onVerdict(verdict, before) {
      if (verdict.healthy === before?.healthy) return;
      if (verdict.healthy && isDrained()) write("host", "info", "checks pass; host is drained or in maintenance");
      else if (verdict.healthy) write("host", "info", "host is healthy");
      else write("host", "warning", "host is unhealthy", { failing: namesOf(verdict.failing) });
    },
    onReload: (report) => logReload(log, report),
    onWatch: (checks) => logChecks(log, checks),
    end() {
      clients.end();
      limit.end();
    },
  };
}

/** Logs a line about the subject; if it has had too many lately, only the newest line, and later. */
type Write = (subject: string, level: "error" | "warning" | "info", message: string, fields?: LogFields) => void;

/** Logs results, stale ones and late ones. */
function checkEvents(log: Log, clock: Clock, write: Write): Pick<EventLog, "onResult" | "onStale" | "onLate"> {
  const logDown = createDownLog(clock, write);
  const logWarning = createWarningLog(clock, write);
  const lateAt = new WeakMap<Check, number>();
  return {
    onResult(result, before, after) {
      const { check, outcome } = result;
      if (log.verbose) log.debug("result", { check: check.name, up: outcome.ok, seconds: secondsOf(result) });
      if (after.last !== result) return; // a newer result is known
      if (!outcome.ok) {
        if (outcome.reason === "internal") {
          const fields = { check: check.name, error: outcome.message };
          write(`fault of ${check.name}`, "error", "internal error in a probe; please report it", fields);
        }
        // A check that is up stays up until `fall` failures in a row.
        if (after.status === "down") logDown(result, outcome, before, after);
      } else {
        logWarning(check, outcome.warning);
        if (after.status === before.status || after.status !== "up") return;
        const fields = { check: check.name, seconds: secondsOf(result), ...wasFor(before, after) };
        write(`status of ${check.name}`, "info", "check is up", fields);
      }
    },
    onStale(check, ageMs) {
      const age = ageMs === undefined ? undefined : roundDuration(ageMs);
      const fields = { check: check.name, reason: "stale", age };
      write(`staleness of ${check.name}`, levelOf(check), "check result is stale", fields);
    },
    onLate(result, deadlineMs) {
      const { check } = result;
      const now = clock.now();
      if (now - (lateAt.get(check) ?? Number.NEGATIVE_INFINITY) < REMIND_MS) return;
      lateAt.set(check, now);
      const fields = { check: check.name, seconds: secondsOf(result), deadline: roundDuration(deadlineMs) };
      write(`lateness of ${check.name}`, levelOf(check), "check passed after the deadline", fields);
    },
  };
}

/** Logs that a check goes down, is down for another reason, or is still down. */
function createDownLog(clock: Clock, write: Write) {
  const logged = new WeakMap<Check, { readonly at: number; readonly reason: Reason }>();
  return (result: CheckResult, { reason, message, output }: Failure, before: CheckState, after: CheckState): void => {
    const { check } = result;
    const now = clock.now();
    const isStill = before.status === "down";
    const last = isStill ? logged.get(check) : undefined;
    const quietMs = last?.reason === reason ? REMIND_MS : NEW_REASON_MS;
    if (last && now - last.at < quietMs) return;
    logged.set(check, { at: now, reason });
    const fields = { check: check.name, reason, detail: message, seconds: secondsOf(result), output };
    const duration = isStill ? { "down-for": roundDuration(now - after.since) } : wasFor(before, after);
    const event = isStill ? "check is still down" : "check is down";
    write(`status of ${check.name}`, levelOf(check), event, { ...fields, ...duration });
  };
}

/** Logs the warning of a check that passes, and when it has no warning any more. */
function createWarningLog(clock: Clock, write: Write) {
  const logged = new WeakMap<Check, number>();
  return (check: Check, warning: string | undefined): void => {
    const subject = `warning of ${check.name}`;
    const last = logged.get(check);
    const now = clock.now();
    if (warning === undefined) {
      if (logged.delete(check)) write(subject, "info", "check warning cleared", { check: check.name });
    } else if (last === undefined || now - last >= REMIND_MS) {
      logged.set(check, now);
      write(subject, "warning", "check passed with a warning", { check: check.name, warning });
    }
  };
}

const faultEvents = (write: Write): Pick<EventLog, "onFault" | "onAnswerFault"> => ({
  onFault: (error) => write("fault", "error", "internal error; please report it", { error: describeFault(error) }),
  onAnswerFault: (error) =>
    write("answers", "error", "internal error while answering; please report it", {
      error: error.stack ?? error.message,
    }),
});

/** Logs clients that disconnect, too many connections, and what is no request: one line for many of them. */
function clientEvents(log: Log, clock: Clock): Pick<EventLog, "onGone" | "onCrowded" | "onRefused" | "end"> {
  let goneLoggedAt = Number.NEGATIVE_INFINITY;
  /** Since the last line. */
  let goneUnlogged = 0;
  const countSinceLine = createLineInterval(clock);
  return {
    onGone(waitedMs, running) {
      const now = clock.now();
      if (now - goneLoggedAt < GONE_MS) {
        goneUnlogged++;
        return;
      }
      log.warning("client disconnected before the response", {
        waited: roundDuration(waitedMs),
        running: namesOf(running),
        ...(goneUnlogged > 0 && { suppressed: goneUnlogged }),
      });
      goneLoggedAt = now;
      goneUnlogged = 0;
    },
    onCrowded(listener, closed, most) {
      const since = countSinceLine(`connections ${listener}`, closed);
      if (since === undefined) return;
      log.warning("too many connections; closing the longest idle", { listener, most, closed: closed + since });
    },
    onRefused(message, client, received) {
      const since = countSinceLine(message);
      if (since === undefined) return;
      log.warning(message, {
        client: client.replace(/^::ffff:(?=[\d.]+$)/, ""),
        received: startOf(received),
        ...(since > 0 && { suppressed: since }),
      });
    },
    end() {
      if (goneUnlogged > 0) log.warning("more clients disconnected before the response", { count: goneUnlogged });
      goneUnlogged = 0;
    },
  };
}

/** Undefined if the subject was logged less than CLIENTS_MS ago; else how many events came since that line. */
function createLineInterval(clock: Clock): (subject: string, count?: number) => number | undefined {
  const logged = new Map<string, { readonly at: number; since: number }>();
  return (subject, count = 1) => {
    const now = clock.now();
    const last = logged.get(subject);
    if (last && now - last.at < CLIENTS_MS) {
      last.since += count;
      return undefined;
    }
    logged.set(subject, { at: now, since: 0 });
    return last?.since ?? 0;
  };
}

function logReload(log: Log, report: ReloadReport): void {
  const { taken, problems, warnings, trialWarnings } = report;
  if (taken) log.info("configuration reloaded", changeFields(report));
  else {
    const shown = problems.slice(0, MOST_NAMES).join("; ");
    log.error("reload refused; the running configuration is unchanged", { count: problems.length, problems: shown });
  }
  for (const warning of warnings) log.warning("configuration warning", { warning });
  for (const warning of trialWarnings) log.warning("reload warning", { warning });
}

async function logChecks(log: Log, checks: readonly Check[]): Promise<void> {
  for (const { name, kind, target, timeoutMs, intervalMs, severity } of checks) {
    const timeout = formatDuration(timeoutMs);
    const background = intervalMs === undefined ? {} : { interval: formatDuration(intervalMs) };
    const fields = { check: name, kind, target, timeout, ...background, ...(severity !== "critical" && { severity }) };
    log.info("check configured", fields);
  }
  for (const { name, inspect } of checks) {
    for (const cause of (await inspect?.()) ?? []) {
      log.warning("check will fail", { check: name, cause });
    }
  }
}

const changeFields = (change: ReloadChange): LogFields => ({
  kept: change.kept,
  changed: textOf(change.changed),
  "kind-changed": textOf(change.kindChanged),
  added: textOf(change.added),
  removed: textOf(change.removed),
  "options-changed": textOf(change.options),
  "endpoints-changed": textOf(change.endpointsChanged),
  "endpoints-added": textOf(change.endpointsAdded),
  "endpoints-removed": textOf(change.endpointsRemoved),
});

/** The level at which it is logged that the check is down or stale. */
const levelOf = (check: Check): "warning" | "info" => (concernsHost(check) ? "warning" : "info");

const secondsOf = ({ durationMs }: CheckResult): number => Math.round(durationMs * 1000) / 1e6;

/** How long the state before lasted, if there was one. */
const wasFor = (before: CheckState, after: CheckState) =>
  before.status === "unknown" ? {} : { [`${before.status}-for`]: roundDuration(after.since - before.since) };

const lateFields = ({ suppressed, agoMs }: Late) => ({ suppressed, ago: roundDuration(agoMs) });

const namesOf = (checks: readonly Pick<Check, "name">[]): string | undefined => textOf(checks.map(({ name }) => name));

const textOf = (names: readonly string[]): string | undefined => listOf(names, MOST_NAMES) || undefined;
