// The control socket's requests: a path and a method each, an answer in JSON. None of them
// holds a command to run. A fault is an answer and a line in the log, never the daemon's end.

import type { Keeping } from "../../drain/state.ts";
import type { Log } from "../../log/log.ts";
import { withdrawalStatus } from "../../status/status.ts";
import { type Clock, clock as hostClock } from "../../system/clock.ts";
import { describeFault } from "../../system/errors.ts";
import { within } from "../../system/event-loop.ts";
import { pathOf } from "../health/path.ts";
import type { ErrorAnswer, UndrainAnswer, WithdrawalAnswer } from "./answers.ts";
import type { Controls } from "./controls.ts";
import { readMaintenance } from "./maintenance.ts";
import { readReloadOrder } from "./reload-request.ts";

export type ControlHandler = (request: Request) => Promise<Response>;

interface Route {
  readonly method: "GET" | "POST";
  readonly answer: (request: Request) => Promise<Response>;
}

/** A client that sends no more of its body by then is told so. */
const BODY_MS = 5000;

/** A reload runs checks to their timeouts: its client hears this often that the daemon lives. */
const ALIVE_MS = 5000;

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
      async answer(request) {
        const body = await readBody(request, clock);
        if (body === undefined) return refuse(408, "the body did not come");
        const order = readReloadOrder(body);
        if ("flaw" in order) return refuse(400, order.flaw);
        const reloading = controls.reload(order);
        const report = await within(reloading, ALIVE_MS, clock);
        return report ? json(report.problems.length === 0 ? 200 : 422, report) : whileAlive(reloading, clock);
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

/**
 * An answer that takes long: a blank, which JSON ignores, now and then until it is there. The status is
 * 200 whatever it says.
 */
function whileAlive(answer: Promise<object>, clock: Clock): Response {
  const written = answer.then((object) => JSON.stringify(object));
  const body = new ReadableStream<Uint8Array>({
    async pull(stream) {
      const text = await within(written, ALIVE_MS, clock);
      stream.enqueue(new TextEncoder().encode(text ?? " "));
      if (text !== undefined) stream.close();
    },
  });
  return new Response(body, { headers: { "Content-Type": "application/json", "Cache-Control": "no-store" } });
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
