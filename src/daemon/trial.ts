// Whether a reload would do harm: whether the host, or an endpoint, is healthy now and would not be after it.
//
// New and changed checks run once. So do checks on request that would decide something that they do not decide now:
// their last result may be old. A background check does not run at the same time as the one that it replaces, since
// both may take the same lock.
//
// A check whose run fails counts as down, whatever its thresholds. A check that was down counts as down until it has
// passed `rise` runs in a row. Exception: if only thresholds, interval or severity of a background check change, it
// fails as often as before, so for what it decides already its thresholds count.
//
// Requests for the path of a removed endpoint are answered as for the host. A new endpoint that is unhealthy gets only a
// warning: /replica is unhealthy on every host that is no replica.

import type { Check, CheckResult } from "../checks/check.ts";
import { describeFailure } from "../checks/describe.ts";
import { runCheck } from "../checks/run.ts";
import type { CheckReport, Monitor, Trial } from "../monitor/monitor.ts";
import { nextState, takenOver } from "../monitor/threshold.ts";
import { type Decides, decidesEndpoint, decidesHost } from "../monitor/verdict.ts";
import type { Outcome } from "../outcome.ts";
import { unlessAborted } from "../system/event-loop.ts";
import { roundDuration } from "../text/duration.ts";
import { onOneLine } from "../text/printable.ts";
import type { Plan } from "./plan.ts";

export interface TrialReport {
  readonly trial: Trial;
  /** What would turn unhealthy; empty if the reload is harmless. */
  readonly harm: readonly Harm[];
  /** What fails, or is unhealthy, but turns nothing unhealthy that is healthy now; a line each. */
  readonly warnings: readonly string[];
}

/** `cause` would turn something unhealthy; `effect` says what, and why. */
export interface Harm {
  readonly cause: string;
  readonly effect: string;
}

/** One line about what has happened, or about what would happen. */
export const describeHarm = ({ cause, effect }: Harm, isDone: boolean): string =>
  `${cause} ${isDone ? "turns" : "would turn"} ${effect}`;

/** Ends every run when `signal` aborts; otherwise each ends at its own timeout. Never rejects. */
export async function runTrial(
  current: Plan,
  next: Plan,
  monitor: Pick<Monitor, "verdict" | "states" | "hold">,
  signal: AbortSignal,
): Promise<TrialReport> {
  const { changed, sameProbe, kindChanged, added } = next.change;
  const [results] = await Promise.all([
    runOnce([...changed.keys(), ...kindChanged, ...added, ...joining(current, next)], changed, monitor, signal),
    refreshUnsure(current, monitor, signal),
  ]);
  const known = new Map(monitor.states().map((report) => [report.check, report]));
  const trialResults = new Map(results.map((result) => [result.check, result]));

  const whyBefore = (check: Check, { deadlineMs }: Subject) => whyKnown(known.get(check), deadlineMs);
  const decidedBefore = new Map(subjectsOf(current).map((subject) => [subject.name, decidingOf(subject)]));
  const whyAfter = (check: Check, { name, isRemoved, deadlineMs }: Subject) => {
    const result = trialResults.get(check);
    if (!result) return whyKnown(known.get(check), deadlineMs);
    const replaced = changed.get(check);
    const whyDown = whyStillDown(result, replaced && known.get(replaced));
    const isInBackground = check.intervalMs !== undefined && replaced?.intervalMs !== undefined;
    const decided = decidedBefore.get(isRemoved ? HOST : name) ?? [];
    const countsAsBefore = isInBackground && sameProbe.has(check) && decided.includes(replaced);
    return countsAsBefore ? whyDown : (whyFailed(result, deadlineMs) ?? whyDown);
  };
  const before = new Map(subjectsOf(current).map((subject) => [subject.name, isHealthy(subject, whyBefore)]));
  // A path that is no endpoint is answered as the host is.
  const wasHealthy = ({ name }: Subject) => before.get(name) ?? before.get(HOST);
  const findings = subjectsAfter(current, next)
    .filter(wasHealthy)
    .flatMap((subject) =>
      decidingOf(subject).flatMap((check): readonly Finding[] => {
        const why = whyAfter(check, subject);
        return why === undefined ? [] : [{ subject, check, why }];
      }),
    );
  const isNew = ({ subject }: Finding) => !before.has(subject.name);
  const found = new Set(findings.map(({ check }) => check));
  const others = results.filter(({ check }) => !found.has(check));
  return {
    trial: { changed, results },
    harm: harmsOf(findings.filter((finding) => !isNew(finding))),
    warnings: [...warningsOfNew(findings.filter(isNew)), ...warningsOfFailed(others, next)],
  };
}

