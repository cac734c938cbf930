// Whether a reload would hurt: whether the host, or an endpoint, is healthy now and would not be after it.
//
// The new and the changed checks run once, and so do those on request that decide something they did not decide
// before: their last result may be old. A check in the background does not run beside the one that it replaces:
// both may take the same lock.
//
// A check that fails its run counts as down, whatever its thresholds, and one that was down until it has passed `rise`
// runs in a row. Where only thresholds, interval or severity of a check in the background change, it fails no more
// than before, so that its thresholds count for what it decided before.
//
// The path of an endpoint that is removed is answered by the host then. A new endpoint that is unhealthy gets a
// warning: /replica of a host that is no replica is so.

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
  /** What would turn unhealthy; empty where the reload is harmless. */
  readonly harm: readonly Harm[];
  /** What fails, or is unhealthy, and turns nothing unhealthy that is healthy now; a line each. */
  readonly warnings: readonly string[];
}

/** What turns what unhealthy, and why. */
export interface Harm {
  readonly cause: string;
  readonly effect: string;
}

/** One line: of what is done, or of what would be. */
export const describeHarm = ({ cause, effect }: Harm, isDone: boolean): string =>
  `${cause} ${isDone ? "turns" : "would turn"} ${effect}`;

/** Ends every run when `signal` aborts; otherwise each ends at its own timeout. Never rejects. */
export async function runTrial(
  current: Plan,
  next: Plan,
  monitor: Pick<Monitor, "ask" | "states" | "hold">,
  signal: AbortSignal,
): Promise<TrialReport> {
  const { changed, sameProbe, kindChanged, added } = next.change;
  const [results] = await Promise.all([
    runOnce([...changed.keys(), ...kindChanged, ...added, ...joining(current, next)], changed, monitor, signal),
    learn(current, monitor, signal),
  ]);
  const known = new Map(monitor.states().map((report) => [report.check, report]));
  const tried = new Map(results.map((result) => [result.check, result]));

  const whyBefore = (check: Check, { deadlineMs }: Subject) => whyKnown(known.get(check), deadlineMs);
  const decidedBefore = new Map(subjectsOf(current).map((subject) => [subject.name, decidingOf(subject)]));
  const whyAfter = (check: Check, { name, isRemoved, deadlineMs }: Subject) => {
    const result = tried.get(check);
    if (!result) return whyKnown(known.get(check), deadlineMs);
    const replaced = changed.get(check);
    const whyDown = whyStillDown(result, replaced && known.get(replaced));
    const isInBackground = check.intervalMs !== undefined && replaced?.intervalMs !== undefined;
    const decided = decidedBefore.get(isRemoved ? HOST : name) ?? [];
    const countsAsBefore = isInBackground && sameProbe.has(check) && decided.includes(replaced);
    return countsAsBefore ? whyDown : (whyFailed(result, deadlineMs) ?? whyDown);
  };
  const before = new Map(subjectsOf(current).map((subject) => [subject.name, isHealthy(subject, whyBefore)]));
  // What is no endpoint is answered by the host.
  const wasHealthy = ({ name }: Subject) => before.get(name) ?? before.get(HOST);
  const blames = subjectsAfter(current, next)
    .filter(wasHealthy)
    .flatMap((subject) =>
      decidingOf(subject).flatMap((check): readonly Blame[] => {
        const why = whyAfter(check, subject);
        return why === undefined ? [] : [{ subject, check, why }];
      }),
    );
  const guilty = new Set(blames.map(({ check }) => check));
  const removed = blames.filter(({ subject }) => subject.isRemoved);
  const stays = blames.filter(({ subject }) => !subject.isRemoved && before.has(subject.name));
  const fresh = blames.filter(({ subject }) => !before.has(subject.name));
  return {
    trial: { changed, results },
    harm: [
      ...groupBy(stays, ({ check }) => check).map(([check, blames]) => ({
        cause: `check ${onOneLine(check.name)}`,
        effect: `${blames.map(({ subject }) => subject.name).join(" and ")} unhealthy: ${blames[0]?.why}`,
      })),
      ...groupBy(removed, ({ subject }) => subject).map(([{ name }, blames]) => ({
        cause: name,
        effect: `unhealthy: that path is no endpoint any more, and the host is unhealthy: ${describeBlames(blames)}`,
      })),
    ],
    warnings: [
      ...groupBy(fresh, ({ subject }) => subject).map(
        ([{ name }, blames]) =>
          `new endpoint ${name} is unhealthy, and without it the answer there is healthy: ${describeBlames(blames)}`,
      ),
      ...results.flatMap((result) => {
        const { check } = result;
        const why = guilty.has(check) ? undefined : whyFailed(result, shortestDeadline(check, next));
        return why === undefined ? [] : [`check ${onOneLine(check.name)} fails: ${why}`];
      }),
    ],
  };
}

