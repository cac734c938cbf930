// Compares the values of a whole config file: a contradiction is a problem; what is valid but risky gets a warning.

import type { CheckConfig } from "../../checks/build.ts";
import { redactorOf } from "../../checks/redact.ts";
import type { Address } from "../../net/address.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { formatDuration } from "../../text/duration.ts";
import { onOneLine, quote } from "../../text/printable.ts";
import type { Defaults } from "../common-keys.ts";
import { withoutLastSlash } from "../endpoint-path.ts";
import type { ConfigFile } from "../file.ts";
import type { LoadedFile } from "../load-file.ts";
import { CHECK_OPTIONS, TIMEOUT_OPTIONS } from "../options.ts";
import { describe, formatPath, type Path, type Problem, valueAt } from "../problem.ts";
import type { Origin } from "./duplicates.ts";
import { type IsThisHost, isSameAddress, localHost } from "./local-host.ts";

export interface FileLintInput {
  readonly file: LoadedFile;
  /** All checks, those of the command line too. */
  readonly checks: readonly CheckConfig[];
  /** Those of `checks`, in the same order. */
  readonly origins: readonly Origin[];
  readonly listener: Address;
  /** Whether all values of these keys could be read. */
  readonly isValid: (...names: readonly string[]) => boolean;
}

/** The problems of values that contradict each other. A value that could not be read has no further problem. */
export async function findFileProblems(input: FileLintInput): Promise<readonly Problem[]> {
  const { file, checks, origins, listener, isValid } = input;
  return [
    ...(isValid("interval", "defaults", ...TIMEOUT_OPTIONS) ? invalidTimings(checks, origins, file) : []),
    ...(isValid("listener") ? selfChecks(file, listener) : []),
    ...(isValid(...CHECK_OPTIONS) ? await unknownEndpointChecks(file, checks) : []),
    ...repeatedEndpoints(file),
  ];
}

/** A check that requests the daemon itself would start a round in every round. */
function selfChecks({ checks, source }: LoadedFile, listener: Address): readonly Problem[] {
  const isThisHost = localHost();
  return checks.flatMap(({ kind, settings, path }) => {
    const peer = kind.asksHttp ? kind.peer?.(settings) : undefined;
    if (!peer || !isSameAddress(peer, listener, isThisHost)) return [];
    const at = [...path, kind.name];
    const expected = "an address other than the daemon's own health listener";
    return [source.problem(at, { expected, got: describe(valueAt(source.value, at), at) })];
  });
}

/** Endpoints that name a check twice, or that name a check that does not exist. */
async function unknownEndpointChecks(
  { endpoints, source, mayBeNamed }: LoadedFile,
  checks: readonly CheckConfig[],
): Promise<readonly Problem[]> {
  const names = checks.map(({ name }) => name);
  const known = new Set(names);
  const problems: Problem[] = [];
  for (const { path, checks: members } of endpoints) {
    const seen = new Set<string>();
    for (const [index, name] of members.entries()) {
      const at = ["endpoints", path, index];
      if (seen.has(name)) {
        problems.push(source.problem(at, { expected: "each check once", got: `${quote(name)} again` }));
      } else if (!known.has(name) && !mayBeNamed(name)) {
        const near = problems.length < MOST_GUESSES ? await didYouMean(name, names) : undefined;
        const hint = near === undefined ? "" : `; did you mean ${quote(near)}?`;
        problems.push(source.problem(at, { expected: "the name of a check", got: `${quote(name)}${hint}` }));
      }
      seen.add(name);
    }
  }
  return problems;
}

/** Paths that differ only by a slash at the end. */
function repeatedEndpoints({ endpoints, source }: LoadedFile): readonly Problem[] {
  const first = new Map<string, string>();
  return endpoints.flatMap(({ path }) => {
    const plain = withoutLastSlash(path);
    const same = first.get(plain);
    if (same === undefined) {
      first.set(plain, path);
      return [];
    }
    const got = `${quote(path)}, which is the same as ${quote(same)}`;
    return [source.problem(["endpoints", path], { expected: "a unique path", got, at: "key" })];
  });
}

/** Each guess compares a name with the names of all checks. */
const MOST_GUESSES = 20;

