// Asks the daemon for its status and renders the answer: results for stdout, errors for stderr.

import type { CheckHistory, HostStatus } from "../../status/schema.ts";
import { isUp, verdictOf } from "../../status/summary.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { onOneLine, quoteWhole } from "../../text/printable.ts";
import { askControl, type ControlAnswer } from "../control/client.ts";
import { describeDrain } from "../control/describe-drain.ts";
import { MAX_WAIT_MS, otherVersion } from "../control/run.ts";
import { CANNOT_TELL, DONE, FAILED, USAGE } from "../io.ts";
import { type PluginOutput, renderCheckPlugin, renderPlugin, renderUnknown, UNKNOWN } from "../nagios.ts";
import type { TerminalStyle } from "../table.ts";
import { renderCheck } from "./check.ts";
import { renderClients } from "./clients.ts";
import { renderHost } from "./host.ts";

export interface StatusCommand {
  /** The name of the check, for the status of one. */
  readonly check?: string;
  readonly clients: boolean;
  readonly format: "table" | "json" | "nagios" | "prometheus";
}

export interface StatusPrinted {
  readonly out: string;
  readonly err: readonly string[];
  readonly exit: number;
}

/** Never rejects, whatever the daemon answers. */
export async function runStatus(
  socket: string,
  command: StatusCommand,
  style: TerminalStyle,
  maxWaitMs = MAX_WAIT_MS,
): Promise<StatusPrinted> {
  const fail = (error: string, exit = CANNOT_TELL): StatusPrinted =>
    command.format === "nagios"
      ? { out: renderUnknown([error]), err: [], exit: UNKNOWN }
      : { out: "", err: [`health-checker: ${error}`], exit };
  const request = { method: "GET", route: routeOf(command), isText: command.format === "prometheus" } as const;
  const [got, schemas] = await Promise.all([askControl(socket, request, maxWaitMs), loadSchemas()]);
  if ("error" in got) return fail(got.error);
  if (got.status !== 200) {
    const { data } = schemas.ErrorAnswer.safeParse(got.answer);
    const { check } = command;
    if (check !== undefined && data?.names) return fail(await describeUnknown(check, data.names), USAGE);
    return fail(`status: the daemon answered ${got.status}${data ? `: ${onOneLine(data.error)}` : ""}`);
  }
  return render(command, got, schemas, style) ?? fail(otherVersion(socket));
}

/** zod is loaded while the daemon answers. */
const loadSchemas = async () => ({
  ...(await import("../../listeners/control/messages.ts")),
  ...(await import("../../status/schema.ts")),
});

function routeOf({ check, format }: StatusCommand): string {
  if (check !== undefined) return `/checks/${encodeURIComponent(check)}`;
  return format === "prometheus" ? "/metrics" : "/status";
}

async function describeUnknown(check: string, names: readonly string[]): Promise<string> {
  const near = await didYouMean(check, names);
  const hint = near === undefined ? "health-checker status lists them" : `did you mean ${onOneLine(near)}?`;
  return `status: no check is named ${quoteWhole(check)}; ${hint}`;
}

/** Undefined for an answer that does not fit the command. */
function render(
  command: StatusCommand,
  { answer }: ControlAnswer,
  { HostStatus, CheckHistory }: Awaited<ReturnType<typeof loadSchemas>>,
  style: TerminalStyle,
): StatusPrinted | undefined {
  if (command.format === "prometheus") {
    return typeof answer === "string" ? { out: answer.trimEnd(), err: [], exit: DONE } : undefined;
  }
  if (command.check !== undefined) {
    const { data } = CheckHistory.safeParse(answer);
    return data && printed(renderOfCheck(data, answer, command, style), isUp(data));
  }
  const { data } = HostStatus.safeParse(answer);
  return data && printed(renderOfHost(data, answer, command, style), data.healthy);
}

const printed = (rendered: string | PluginOutput, isHealthy: boolean): StatusPrinted =>
  typeof rendered === "string"
    ? { out: rendered, err: [], exit: isHealthy ? DONE : FAILED }
    : { out: rendered.text, err: [], exit: rendered.exit };

function renderOfCheck(
  check: CheckHistory,
  answer: unknown,
  { format }: StatusCommand,
  style: TerminalStyle,
): string | PluginOutput {
  if (format === "nagios") return renderCheckPlugin(check);
  return format === "json" ? oneLine(answer) : renderCheck(check, style, Date.now());
}

function renderOfHost(
  status: HostStatus,
  answer: unknown,
  { clients, format }: StatusCommand,
  style: TerminalStyle,
): string | PluginOutput {
  const nowMs = Date.now();
  if (format === "json") return oneLine(clients ? { clients: (answer as HostStatus).clients } : answer);
  if (clients) return renderClients(status, style, nowMs);
  if (format === "table") return renderHost(status, style, nowMs);
  const drained = [
    ...(status.state === "stopping" ? ["draining, then stopping"] : []),
    ...describeDrain(status, nowMs),
  ];
  return renderPlugin({ verdict: verdictOf(status), drained, checks: status.checks, failing: status.failing });
}

/** The answer itself is printed: it may have fields of a later version. */
const oneLine = (answer: unknown): string => onOneLine(JSON.stringify(answer), true);