function harmsOf(findings: readonly Finding[]): readonly Harm[] {
  const removed = findings.filter(({ subject }) => subject.isRemoved);
  const remaining = findings.filter(({ subject }) => !subject.isRemoved);
  return [
    ...groupBy(remaining, ({ check }) => check).map(([check, findings]) => ({
      cause: `check ${onOneLine(check.name)}`,
      effect: `${findings.map(({ subject }) => subject.name).join(" and ")} unhealthy: ${findings[0]?.why}`,
    })),
    ...groupBy(removed, ({ subject }) => subject).map(([{ name }, findings]) => ({
      cause: name,
      effect: `unhealthy: it is no longer an endpoint, and the host is unhealthy: ${describeFindings(findings)}`,
    })),
  ];
}

/** About new endpoints. */
const warningsOfNew = (findings: readonly Finding[]): readonly string[] =>
  groupBy(findings, ({ subject }) => subject).map(
    ([{ name }, findings]) =>
      `new endpoint ${name} is unhealthy; without it, that path gets the answer of the host, which is healthy: ${describeFindings(findings)}`,
  );

/** About checks that fail and turn nothing unhealthy. */
const warningsOfFailed = (results: readonly CheckResult[], next: Plan): readonly string[] =>
  results.flatMap((result) => {
    const why = whyFailed(result, shortestDeadline(result.check, next));
    return why === undefined ? [] : [`check ${onOneLine(result.check.name)} fails: ${why}`];
  });

/** One reason for which the subject would be unhealthy. */
interface Finding {
  readonly subject: Subject;
  readonly check: Check;
  readonly why: string;
}

const groupBy = <Key>(
  findings: readonly Finding[],
  keyOf: (finding: Finding) => Key,
): readonly [Key, readonly Finding[]][] => [...Map.groupBy(findings, keyOf)];

function describeFindings([first, ...others]: readonly Finding[]): string {
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return first ? `check ${onOneLine(first.check.name)}: ${first.why}${more}` : "";
}

/** What a request asks for: the host, or an endpoint. */
interface Subject {
  readonly name: string;
  readonly checks: readonly Check[];
  readonly decides: Decides;
  readonly deadlineMs: number | undefined;
  /** The path of an endpoint that the reload removes. */
  readonly isRemoved?: boolean;
}

const HOST = "the host";

function subjectsOf({ settings, options }: Plan): readonly Subject[] {
  return settings.groups.map((checks, index) => {
    const deadlineMs = settings.deadlinesMs?.[index];
    return index === 0
      ? { name: HOST, checks, decides: decidesHost, deadlineMs }
      : { name: options.endpoints[index - 1]?.path ?? "", checks, decides: decidesEndpoint, deadlineMs };
  });
}

/** The host and the endpoints after the reload, and each path that was an endpoint before, which is the host then. */
function subjectsAfter(current: Plan, next: Plan): readonly Subject[] {
  const after = subjectsOf(next);
  const names = new Set(after.map(({ name }) => name));
  const removed = subjectsOf(current).filter(({ name }) => !names.has(name));
  const [host] = after;
  return host ? [...after, ...removed.map(({ name }) => ({ ...host, name, isRemoved: true }))] : after;
}

const decidingOf = ({ checks, decides }: Subject): readonly Check[] => checks.filter(decides);

const isHealthy = (subject: Subject, why: (check: Check, subject: Subject) => string | undefined): boolean =>
  decidingOf(subject).every((check) => why(check, subject) === undefined);

