// Resolves the deadlines of the host and of each endpoint. A check that may make an answer later than load balancers
// wait by default gets a warning.

import type { CheckConfig } from "../checks/build.ts";
import { formatDuration } from "../text/duration.ts";
import { listFirstTwo } from "../text/list.ts";
import { onOneLine } from "../text/printable.ts";
import { type Endpoint, type EndpointOptions, withoutLastSlash } from "./endpoint-path.ts";
import { DEFAULT_TIMEOUT_MS, defaultOf, optionDef } from "./options.ts";

export interface LoadBalancer {
  readonly name: string;
  readonly timeoutMs: number;
}

/** The default timeouts of health checks, the shortest first; docs/load-balancers.md shows where to set them. */
export const LOAD_BALANCERS: readonly LoadBalancer[] = [
  { name: "kubelet", timeoutMs: 1000 },
  { name: "HAProxy", timeoutMs: 2000 },
  { name: "AWS ALB", timeoutMs: 5000 },
  { name: "AWS NLB", timeoutMs: 6000 },
];

export interface Deadlines {
  /** Of the host. */
  readonly deadlineMs: number | undefined;
  readonly endpoints: readonly EndpointOptions[];
  readonly warnings: readonly string[];
}

/** `chosenMs` is the option `deadline`; without it the host and each endpoint have their own default. */
export function resolveDeadlines(
  chosenMs: number | undefined,
  checks: readonly CheckConfig[],
  endpoints: readonly Endpoint[],
): Deadlines {
  const deadlineWith = (slow: CheckConfig | undefined) => chosenMs ?? (slow ? undefined : defaultOf("deadline"));
  const slowOfHost = findSlowCheck(checks.filter(({ severity }) => severity === "critical"));
  const slowOf = new Map<string, CheckConfig | undefined>([["the host", slowOfHost]]);
  const resolved = endpoints.map(({ path, checks: names }) => {
    const slow = findSlowCheck(checks.filter(({ name }) => names.includes(name)));
    const plainPath = withoutLastSlash(path);
    slowOf.set(plainPath, slow);
    return { path: plainPath, checks: names, deadlineMs: deadlineWith(slow) };
  });
  return {
    deadlineMs: deadlineWith(slowOfHost),
    endpoints: resolved,
    warnings: chosenMs === undefined ? warningsOfSlowChecks(slowOf) : [],
  };
}

/**
 * The check with the longest timeout among those that an answer waits for, if that is above the default. A user who
 * set such a timeout wants the result of the slow check, so there is no default deadline.
 */
function findSlowCheck(deciding: readonly CheckConfig[]): CheckConfig | undefined {
  return deciding
    .filter(({ intervalMs, timeoutMs }) => intervalMs === undefined && timeoutMs > DEFAULT_TIMEOUT_MS)
    .reduce<CheckConfig | undefined>((most, one) => (most && most.timeoutMs >= one.timeoutMs ? most : one), undefined);
}

/** A warning for each slow check, with the host and the endpoints that wait for it. */
function warningsOfSlowChecks(slowOf: ReadonlyMap<string, CheckConfig | undefined>): readonly string[] {
  const waiting = new Map<CheckConfig, string[]>();
  for (const [path, slow] of slowOf) {
    if (slow) waiting.set(slow, [...(waiting.get(slow) ?? []), path]);
  }
  return [...waiting].map(([check, names]) =>
    warningOfSlowCheck(check, slowOf.size === 1 ? "a response" : `a response for ${listFirstTwo(names)}`),
  );
}

function warningOfSlowCheck({ name, timeoutMs }: CheckConfig, response: string): string {
  const first = LOAD_BALANCERS.filter((one) => one.timeoutMs < timeoutMs).map(
    (one) => `${one.name} after ${formatDuration(one.timeoutMs)}`,
  );
  const takes = `${response} may take ${formatDuration(timeoutMs)} (the timeout of ${onOneLine(name)})`;
  return `warning: ${takes}; by default these time out first: ${first.join(", ")}; --deadline ${optionDef("deadline").conditionalDefault} answers before an ALB times out`;
}
