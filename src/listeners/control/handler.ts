// The requests of the control socket: each a path and a method, answered in JSON. No request can name a program to run.
// An unexpected error is answered with 500 and logged; the daemon goes on.

import type { DrainControl } from "../../drain/drain.ts";
import type { Log } from "../../log/log.ts";
import type { CheckHistory, HostStatus, ReloadReport } from "../../status/schema.ts";
import { drainStatus } from "../../status/status.ts";
import { type Clock, clock as hostClock } from "../../system/clock.ts";
import { describeFault } from "../../system/errors.ts";
import { within } from "../../system/event-loop.ts";
import type { SaveResult } from "../../system/state-file.ts";
import type { Answer, ExchangeRequest } from "../exchanges.ts";
import { pathOf } from "../health/handler.ts";
import type {
  DrainAnswer,
  DrainRequest,
  ErrorAnswer,
  MaintenanceRequest,
  ReloadRequest,
  UndrainAnswer,
} from "./messages.ts";

/** What the daemon does for these requests. */
export interface Controls {
  /** Runs the checks on request, waits at most a second for their results, and returns all that is known. */
  readonly status: () => Promise<HostStatus>;
  /** The same of one check; if no check has this name, the names of all. */
  readonly check: (name: string) => Promise<CheckHistory | { readonly names: readonly string[] }>;
  /** The same as metrics, in the text format of Prometheus. */
  readonly metrics: () => Promise<string>;
  /** Reads the configuration again and tries it out. Never rejects because of its content. */
  readonly reload: (request: ReloadRequest) => Promise<ReloadReport>;
  readonly drainControl: Pick<DrainControl, "current" | "drain" | "maintain" | "undrain">;
}

export type ControlRequest = Pick<ExchangeRequest, "method" | "url" | "readBody">;

export type ControlHandler = (request: ControlRequest) => Promise<Answer>;

interface Route {
  readonly method: "GET" | "POST";
  readonly answer: (request: ControlRequest) => Promise<Answer>;
}

/** The name follows, percent-encoded. */
const CHECKS = "/checks/";

/** The route of every path below `CHECKS`, as an error names it. */
const CHECK = `${CHECKS}NAME`;

const MAX_BODY_BYTES = 64 * 1024;

/** A client that has not sent its whole body by then is answered 408. */
const BODY_MS = 5000;

/** A reload may take as long as the checks' timeouts. This often its client gets a sign of life. */
const ALIVE_MS = 5000;

export function createControlHandler(
  controls: Controls,
  log: Pick<Log, "error">,
  clock: Clock = hostClock,
): ControlHandler {
  const routes = routesOf(controls, clock);
  return async (request) => {
    const path = pathOf(request.url);
    const route = Object.hasOwn(routes, path) ? routes[path] : path.startsWith(CHECKS) ? routes[CHECK] : undefined;
    if (!route) return refuse(404, `expected one of ${Object.keys(routes).join(", ")}`);
    const { method, answer } = route;
    if (request.method !== method) return refuse(405, `expected ${method}`, { Allow: method });
    try {
      return await answer(request);
    } catch (error) {
      return controlFault(error, log);
    }
  };
}