/** The shortest deadline of the subjects that the check decides. */
const shortestDeadline = (check: Check, plan: Plan): number =>
  Math.min(
    ...subjectsOf(plan).map((subject) =>
      decidingOf(subject).includes(check) ? (subject.deadlineMs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
    ),
  );

/** Unchanged checks on request that would decide the host, or an endpoint, that they do not decide now. */
function joining(current: Plan, next: Plan): readonly Check[] {
  const stays = new Set(current.checks);
  const decidedBefore = new Map(subjectsOf(current).map((subject) => [subject.name, decidingOf(subject)]));
  const joined = subjectsAfter(current, next).flatMap((subject) => {
    const before = decidedBefore.get(subject.name) ?? [];
    return decidingOf(subject).filter((check) => stays.has(check) && !before.includes(check));
  });
  return [...new Set(joined)].filter(({ intervalMs }) => intervalMs === undefined);
}

/** Asks for the host and the endpoints of which it is not known whether they are healthy: no request has come yet, or the last result was bad. */
async function refreshUnsure(
  current: Plan,
  { verdict, states }: Pick<Monitor, "verdict" | "states">,
  signal: AbortSignal,
): Promise<void> {
  const isUnsure = ({ check, state, stale }: CheckReport) =>
    state.status === "unknown" || stale || (check.intervalMs === undefined && state.status === "down");
  const unsure = new Set(
    states()
      .filter(isUnsure)
      .map(({ check }) => check),
  );
  // Never aborts: the rounds go on after the trial, as for a client that has its answer.
  const client = { signal: new AbortController().signal };
  const asked = subjectsOf(current).map((subject, group) =>
    decidingOf(subject).some((check) => unsure.has(check)) ? verdict(client, group) : undefined,
  );
  await unlessAborted(Promise.all(asked), signal, () => {});
}

/** The result of each check that ran before `signal` aborted. */
async function runOnce(
  checks: readonly Check[],
  changed: ReadonlyMap<Check, Check>,
  { hold }: Pick<Monitor, "hold">,
  signal: AbortSignal,
): Promise<readonly CheckResult[]> {
  const results = checks.map(async (check) => {
    const replaced = changed.get(check);
    const held = replaced && hold(replaced);
    if (held) await unlessAborted(held.idle, signal, () => {});
    const result = signal.aborted ? [] : [await runCheck(check, signal)];
    held?.release();
    return result;
  });
  return (await Promise.all(results)).flat();
}

/** Why the check counts as down by what is known; undefined if it counts as up. */
function whyKnown(report: CheckReport | undefined, deadlineMs: number | undefined): string | undefined {
  if (!report?.state.last) return "it has no result yet";
  const { state, stale } = report;
  if (stale) return "its result is stale";
  return state.status === "up" ? whyLate(report.state.last, deadlineMs) : describe(report.state.last.outcome);
}

const whyFailed = (result: CheckResult, deadlineMs: number | undefined): string | undefined =>
  result.outcome.ok ? whyLate(result, deadlineMs) : describe(result.outcome);

/** Why a check that passes may stay down: it takes over the status of the one that it replaces. */
function whyStillDown(result: CheckResult, replaced: CheckReport | undefined): string | undefined {
  const { check, outcome } = result;
  if (!replaced || check.intervalMs === undefined) return undefined;
  const { status } = nextState(takenOver(replaced.state), result, check, replaced.stale);
  return status === "down" ? describe(outcome) : undefined;
}

/** A request that waits for a check on request is answered unhealthy at its deadline. */
function whyLate({ check, durationMs }: CheckResult, deadlineMs = Number.POSITIVE_INFINITY): string | undefined {
  if (check.intervalMs !== undefined || durationMs <= deadlineMs) return undefined;
  return `it takes ${roundDuration(durationMs)}, longer than the deadline of ${roundDuration(deadlineMs)}`;
}

function describe(outcome: Outcome): string {
  return outcome.ok ? "it has passed too few times in a row" : onOneLine(describeFailure(outcome));
}
