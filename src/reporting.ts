// What the log says of checks and of the host.
//
// Changes at info, or warning where it is for the worse; steady results at debug.
// What stays down is said again every five minutes, or sooner when its reason changes.

import type { Check, CheckResult, CheckState, Failure, Reason, Verdict } from "./checks/check.ts";
import type { MonitorOptions } from "./core/monitor.ts";
import { roundDuration } from "./duration.ts";
import type { Log } from "./log.ts";

/** What is still down is said again this often, and this soon when it is down for another reason; an asker that left, likewise. */
const REMIND_MS = 5 * 60_000;
const NEW_REASON_MS = 10_000;

type Reporting = Pick<MonitorOptions, "onResult" | "onVerdict" | "onAbandoned" | "onStale" | "onFault">;

export function reporting(log: Log): Reporting {
  let abandonedSaidAt = Number.NEGATIVE_INFINITY;
  const lastWarned = new Map<Check, number>();
  const lastSaid = new Map<Check, { readonly at: number; readonly reason: Reason }>();

  const sayDown = (result: CheckResult, outcome: Failure, before: CheckState, after: CheckState) => {
    const { check } = result;
    const now = performance.now();
    const said = before.status === "down" ? lastSaid.get(check) : undefined;
    const quietMs = said?.reason === outcome.reason ? REMIND_MS : NEW_REASON_MS;
    if (said && now - said.at < quietMs) return;
    lastSaid.set(check, { at: now, reason: outcome.reason });
    const { reason, message, output } = outcome;
    const fields = { check: check.name, reason, message, seconds: secondsOf(result), output };
    if (said) log.warning("check is still down", { ...fields, "down-for": roundDuration(now - after.since) });
    else log.warning("check is down", { ...fields, ...wasFor(before, after) });
  };

  const sayWarning = (check: Check, warning: string | undefined) => {
    const saidAt = lastWarned.get(check);
    const now = performance.now();
    if (warning === undefined) {
      if (lastWarned.delete(check)) log.info("check has nothing to warn of any more", { check: check.name });
    } else if (saidAt === undefined || now - saidAt >= REMIND_MS) {
      lastWarned.set(check, now);
      log.warning("check is ok, with a warning", { check: check.name, warning });
    }
  };

  return {
    onResult(result: CheckResult, before: CheckState, after: CheckState): void {
      const { check, outcome } = result;
      if (log.verbose) log.debug("result", { check: check.name, up: outcome.ok, seconds: secondsOf(result) });
      if (after.last !== result) return; // it came late: a newer one is known
      if (!outcome.ok) {
        if (outcome.reason === "internal") {
          log.error("fault in a probe; please report it", { check: check.name, error: outcome.message });
        }
        // One that is up stays so until `fall` failures in a row.
        if (after.status === "down") sayDown(result, outcome, before, after);
      } else {
        sayWarning(check, outcome.warning);
        if (after.status === before.status || after.status !== "up") return;
        log.info("check is up", { check: check.name, seconds: secondsOf(result), ...wasFor(before, after) });
      }
    },
    onAbandoned(results: readonly CheckResult[]): void {
      const now = performance.now();
      const unfinished = results.filter(({ outcome }) => !outcome.ok && outcome.reason === "deadline");
      if (unfinished.length === 0 || now - abandonedSaidAt < NEW_REASON_MS) return;
      abandonedSaidAt = now;
      log.warning("asker went away before the answer", {
        seconds: Math.max(...results.map(secondsOf)),
        unfinished: unfinished.map(({ check }) => check.name).join(", "),
      });
    },
    onStale({ name }: Check, ageMs: number | undefined): void {
      const age = ageMs === undefined ? undefined : roundDuration(ageMs);
      log.warning("check has no result that is fresh", { check: name, reason: "stale", age });
    },
    onFault(error: unknown): void {
      log.error("fault in health-checker; please report it", {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    },
    onVerdict(verdict: Verdict, before: Verdict | undefined): void {
      if (verdict.healthy === before?.healthy) return;
      if (verdict.healthy) log.info("host is healthy");
      else log.warning("host is unhealthy", { failing: verdict.failing.join(", ") });
    },
  };
}

const secondsOf = ({ durationMs }: CheckResult): number => Math.round(durationMs * 1000) / 1e6;

/** How long the state before lasted, where there was one. */
const wasFor = (before: CheckState, after: CheckState) =>
  before.status === "unknown" ? {} : { [`${before.status}-for`]: roundDuration(after.since - before.since) };
