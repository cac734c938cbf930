// What is remembered of one check: its last runs and changes, its newest failure and its newest success.

import type { CheckResult, CheckState } from "../checks/check.ts";
import type { Reason } from "../outcome.ts";
import { CHECK_CHANGES_REMEMBERED, MOST_CHANGES_COUNTED } from "./bounds.ts";
import { remembered } from "./cut.ts";
import { RunRing } from "./run-ring.ts";
import type { CheckChange, CheckHistory, CheckStatus } from "./schema.ts";
import { iso, seconds } from "./units.ts";

/** The members that the status of a check adds to its state. */
export type CheckPast = Pick<CheckStatus, "lastFailure" | "lastSuccessAt" | "changesLastHour" | "lastRuns">;

const HOUR_MS = 3_600_000;

/** `start` is by the boot clock, `startedAt` since the epoch. */
type Started = Pick<CheckResult, "start" | "startedAt">;

interface Cause {
  readonly reason: Reason;
  readonly detail: string;
}

interface Change {
  /** Since the epoch. */
  readonly at: number;
  readonly from: CheckChange["from"];
  readonly to: CheckChange["to"];
  readonly lastedMs: number | undefined;
  readonly cause: Cause | undefined;
}

export class PastOfCheck {
  readonly kind: string;
  readonly #runs = new RunRing();
  /** Oldest first. */
  readonly #changes: Change[] = [];
  /** When it went up or down within the last hour, by the boot clock, oldest first. */
  #transitions: number[] = [];
  #lastFailure: (Started & Cause) | undefined;
  #lastSuccess: Started | undefined;

  constructor(kind: string) {
    this.kind = kind;
  }

  /** Whether it went from up to down or back. */
  take(result: CheckResult, before: CheckState, after: CheckState): boolean {
    const { start, startedAt, durationMs, outcome } = result;
    this.#runs.add(result);
    const cause = outcome.ok ? undefined : { reason: outcome.reason, detail: remembered(outcome.message) };
    if (!cause) {
      if (isNewer(start, this.#lastSuccess)) this.#lastSuccess = { start, startedAt };
    } else if (isNewer(start, this.#lastFailure)) this.#lastFailure = { start, startedAt, ...cause };
    if (after.status === before.status || after.status === "unknown") return false;
    const isTransition = before.status !== "unknown";
    keepNewest(this.#changes, CHECK_CHANGES_REMEMBERED, {
      at: startedAt + durationMs,
      from: before.status,
      to: after.status,
      lastedMs: isTransition ? after.since - before.since : undefined,
      cause,
    });
    if (isTransition) {
      this.#transitions = this.#transitions.filter(isWithinHourBefore(after.since));
      keepNewest(this.#transitions, MOST_CHANGES_COUNTED, after.since);
    }
    return isTransition;
  }

  /** `now` is by the boot clock. */
  summary(now: number): CheckPast {
    const failure = this.#lastFailure;
    const success = this.#lastSuccess;
    return {
      ...(failure && {
        lastFailure: { at: iso(failure.startedAt), reason: failure.reason, detail: failure.detail },
      }),
      ...(success && { lastSuccessAt: iso(success.startedAt) }),
      changesLastHour: this.#transitions.filter(isWithinHourBefore(now)).length,
      lastRuns: this.#runs.marks(),
    };
  }

  history(): Pick<CheckHistory, "runs" | "changes"> {
    return {
      runs: this.#runs.runs().map(({ startedAt, durationMs, reason }) => ({
        at: iso(startedAt),
        ok: reason === undefined,
        seconds: seconds(durationMs),
        ...(reason !== undefined && { reason }),
      })),
      changes: this.#changes.toReversed().map(({ at, from, to, lastedMs, cause }) => ({
        at: iso(at),
        from,
        to,
        ...(lastedMs !== undefined && { forSeconds: seconds(lastedMs) }),
        ...cause,
      })),
    };
  }
}

const isNewer = (start: number, last: Started | undefined): boolean => !last || start >= last.start;

const isWithinHourBefore =
  (now: number) =>
  (at: number): boolean =>
    at > now - HOUR_MS;

/** Adds one, and removes the first if there are more than `most`. */
export function keepNewest<T>(list: T[], most: number, one: T): void {
  list.push(one);
  if (list.length > most) list.shift();
}
