// Has a daemon do what was ordered, and tells of it: what came of it is for stdout, what is
// to be feared or went wrong for stderr.

import type { UndrainAnswer, WithdrawalAnswer } from "../../listeners/control/answers.ts";
import type { ReloadReport } from "../../status/status.ts";
import { onOneLine } from "../../text/printable.ts";
import type { Action } from "../action.ts";
import type { Look } from "../table.ts";
import { askControl, type ControlRequest } from "./client.ts";
import type { Order } from "./order.ts";
import { isHostStatus, isObject, isReloadReport, isUndrainAnswer, isWithdrawalAnswer } from "./shapes.ts";
import { listChanges, renderStatus } from "./status.ts";
import { describeMaintenance, describeWithdrawal, timeOf } from "./withdrawal.ts";

/** What is printed, whole lines. */
export interface Outcome {
  readonly out: readonly string[];
  readonly err: readonly string[];
  readonly isWell: boolean;
}

/** The daemon may run a round of checks, or read many files. */
const PATIENCE_MS = 30_000;

/** Never rejects for anything that the daemon does. */
export async function runControlCommand(
  { socket, order }: Extract<Action, { kind: "control" }>,
  look: Look,
  patienceMs = PATIENCE_MS,
): Promise<Outcome> {
  const got = await askControl(socket, requestOf(order), patienceMs);
  if ("trouble" in got) return failed(got.trouble);
  const { status, answer } = got;
  const isRefusedReload = order.verb === "reload" && status === 422;
  if (status !== 200 && !isRefusedReload) {
    const said = isObject(answer) && typeof answer["error"] === "string" ? `: ${onOneLine(answer["error"])}` : "";
    return failed(`${order.verb}: the daemon answered ${status}${said}`);
  }
  const told = tell(order, answer, look);
  return told ?? failed(`${onOneLine(socket)} does not answer as a health-checker of this version does`);
}

function requestOf(order: Order): ControlRequest {
  if (order.verb === "status") return { method: "GET", route: "/status" };
  if (order.verb === "reload") {
    const { force, dryRun } = order;
    return { method: "POST", route: "/reload", body: { force, dryRun } };
  }
  if (order.verb !== "maint") return { method: "POST", route: `/${order.verb}` };
  const { forMs, reason } = order;
  return { method: "POST", route: "/maint", body: { forMs, ...(reason !== undefined && { reason }) } };
}

/** Undefined where the answer is none to this order. */
function tell(order: Order, answer: unknown, look: Look): Outcome | undefined {
  const nowMs = Date.now();
  switch (order.verb) {
    case "status": {
      if (!isHostStatus(answer)) return undefined;
      const text = order.json ? onOneLine(JSON.stringify(answer), true) : renderStatus(answer, look, nowMs);
      return { out: [text], err: [], isWell: answer.healthy };
    }
    case "reload":
      return isReloadReport(answer) ? tellReload(answer) : undefined;
    case "undrain":
      return isUndrainAnswer(answer) ? tellUndrain(answer, nowMs) : undefined;
    default:
      return isWithdrawalAnswer(answer) ? tellWithdrawal(answer, nowMs) : undefined;
  }
}

function tellReload(report: ReloadReport): Outcome {
  const { dryRun, problems, forcible, cautions, warnings } = report;
  const lines = [...[...problems, ...cautions].map((line) => onOneLine(line)), ...warnings.map(warn)];
  if (problems.length === 0) {
    return { out: [`${dryRun ? "would reload" : "reloaded"}: ${listChanges(report)}`], err: lines, isWell: true };
  }
  const refused = dryRun ? "reload would be refused" : "reload refused, nothing has changed";
  const hint = forcible ? "; reload --force overrides that" : "";
  return { out: [], err: [...lines, `health-checker: ${refused}${hint}`], isWell: false };
}

/** See docs/operations.md, AWS. */
const CONSEQUENCES: readonly string[] = [
  "an Auto Scaling group whose health check type is ELB terminates this host once its load balancer finds it unhealthy",
  "a Network Load Balancer may cut the connections of a target that turns unhealthy",
];

function tellWithdrawal(answer: WithdrawalAnswer, nowMs: number): Outcome {
  const [first = "in service", ...others] = describeWithdrawal(answer.withdrawal, nowMs);
  const warnings = answer.kept
    ? CONSEQUENCES
    : [...CONSEQUENCES, `a restart of the daemon ends it: ${onOneLine(answer.because)}`];
  const end = answer.withdrawal.drain ? "until" : "until then, or until";
  return {
    out: [
      first,
      ...others,
      `the health listener answers unhealthy ${end} health-checker undrain`,
      ...(answer.kept ? ["a restart of the daemon keeps it, one of the host ends it"] : []),
    ],
    err: warnings.map(warn),
    isWell: true,
  };
}

function tellUndrain(answer: UndrainAnswer, nowMs: number): Outcome {
  const { withdrawal, ended } = answer;
  const { drain, maintenance } = ended;
  const lines = [
    ...(maintenance ? [`ended the ${describeMaintenance(maintenance, nowMs)}`] : []),
    ...(drain ? [`ended the drain since ${timeOf(drain.since)}`] : []),
  ];
  return {
    out: lines.length === 0 ? ["was not drained"] : lines,
    err: [
      ...(withdrawal.stopping ? ["the daemon is about to stop, so the host stays unhealthy"] : []),
      ...(answer.kept ? [] : [`a restart of the daemon may bring it back: ${onOneLine(answer.because)}`]),
    ].map(warn),
    isWell: true,
  };
}

const warn = (text: string): string => `health-checker: warning: ${onOneLine(text)}`;

const failed = (trouble: string): Outcome => ({ out: [], err: [`health-checker: ${trouble}`], isWell: false });