/** Keys that need an interval in a check without one, and results that are stale before the next run can renew them. */
function invalidTimings(
  checks: readonly CheckConfig[],
  origins: readonly Origin[],
  { source, defaults }: LoadedFile,
): readonly Problem[] {
  const problems: Problem[] = [];
  const reported = new Set<string>();
  const refuse = (key: keyof Defaults, { path, common }: Origin, problem: string, which: string) => {
    if (path && common[key] !== undefined) {
      problems.push(source.remark([...path, key], problem));
    } else if (!reported.has(key)) {
      // A default that is wrong for many checks is one problem.
      reported.add(key);
      problems.push(source.remark(["defaults", key], `${problem} (for ${which})`));
    }
  };
  for (const [index, check] of checks.entries()) {
    const origin = origins[index];
    if (!origin) continue;
    const { intervalMs, timeoutMs, staleAfterMs } = check;
    const which = origin.path ? formatPath(origin.path) : quote(check.name);
    if (intervalMs === undefined) {
      for (const key of ["rise", "fall"] as const) {
        if (check[key] !== 1)
          refuse(key, origin, `expected 1 for a check without an interval, got ${check[key]}`, which);
      }
      if (origin.common["stale-after"] !== undefined) {
        refuse("stale-after", origin, "this key needs an interval; the check has none", which);
      }
    } else if (staleAfterMs < intervalMs + timeoutMs) {
      const least = formatDuration(intervalMs + timeoutMs);
      const problem = `expected at least the interval plus the timeout (${least}), got ${formatDuration(staleAfterMs)}`;
      refuse("stale-after", origin, problem, which);
    }
  }
  if (defaults["stale-after"] !== undefined && checks.every(({ intervalMs }) => intervalMs === undefined)) {
    problems.push(source.remark(["defaults", "stale-after"], "this key needs an interval; no check has one"));
  }
  return problems;
}

/** Checks that may take out a whole fleet at once, or decide nothing, and a host that is always healthy; a line each. */
export function findFileWarnings({ file, checks, origins }: FileLintInput): readonly string[] {
  const { endpoints, source } = file;
  const isThisHost = localHost();
  const named = new Set(endpoints.flatMap(({ checks }) => checks));
  const warnings = checks.flatMap((check, index): readonly string[] => {
    const { kind, settings, name, severity, secrets } = check;
    const path = origins[index]?.path;
    const isUnused = severity === "endpoint" && !named.has(name);
    const remarkOn = (warning: string) =>
      source.remark(path ?? [], `warning: ${redactorOf(secrets)?.(warning) ?? warning}`);
    const unused = path ? source.remark(path, UNUSED) : `${onOneLine(name)}: ${UNUSED}`;
    return [
      ...(isUnused ? [unused] : []),
      ...(path ? (kind.warnings?.(settings) ?? []).map(remarkOn) : []),
      ...(severity === "critical" ? warningOfSharedPeer(check, path, source, isThisHost) : []),
      ...(severity === "critical" && path ? (kind.warningsIfCritical?.(settings) ?? []).map(remarkOn) : []),
    ];
  });
  const isAlwaysHealthy = checks.every(({ severity }) => severity !== "critical");
  return isAlwaysHealthy ? [...warnings, source.remark(["checks"], ALWAYS_HEALTHY, "key")] : warnings;
}

function warningOfSharedPeer(
  { kind, settings }: CheckConfig,
  path: Path | undefined,
  source: ConfigFile,
  isThisHost: IsThisHost,
): readonly string[] {
  const peer = kind.peer?.(settings);
  if (!peer || isThisHost(peer)) return [];
  const at = path?.[0] === "checks" ? [...path, kind.name] : path;
  return [at ? source.remark(at, SHARED) : `--port ${onOneLine(kind.target(settings))}: ${SHARED}`];
}

const UNUSED = "warning: severity is endpoint but no endpoint names this check, so it has no effect on any answer";

const ALWAYS_HEALTHY = "warning: no check is critical, so the answer for the host (/) is always 200";

const SHARED =
  "warning: a critical check of another host: when that host is down, every host that checks it is unhealthy at once; set severity: warning unless only this host uses it";