/** Why the subject would be unhealthy. */
interface Blame {
  readonly subject: Subject;
  readonly check: Check;
  readonly why: string;
}

const groupBy = <Key>(blames: readonly Blame[], keyOf: (blame: Blame) => Key): readonly [Key, readonly Blame[]][] => [
  ...Map.groupBy(blames, keyOf),
];

function describeBlames([first, ...others]: readonly Blame[]): string {
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return first ? `check ${onOneLine(first.check.name)}: ${first.why}${more}` : "";
}

/** What requests ask for: the host, or an endpoint. */
interface Subject {
  readonly name: string;
  readonly checks: readonly Check[];
  readonly decides: Decides;
  readonly deadlineMs: number | undefined;
  /** The path of an endpoint that is none any more. */
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

/** With what the host answers instead of an endpoint from then on. */
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

/** Of all that the check decides. */
const shortestDeadline = (check: Check, plan: Plan): number =>
  Math.min(
    ...subjectsOf(plan).map((subject) =>
      decidingOf(subject).includes(check) ? (subject.deadlineMs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
    ),
  );

/** Checks on request that stay as they are, and decide the host or an endpoint that they did not decide before. */
function joining(current: Plan, next: Plan): readonly Check[] {
  const stays = new Set(current.checks);
  const decidedBefore = new Map(subjectsOf(current).map((subject) => [subject.name, decidingOf(subject)]));
  const joined = subjectsAfter(current, next).flatMap((subject) => {
    const before = decidedBefore.get(subject.name) ?? [];
    return decidingOf(subject).filter((check) => stays.has(check) && !before.includes(check));
  });
  return [...new Set(joined)].filter(({ intervalMs }) => intervalMs === undefined);
}

/** Asks for what no request has asked for yet, or was down at the last request, so that it is known whether it is healthy. */
async function learn(
  current: Plan,
  { ask, states }: Pick<Monitor, "ask" | "states">,
  signal: AbortSignal,
): Promise<void> {
  const isUnsure = ({ check, state, stale }: CheckReport) =>
    state.status === "unknown" || stale || (check.intervalMs === undefined && state.status === "down");
  const unsure = new Set(
    states()
      .filter(isUnsure)
      .map(({ check }) => check),
  );
  // Its rounds run on, as those of a client that has its answer.
  const stays = { signal: new AbortController().signal };
  const asked = subjectsOf(current).map((subject, group) =>
    decidingOf(subject).some((check) => unsure.has(check)) ? ask(stays, group) : undefined,
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

/** Undefined where it passes. */
function whyKnown(report: CheckReport | undefined, deadlineMs: number | undefined): string | undefined {
  if (!report?.state.last) return "it has no result yet";
  const { state, stale } = report;
  if (stale) return "its result is stale";
  return state.status === "up" ? whyLate(report.state.last, deadlineMs) : describe(report.state.last.outcome);
}

const whyFailed = (result: CheckResult, deadlineMs: number | undefined): string | undefined =>
  result.outcome.ok ? whyLate(result, deadlineMs) : describe(result.outcome);

/** It takes over the status of the one that it replaces. */
function whyStillDown(result: CheckResult, replaced: CheckReport | undefined): string | undefined {
  const { check, outcome } = result;
  if (!replaced || check.intervalMs === undefined) return undefined;
  const { status } = nextState(takenOver(replaced.state), result, check, replaced.stale);
  return status === "down" ? describe(outcome) : undefined;
}

/** An answer on request that has to wait for it is unhealthy at the deadline. */
function whyLate({ check, durationMs }: CheckResult, deadlineMs = Number.POSITIVE_INFINITY): string | undefined {
  if (check.intervalMs !== undefined || durationMs <= deadlineMs) return undefined;
  return `it takes ${roundDuration(durationMs)}, longer than the deadline of ${roundDuration(deadlineMs)}`;
}

function describe(outcome: Outcome): string {
  return outcome.ok ? "it has passed too few times in a row" : onOneLine(describeFailure(outcome));
}
