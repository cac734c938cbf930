// What the log says of checks and of the host.
//
// Changes at info, or warning where it is for the worse; steady results at debug. That a check
// with severity endpoint is down is not for the worse: info.
// What stays down is said again every five minutes, or sooner when its reason changes.
// What changes again and again is held back as flapping.ts says: the log never floods. What a reload comes
// to is never held back: a person has asked for it, and by SIGHUP nothing else answers.

import { type Check, type CheckResult, type CheckState, concernsHost, type Verdict } from "../checks/check.ts";
import { startOf } from "../listeners/refused.ts";
import type { Log, LogFields } from "../log/log.ts";
import { type Late, RateLimit } from "../log/rate-limit.ts";
import type { MonitorOptions } from "../monitor/monitor.ts";
import type { Failure, Reason } from "../outcome.ts";
import type { ReloadChange, ReloadReport } from "../status/schema.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { describeFault } from "../system/errors.ts";
import { formatDuration, roundDuration } from "../text/duration.ts";
import { listOf } from "../text/list.ts";

/** A check that is still down, or late, is logged again this often, and this soon when it is down for another reason. */
const REMIND_MS = 5 * 60_000;
const NEW_REASON_MS = 10_000;

/** Clients that disconnect get a line this often at most. */
const GONE_MS = 10_000;

/** One kind of request that is refused, and too many connections, get a line this often at most: their clients go on. */
const CLIENTS_MS = 5 * 60_000;

/** Of a list of checks; a thousand would be a line that nobody reads. */
const MOST_NAMES = 20;

