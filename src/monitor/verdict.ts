// What is asked for is healthy when every check that decides has passed. No check, no health.

import type { Check, Failing, Verdict } from "../checks/check.ts";
import type { Outcome } from "../outcome.ts";

/** Whether the check decides about what is asked for. */
export type Decides = (check: Check) => boolean;

/** The host is decided by its critical checks, an endpoint by every check that it names. */
export const decidesHost: Decides = ({ severity }) => severity === "critical";
export const decidesEndpoint: Decides = () => true;

/**
 * `find` says how a check is; undefined where that is not known. A known failure decides; without one there is no
 * verdict while anything is not known. Pure; the order of the checks decides nothing but the order of `failing`.
 */
export function judge<T extends { readonly check: Check }>(
  all: readonly T[],
  decides: Decides,
  find: (one: T) => Outcome | undefined,
): Verdict | undefined {
  const failing: Failing[] = [];
  let allKnown = true;
  for (const one of all) {
    if (!decides(one.check)) continue;
    const outcome = find(one);
    if (!outcome) allKnown = false;
    else if (!outcome.ok) failing.push({ name: one.check.name, reason: outcome.reason });
  }
  if (failing.length === 0) return allKnown ? { healthy: all.length > 0, failing, at: Date.now() } : undefined;
  return unhealthy(failing);
}

export const unhealthy = (failing: readonly Failing[] = []): Verdict => ({ healthy: false, failing, at: Date.now() });
