// The health listener: any method, any path, one verdict, and nothing else ever.

import type { Verdict } from "../checks/check.ts";
import type { Asker } from "../core/monitor.ts";

const HEADERS = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" };

export const HEALTHY_BODY = "OK";
export const UNHEALTHY_BODY = "At least one health check failed";

/** Never healthy by default. */
const UNKNOWN: Pick<Verdict, "healthy"> = { healthy: false };

/**
 * `failureStatus` is what an unhealthy host answers, 400 to 599. A fault while
 * judging counts as unhealthy.
 */
export function createHealthHandler(
  ask: (asker: Asker) => Promise<Verdict>,
  failureStatus: number,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const { healthy } = await ask(request).catch(() => UNKNOWN);
    return healthy ? new Response(HEALTHY_BODY, { headers: HEADERS }) : unhealthyResponse(failureStatus);
  };
}

export const unhealthyResponse = (status: number): Response =>
  new Response(UNHEALTHY_BODY, { status, headers: HEADERS });