export interface EventLog
  extends Required<Pick<MonitorOptions, "onResult" | "onVerdict" | "onGone" | "onStale" | "onLate" | "onFault">> {
  /** An answer could not be made up. */
  readonly onAnswerFault: (error: Error) => void;
  /** A request's path is close to an endpoint, and is none. */
  readonly onNearMiss: (path: string, endpoint: string) => void;
  /** `closed` of the connections to `listener` were closed, since no more than `most` may be open. */
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

/** `clock` counts on while the host is suspended. */
export function createEventLog(log: Log, clock: Clock = hostClock): EventLog {
  let goneLoggedAt = Number.NEGATIVE_INFINITY;
  /** Of those, since the last line. */
  let goneUnlogged = 0;
  const lastWarned = new WeakMap<Check, number>();
  const lastLate = new WeakMap<Check, number>();
  const lastSaid = new WeakMap<Check, { readonly at: number; readonly reason: Reason }>();
  const guard = new RateLimit(clock);

  const clientsLogged = new Map<string, { at: number; since: number }>();

  /** Undefined where the subject had its line of late; else how often that was so since. */
  const timeForLine = (subject: string, count = 1): number | undefined => {
    const now = clock.now();
    const before = clientsLogged.get(subject);
    if (before && now - before.at < CLIENTS_MS) {
      before.since += count;
      return undefined;
    }
    clientsLogged.set(subject, { at: now, since: 0 });
    return before?.since ?? 0;
  };

  /** One line of the subject, unless that has had too many of late: then the newest, later. */
  const tell = (subject: string, level: "error" | "warning" | "info", message: string, fields: LogFields = {}) => {
    guard.change(subject, (late) => log[level](message, { ...fields, ...(late && lateFields(late)) }));
  };

  const sayDown = (result: CheckResult, outcome: Failure, before: CheckState, after: CheckState) => {
    const { check } = result;
    const now = clock.now();
    const isStill = before.status === "down";
    const said = isStill ? lastSaid.get(check) : undefined;
    const quietMs = said?.reason === outcome.reason ? REMIND_MS : NEW_REASON_MS;
    if (said && now - said.at < quietMs) return;
    lastSaid.set(check, { at: now, reason: outcome.reason });
    const { reason, message, output } = outcome;
    const fields = { check: check.name, reason, message, seconds: secondsOf(result), output };
    const subject = `status of ${check.name}`;
    const level = levelOf(check);
    if (isStill)
      tell(subject, level, "check is still down", { ...fields, "down-for": roundDuration(now - after.since) });
    else tell(subject, level, "check is down", { ...fields, ...wasFor(before, after) });
  };

  const sayWarning = ({ check }: CheckResult, warning: string | undefined) => {
    const subject = `warning of ${check.name}`;
    const saidAt = lastWarned.get(check);
    const now = clock.now();
    if (warning === undefined) {
      if (lastWarned.delete(check)) tell(subject, "info", NOTHING_TO_WARN_OF, { check: check.name });
    } else if (saidAt === undefined || now - saidAt >= REMIND_MS) {
      lastWarned.set(check, now);
      tell(subject, "warning", "check is ok, with a warning", { check: check.name, warning });
    }
  };

  return {
    onResult(result: CheckResult, before: CheckState, after: CheckState): void {
      const { check, outcome } = result;
      if (log.verbose) log.debug("result", { check: check.name, up: outcome.ok, seconds: secondsOf(result) });
      if (after.last !== result) return; // it came late: a newer one is known
      if (!outcome.ok) {
        if (outcome.reason === "internal") {
          const fields = { check: check.name, error: outcome.message };
          tell(`fault of ${check.name}`, "error", "fault in a probe; please report it", fields);
        }
        // One that is up stays so until `fall` failures in a row.
        if (after.status === "down") sayDown(result, outcome, before, after);
      } else {
        sayWarning(result, outcome.warning);
        if (after.status === before.status || after.status !== "up") return;
        const fields = { check: check.name, seconds: secondsOf(result), ...wasFor(before, after) };
        tell(`status of ${check.name}`, "info", "check is up", fields);
      }
    },
    onGone(waitedMs: number, running: readonly Check[]): void {
      const now = clock.now();
      if (now - goneLoggedAt < GONE_MS) {
        goneUnlogged++;
        return;
      }
      log.warning("client disconnected before the response", {
        waited: roundDuration(waitedMs),
        running: namesOf(running),
        ...(goneUnlogged > 0 && { "more-since-last": goneUnlogged }),
      });
      goneLoggedAt = now;
      goneUnlogged = 0;
    },
    onStale(check: Check, ageMs: number | undefined): void {
      const age = ageMs === undefined ? undefined : roundDuration(ageMs);
      const fields = { check: check.name, reason: "stale", age };
      tell(`freshness of ${check.name}`, levelOf(check), "check has no result that is fresh", fields);
    },
    onLate(result: CheckResult, deadlineMs: number): void {
      const { check } = result;
      const now = clock.now();
      if (now - (lastLate.get(check) ?? Number.NEGATIVE_INFINITY) < REMIND_MS) return;
      lastLate.set(check, now);
      const fields = { check: check.name, seconds: secondsOf(result), deadline: roundDuration(deadlineMs) };
      tell(`lateness of ${check.name}`, levelOf(check), "check passed after the deadline", fields);
    },
    onFault(error: unknown): void {
      tell("fault", "error", "fault in health-checker; please report it", {
        error: describeFault(error),
      });
    },
    onAnswerFault(error: Error): void {
      tell("answers", "error", "fault while answering", { error: error.stack ?? error.message });
    },
    onNearMiss(path, endpoint): void {
      const message = "requested path is close to an endpoint and is none, so the answer is that of the host";
      tell(`path ${path}`, "warning", message, { path, endpoint });
    },
    onCrowded(listener, closed, most): void {
      const since = timeForLine(`connections ${listener}`, closed);
      if (since === undefined) return;
      log.warning("too many connections, so the longest idle are closed", {
        listener,
        most,
        closed: closed + since,
      });
    },
    onRefused(message, client, received): void {
      const since = timeForLine(message);
      if (since === undefined) return;
      log.warning(message, {
        client: client.replace(/^::ffff:(?=[\d.]+$)/, ""),
        starts: startOf(received),
        ...(since > 0 && { "more-since-last": since }),
      });
    },
    onReload(report): void {
      const { taken, problems, cautions, warnings } = report;
      if (taken) log.info("configuration reloaded", changeFields(report));
      else {
        const shown = problems.slice(0, MOST_NAMES).join("; ");
        log.error("configuration refused, nothing has changed", { count: problems.length, problems: shown });
      }
      for (const caution of cautions) log.warning("unwise configuration", { caution });
      for (const warning of warnings) log.warning("reload warning", { warning });
    },
    async onWatch(checks): Promise<void> {
      for (const { name, kind, target, timeoutMs, intervalMs, severity, inspect } of checks) {
        const timeout = formatDuration(timeoutMs);
        const background = intervalMs === undefined ? {} : { interval: formatDuration(intervalMs) };
        const fields = { name, kind, target, timeout, ...background, ...(severity !== "critical" && { severity }) };
        log.info("check", fields);
        for (const warning of (await inspect?.()) ?? []) {
          log.warning("check will fail", { name, because: warning });
        }
      }
    },
    end(): void {
      if (goneUnlogged > 0) log.warning("more clients disconnected before the response", { count: goneUnlogged });
      goneUnlogged = 0;
      guard.end();
    },
    onVerdict(verdict: Verdict, before: Verdict | undefined): void {
      if (verdict.healthy === before?.healthy) return;
      if (verdict.healthy) tell("host", "info", "host is healthy");
      else tell("host", "warning", "host is unhealthy", { failing: listOf(verdict.failing, MOST_NAMES) });
    },
  };
}

const NOTHING_TO_WARN_OF = "check has nothing to warn of any more";

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

/** Of its being down or stale. */
const levelOf = (check: Check): "warning" | "info" => (concernsHost(check) ? "warning" : "info");

const secondsOf = ({ durationMs }: CheckResult): number => Math.round(durationMs * 1000) / 1e6;

/** How long the state before lasted, where there was one. */
const wasFor = (before: CheckState, after: CheckState) =>
  before.status === "unknown" ? {} : { [`${before.status}-for`]: roundDuration(after.since - before.since) };

const lateFields = ({ leftOut, agoMs }: Late) => ({ "left-out": leftOut, ago: roundDuration(agoMs) });

const namesOf = (checks: readonly Check[]): string | undefined => textOf(checks.map(({ name }) => name));

const textOf = (names: readonly string[]): string | undefined => listOf(names, MOST_NAMES) || undefined;
