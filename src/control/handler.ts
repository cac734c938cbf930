// The control socket's requests: a path and a method each, an answer in JSON. None of them
// holds a command to run. A fault is an answer and a line in the log, never the daemon's end.

import { type Clock, clock as hostClock } from "../clock.ts";
import { pathOf } from "../http/path.ts";
import type { Log } from "../log/log.ts";
import { withdrawalStatus } from "../status.ts";
import { describeFault } from "../thrown.ts";
import type { Keeping } from "../withdrawal/withdrawal.ts";
import { within } from "../within.ts";
import type { ErrorAnswer, UndrainAnswer, WithdrawalAnswer } from "./answers.ts";
import type { Controls } from "./controls.ts";
import { readMaintenance } from "./maintenance.ts";

export type ControlHandler = (request: Request) => Promise<Response>;

interface Route {
  readonly method: "GET" | "POST";
  readonly answer: (request: Request) => Promise<Response>;
}

/** A client that sends no more of its body by then is told so. */
const BODY_MS = 5000;

export function createControlHandler(
  controls: Controls,
  log: Pick<Log, "error">,
  clock: Clock = hostClock,
): ControlHandler {
  const { withdrawals } = controls;
  const inForce = (keeping: Keeping): WithdrawalAnswer => {
    const now = withdrawals.current();
    return { ...keeping, withdrawal: { stopping: now?.stopping ?? false, ...withdrawalStatus(now) } };
  };
  const routes: Readonly<Record<string, Route>> = {
    "/status": { method: "GET", answer: async () => json(200, await controls.status()) },
    "/reload": {
      method: "POST",
      async answer() {
        const report = await controls.reload();
        return json(report.taken ? 200 : 422, report);
      },
    },
    "/drain": { method: "POST", answer: async () => json(200, inForce(await withdrawals.drain())) },
    "/undrain": {
      method: "POST",
      async answer() {
        const { ended, ...keeping } = await withdrawals.undrain();
        return json(200, { ...inForce(keeping), ended: withdrawalStatus(ended) } satisfies UndrainAnswer);
      },
    },
    "/maint": {
      method: "POST",
      async answer(request) {
        const body = await readBody(request, clock);
        if (body === undefined) return refuse(408, "the body did not come");
        const order = readMaintenance(body);
        if ("flaw" in order) return refuse(400, order.flaw);
        return json(200, inForce(await withdrawals.maintain(order.forMs, order.reason)));
      },
    },
  };

  return async (request) => {
    const path = pathOf(request.url);
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
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

/** What a throw comes to. */
export function controlFault(error: unknown, log: Pick<Log, "error">): Response {
  const described = describeFault(error);
  log.error("fault in health-checker while it was controlled; please report it", { error: described });
  return refuse(500, "a fault in health-checker; its log says more");
}

/** Undefined where it is cut off, or does not end in time. */
const readBody = (request: Request, clock: Clock): Promise<string | undefined> =>
  within(
    request.text().catch(() => undefined),
    BODY_MS,
    clock,
  );

const json = (status: number, answer: object, headers: Readonly<Record<string, string>> = {}): Response =>
  Response.json(answer, { status, headers: { "Cache-Control": "no-store", ...headers } });

const refuse = (status: number, error: string, headers?: Readonly<Record<string, string>>): Response =>
  json(status, { error } satisfies ErrorAnswer, headers);
