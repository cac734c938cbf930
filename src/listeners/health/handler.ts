// The health listener answers any method and any path with one verdict and nothing else. While the host is drained it
// answers unhealthy, whatever the checks' results.

import type { Verdict } from "../../checks/check.ts";
import { withoutLastSlash } from "../../config/endpoint-path.ts";
import type { Answer } from "../exchanges.ts";

const HEADERS = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" };

export const HEALTHY_BODY = "OK";
export const UNHEALTHY_BODY = "At least one health check failed";
export const DRAINING_BODY = "Draining";

type Known = Pick<Verdict, "healthy">;

const UNHEALTHY: Known = { healthy: false };

export interface HealthOptions {
  readonly verdict: (request: HealthRequest, group: number) => Known | Promise<Known>;
  /** Whether every answer is unhealthy, whatever the checks' results. */
  readonly isDraining: () => boolean;
  /** The HTTP status of an unhealthy answer, 400 to 599. */
  readonly failureStatus: number;
  /** The paths of the monitor's groups from the second on. Every other path stands for the host, which is the first group. */
  readonly endpoints: readonly string[];
  /** Called with each requested path that is no endpoint, if there are endpoints; not with "/". */
  readonly onOtherPath: (path: string) => void;
}

/** `signal` aborts when the client has disconnected. */
export type HealthRequest = Pick<Request, "url" | "signal">;

export type HealthHandler = (request: HealthRequest) => Answer | Promise<Answer>;

/** Throws, or rejects, if the verdict cannot be formed: the server logs that fault and answers unhealthy. */
export function createHealthHandler(options: HealthOptions): HealthHandler {
  const { verdict, isDraining, failureStatus, endpoints, onOtherPath } = options;
  const answer = ({ healthy }: Known, endpoint: string | undefined): Answer => {
    if (isDraining()) return unhealthyAnswer(failureStatus, DRAINING_BODY, endpoint);
    if (!healthy) return unhealthyAnswer(failureStatus, UNHEALTHY_BODY, endpoint);
    return { status: 200, headers: HEADERS, body: HEALTHY_BODY, endpoint };
  };
  const groupOf = ({ url }: HealthRequest): number => {
    const path = pathOf(url);
    const group = endpoints.indexOf(withoutLastSlash(path)) + 1;
    if (group === 0 && path !== "/") onOtherPath(path);
    return group;
  };
  return (request) => {
    const group = endpoints.length === 0 ? 0 : groupOf(request);
    const endpoint = endpoints[group - 1];
    // No check runs for it while the host is drained.
    const known = isDraining() ? UNHEALTHY : verdict(request, group);
    return known instanceof Promise ? known.then((later) => answer(later, endpoint)) : answer(known, endpoint);
  };
}

/** The path as it was sent, without the query. `url` is a path, or a whole URL. */
export function pathOf(url: string): string {
  const whole = url.replace(/[?#].*$/s, "");
  const start = whole.indexOf("/", whole.startsWith("/") ? 0 : whole.indexOf("://") + 3);
  return start < 0 ? "/" : whole.slice(start);
}

export const unhealthyAnswer = (status: number, body = UNHEALTHY_BODY, endpoint?: string): Answer => ({
  status,
  headers: HEADERS,
  body,
  endpoint,
});
