// The host is healthy when every check that decides has passed. No check, no health.

import type { Check, Failing, Verdict } from "../checks/check.ts";
import type { Outcome, Reason } from "../outcome.ts";

/** Whether the check decides about what is asked for. */
export type Decides = (check: Check) => boolean;

/** The host is decided by its critical checks, an endpoint by every check that it names. */
export const decidesHost: Decides = ({ severity }) => severity === "critical";
export const decidesEndpoint: Decides = () => true;

/** What is known of a check: that it passed, or why it failed; undefined where nothing is. */
export type Finding = "passed" | Reason | undefined;

export const findingOf = (outcome: Outcome): Finding => (outcome.ok ? "passed" : outcome.reason);

/** Of a check or of what is known of it. */
interface OfCheck {
  readonly check: Check;
}

/** Those that are known to fail, in their order. */
export function failingAmong<T extends OfCheck>(all: readonly T[], find: (one: T) => Finding): readonly Failing[] {
  const failing: Failing[] = [];
  for (const one of all) {
    const reason = find(one);
    if (reason && reason !== "passed") failing.push({ name: one.check.name, reason });
  }
  return failing;
}

/** `isEmpty`: there is no check at all. */
export const verdictOf = (failing: readonly Failing[], isEmpty = false): Verdict => ({
  healthy: failing.length === 0 && !isEmpty,
  failing,
  at: Date.now(),
});

/** Pure; the order of the checks decides nothing but the order of `failing`. */
export const judge = <T extends OfCheck>(all: readonly T[], decides: Decides, find: (one: T) => Finding): Verdict =>
  verdictOf(
    failingAmong(
      all.filter(({ check }) => decides(check)),
      find,
    ),
    all.length === 0,
  );