function routesOf(
  { status, check, metrics, reload, drainControl }: Controls,
  clock: Clock,
): Readonly<Record<string, Route>> {
  const drainAnswer = (result: SaveResult): DrainAnswer => {
    const state = drainControl.current();
    return { ...result, stopping: state?.stopping ?? false, ...drainStatus(state) };
  };
  const takeReload = async (request: ReloadRequest): Promise<Answer> => {
    const reloading = reload(request);
    const report = await within(reloading, ALIVE_MS, clock);
    if (report) return json(report.problems.length === 0 ? 200 : 422, report);
    return { status: 200, headers: HEADERS, body: spacesUntil(reloading, clock) };
  };
  const takeDrain = async ({ reason }: DrainRequest): Promise<Answer> =>
    json(200, drainAnswer(await drainControl.drain(reason)));
  const takeMaintenance = async ({ forMs, reason }: MaintenanceRequest): Promise<Answer> =>
    json(200, drainAnswer(await drainControl.maintain(forMs, reason)));
  return {
    "/status": { method: "GET", answer: async () => json(200, await status()) },
    [CHECK]: { method: "GET", answer: ({ url }) => answerCheck(pathOf(url), check) },
    "/metrics": { method: "GET", answer: async () => textAnswer(await metrics()) },
    "/reload": {
      method: "POST",
      async answer(request) {
        const [body, { ReloadRequest }] = await bodyAndMessages(request, clock);
        if (typeof body !== "string") return body;
        const read = ReloadRequest.safeDecode(body.trim() || "{}");
        return read.success ? takeReload(read.data) : refuse(400, firstOf(read.error));
      },
    },
    "/drain": {
      method: "POST",
      async answer(request) {
        const [body, { DrainRequest }] = await bodyAndMessages(request, clock);
        if (typeof body !== "string") return body;
        const read = DrainRequest.safeDecode(body.trim() || "{}");
        return read.success ? takeDrain(read.data) : refuse(400, firstOf(read.error));
      },
    },
    "/undrain": {
      method: "POST",
      async answer() {
        const { ended, ...result } = await drainControl.undrain();
        return json(200, { ...drainAnswer(result), ended: drainStatus(ended) } satisfies UndrainAnswer);
      },
    },
    "/maint": {
      method: "POST",
      async answer(request) {
        const [body, { MaintenanceRequest }] = await bodyAndMessages(request, clock);
        if (typeof body !== "string") return body;
        const read = MaintenanceRequest.safeDecode(body);
        return read.success ? takeMaintenance(read.data) : refuse(400, firstOf(read.error));
      },
    },
  };
}

async function answerCheck(path: string, check: Controls["check"]): Promise<Answer> {
  const name = decode(path.slice(CHECKS.length));
  if (name === undefined) return refuse(400, "expected the name of a check, percent-encoded");
  const found = await check(name);
  if (!("names" in found)) return json(200, found);
  return json(404, { error: "no check has this name", names: found.names } satisfies ErrorAnswer);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const firstOf = ({ issues }: { readonly issues: readonly { readonly message: string }[] }): string =>
  issues[0]?.message ?? "the body of the request is not valid";

/** The answer to an unexpected error, which is logged. */
export function controlFault(error: unknown, log: Pick<Log, "error">): Answer {
  const described = describeFault(error);
  log.error("internal error; please report it", { error: described });
  return refuse(500, "internal error; see the log of the daemon");
}

/** A space every few seconds, which JSON ignores, then the object. */
async function* spacesUntil(promise: Promise<object>, clock: Clock): AsyncGenerator<string, void> {
  for (;;) {
    const object = await within(promise, ALIVE_MS, clock);
    yield object ? JSON.stringify(object) : " ";
    if (object) return;
  }
}

const bodyAndMessages = (request: ControlRequest, clock: Clock) =>
  Promise.all([readBody(request, clock), import("./messages.ts")]);

/** An answer that refuses the request if its body does not end in time, breaks off or is too long. */
async function readBody(request: ControlRequest, clock: Clock): Promise<string | Answer> {
  const body = await within(request.readBody(MAX_BODY_BYTES), BODY_MS, clock);
  if (body === undefined) return refuse(408, "the body of the request did not arrive");
  return body.length > MAX_BODY_BYTES ? refuse(413, "expected a body of at most 64 KiB") : body.toString("utf8");
}

const HEADERS = { "Content-Type": "application/json", "Cache-Control": "no-store" };

const json = (status: number, answer: object, headers: Answer["headers"] = {}): Answer => ({
  status,
  headers: { ...HEADERS, ...headers },
  body: JSON.stringify(answer),
});

const textAnswer = (body: string): Answer => ({
  status: 200,
  headers: { ...HEADERS, "Content-Type": "text/plain; version=0.0.4; charset=utf-8" },
  body,
});

const refuse = (status: number, error: string, headers?: Answer["headers"]): Answer =>
  json(status, { error } satisfies ErrorAnswer, headers);
