// Sends a command to the daemon and renders its answer: results for stdout, warnings and errors for stderr.

import type {
  DrainAnswer,
  DrainRequest,
  MaintenanceRequest,
  ReloadRequest,
  UndrainAnswer,
} from "../../listeners/control/messages.ts";
import type { ReloadReport } from "../../status/schema.ts";
import { onOneLine } from "../../text/printable.ts";
import type { TerminalStyle } from "../table.ts";
import { askControl, type ControlRequest } from "./client.ts";
import { because, describeDrain, describeMaintenance, timeOf } from "./describe-drain.ts";
import { listChanges, renderStatus } from "./status.ts";

/** A command for the daemon behind a control socket. */
export type ControlCommand =
  | { readonly verb: "status"; readonly json: boolean }
  | ({ readonly verb: "reload" } & ReloadRequest)
  | ({ readonly verb: "drain" } & DrainRequest)
  | { readonly verb: "undrain" }
  | ({ readonly verb: "maint" } & MaintenanceRequest);

/** The lines to print. */
export interface Printed {
  readonly out: readonly string[];
  readonly err: readonly string[];
  readonly ok: boolean;
  /** `status` has got no status, so the state of the host is not known. */
  readonly cannotTell?: true;
}

/** The daemon may first run a round of checks, or read many files. */
const MAX_WAIT_MS = 30_000;

/** Never rejects, whatever the daemon answers. */
export async function runControlCommand(
  socket: string,
  command: ControlCommand,
  style: TerminalStyle,
  maxWaitMs = MAX_WAIT_MS,
): Promise<Printed> {
  const fail = (error: string): Printed =>
    command.verb === "status" ? { ...failed(error), cannotTell: true } : failed(error);
  const [got, schemas] = await Promise.all([askControl(socket, requestOf(command), maxWaitMs), loadSchemas()]);
  if ("error" in got) return fail(got.error);
  const { status, answer } = got;
  const isRefusedReload = command.verb === "reload" && status === 422;
  if (status !== 200 && !isRefusedReload) {
    const { data } = schemas.ErrorAnswer.safeParse(answer);
    return fail(`${command.verb}: the daemon answered ${status}${data ? `: ${onOneLine(data.error)}` : ""}`);
  }
  const printed = render(command, answer, schemas, style);
  return printed ?? fail(`${onOneLine(socket)}: unexpected answer; the daemon may have another version`);
}

/** zod is loaded while the daemon answers. */
const loadSchemas = async () => ({
  ...(await import("../../listeners/control/messages.ts")),
  ...(await import("../../status/schema.ts")),
});

function requestOf(command: ControlCommand): ControlRequest {
  const { verb, ...body } = command;
  if (verb === "status") return { method: "GET", route: "/status" };
  return { method: "POST", route: `/${verb}`, ...(verb !== "undrain" && { body }) };
}

/** Undefined for an answer that does not fit the command. */
function render(
  command: ControlCommand,
  answer: unknown,
  { HostStatus, ReloadReport, DrainAnswer, UndrainAnswer }: Awaited<ReturnType<typeof loadSchemas>>,
  style: TerminalStyle,
): Printed | undefined {
  const nowMs = Date.now();
  switch (command.verb) {
    case "status": {
      const { data } = HostStatus.safeParse(answer);
      if (!data) return undefined;
      // The answer itself is printed: it may have fields of a later version.
      const text = command.json ? onOneLine(JSON.stringify(answer), true) : renderStatus(data, style, nowMs);
      return { out: [text], err: [], ok: data.healthy };
    }
    case "reload": {
      const { data } = ReloadReport.safeParse(answer);
      return data && renderReload(data);
    }
    case "undrain": {
      const { data } = UndrainAnswer.safeParse(answer);
      return data && renderUndrain(data, nowMs);
    }
    default: {
      const { data } = DrainAnswer.safeParse(answer);
      return data && renderDrain(data, nowMs);
    }
  }
}

function renderReload(report: ReloadReport): Printed {
  const { dryRun, problems, forcible, warnings: configWarnings, trialWarnings } = report;
  const lines = [...[...problems, ...configWarnings].map((line) => onOneLine(line)), ...trialWarnings.map(warn)];
  if (problems.length === 0) {
    return { out: [`${dryRun ? "would reload" : "reloaded"}: ${listChanges(report)}`], err: lines, ok: true };
  }
  const refused = dryRun ? "reload would be refused" : "reload refused; the running configuration is unchanged";
  const hint = forcible ? "; reload --force applies it anyway" : "";
  return { out: [], err: [...lines, `health-checker: ${refused}${hint}`], ok: false };
}

function renderDrain(answer: DrainAnswer, nowMs: number): Printed {
  const [first = "not drained", ...others] = describeDrain(answer, nowMs);
  const warnings = answer.saved
    ? []
    : [`drain state not saved; a restart of the daemon will end it: ${onOneLine(answer.cause)}`];
  const end = answer.drain ? "until" : "until then, or until";
  return {
    out: [
      first,
      ...others,
      `the health listener answers unhealthy ${end} health-checker undrain`,
      ...(answer.saved ? ["a restart of the daemon keeps it; a reboot of the host ends it"] : []),
    ],
    err: warnings.map(warn),
    ok: true,
  };
}

function renderUndrain(answer: UndrainAnswer, nowMs: number): Printed {
  const { stopping, ended } = answer;
  const { drain, maintenance } = ended;
  const lines = [
    ...(maintenance ? [`ended: ${describeMaintenance(maintenance, nowMs)}`] : []),
    ...(drain ? [`ended: drain since ${timeOf(drain.since)}${because(drain.reason)}`] : []),
  ];
  if (lines.length === 0 && stopping) {
    return failed("undrain: the daemon is stopping, which drains the host; undrain does not end that");
  }
  return {
    out: lines.length === 0 ? ["the host was not drained or in maintenance"] : lines,
    err: [
      ...(stopping ? ["the daemon is stopping; the host stays unhealthy"] : []),
      ...(answer.saved
        ? []
        : [`drain state not saved; a restart of the daemon will restore it: ${onOneLine(answer.cause)}`]),
    ].map(warn),
    ok: true,
  };
}

const warn = (text: string): string => `health-checker: warning: ${onOneLine(text)}`;

const failed = (error: string): Printed => ({ out: [], err: [`health-checker: ${error}`], ok: false });
