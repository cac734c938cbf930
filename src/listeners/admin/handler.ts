// The requests of the admin listener. They read: none starts a run of a check, and none changes anything.
//
// What names checks, targets or clients is protected: a request for it needs the token if there is one, and without one
// the listener must be on the loopback. /metrics and /livez are open to all who can connect.

import { withoutLastSlash } from "../../config/endpoint-path.ts";
import { healthJson } from "../../status/health-json.ts";
import type { CheckHistory, CheckStatus, HostStatus } from "../../status/schema.ts";
import { isUp } from "../../status/summary.ts";
import { type Clock, clock as hostClock } from "../../system/clock.ts";
import { onOneLine } from "../../text/printable.ts";
import type { Answer, ExchangeRequest } from "../exchanges.ts";
import { pathOf } from "../health/handler.ts";
import { isOwnHost } from "./host-header.ts";
import { createPace, type Pace } from "./pace.ts";
import type { Page } from "./page/render.ts";
import { hasToken } from "./token.ts";

/** What the daemon shows. */
export interface Shown {
  /** Starts nothing. */
  readonly status: () => HostStatus;
  readonly historyOf: (name: string) => Pick<CheckHistory, "runs" | "changes">;
  readonly metricsOf: (status: HostStatus) => string | Promise<string>;
  readonly pageOf: (status: HostStatus) => Page | Promise<Page>;
  /** The HTTP status of a check that is not up. */
  readonly failureStatus: () => number;
}

export interface Protection {
  readonly isLoopback: boolean;
  /** Of --admin-token-file; undefined without one. A reload may change it. */
  readonly token: () => string | undefined;
  /** The names of this host, for the Host header; undefined on a unix socket, which no browser can reach. */
  readonly names: ReadonlySet<string> | undefined;
}

export type AdminRequest = Pick<ExchangeRequest, "method" | "url" | "header">;

export type AdminHandler = (request: AdminRequest) => Answer | Promise<Answer>;

type Route = (request: AdminRequest) => Answer | Promise<Answer>;

const CHECKS = "/checks/";

const METHODS = ["GET", "HEAD"];

/** Throws, or rejects, for a fault of ours. */
export function createAdminHandler(
  shown: Shown,
  protection: Protection,
  clock: Pick<Clock, "now"> = hostClock,
): AdminHandler {
  const pace = createPace(clock);
  const open: Readonly<Record<string, Route>> = {
    "/livez": () => text(200, "ok"),
    "/metrics": () => metricsAnswer(shown, pace),
  };
  const closed: Readonly<Record<string, Route>> = {
    "/": () => pageAnswer(shown, pace),
    "/status": (request) => statusAnswer(request, shown, pace),
  };
  const known = [...Object.keys(closed), `${CHECKS}NAME`, ...Object.keys(open)].join(", ");
  return (request) => {
    const path = pathOf(request.url);
    const plainPath = withoutLastSlash(path);
    const free = routeAt(open, plainPath);
    const route =
      free ??
      (path.startsWith(CHECKS)
        ? () => checkAnswer(path.slice(CHECKS.length), request, shown, pace)
        : routeAt(closed, plainPath));
    if (!route) return text(404, `not found; expected one of ${known}`);
    if (!METHODS.includes(request.method)) return text(405, "expected GET or HEAD", { Allow: METHODS.join(", ") });
    return (free ? undefined : refusal(request, protection)) ?? route(request);
  };
}

const routeAt = (routes: Readonly<Record<string, Route>>, path: string): Route | undefined =>
  Object.hasOwn(routes, path) ? routes[path] : undefined;

/** Why a protected answer is not given; undefined if it is. */
function refusal(request: AdminRequest, { isLoopback, token, names }: Protection): Answer | undefined {
  if (names && !isOwnHost(request.header("host"), names)) {
    return text(421, "expected this host's name, an IP address or localhost in the Host header");
  }
  const expected = token();
  if (expected !== undefined) {
    if (hasToken(request.header("authorization"), expected)) return undefined;
    return text(401, "expected the header Authorization: Bearer TOKEN", { "WWW-Authenticate": "Bearer" });
  }
  if (isLoopback) return undefined;
  return text(
    403,
    "this address is not a loopback address; without --admin-token-file it serves /metrics and /livez only",
  );
}

const statusIn = ({ status }: Shown, pace: Pace): HostStatus => pace("status", status);

async function pageAnswer(shown: Shown, pace: Pace): Promise<Answer> {
  const status = statusIn(shown, pace);
  const { html, csp } = await pace("page", () => shown.pageOf(status));
  return answer(200, "text/html; charset=utf-8", html, { "Content-Security-Policy": csp });
}

async function metricsAnswer(shown: Shown, pace: Pace): Promise<Answer> {
  const status = statusIn(shown, pace);
  const metrics = await pace("metrics", () => shown.metricsOf(status));
  return answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics);
}

function statusAnswer(request: AdminRequest, shown: Shown, pace: Pace): Answer {
  const status = statusIn(shown, pace);
  if (!accepts(request, HEALTH_JSON))
    return answer(
      200,
      JSON_TYPE,
      pace("json", () => jsonLine(status)),
    );
  // The draft wants a status of 4xx or 5xx for "fail".
  const code = status.healthy ? 200 : shown.failureStatus();
  return answer(
    code,
    HEALTH_JSON,
    pace("health", () => jsonLine(healthJson(status))),
  );
}

function checkAnswer(encoded: string, request: AdminRequest, shown: Shown, pace: Pace): Answer {
  const { checks } = statusIn(shown, pace);
  const names = [encoded, encoded.replace(/\/$/, "")].map(decode);
  const check = names.flatMap((name) => checks.find((one) => one.name === name) ?? [])[0];
  if (!check) return text(404, "no check has this name");
  const code = isUp(check) ? 200 : shown.failureStatus();
  if (!accepts(request, JSON_TYPE)) return text(code, onOneLine(verdictOf(check)));
  return answer(code, JSON_TYPE, jsonLine({ ...check, ...shown.historyOf(check.name) } satisfies CheckHistory));
}

/** "up", or "down: refused: connection refused". */
function verdictOf({ status, stale, reason, detail }: CheckStatus): string {
  if (stale) return "down: stale";
  return status === "down" ? ["down", reason, detail].filter(Boolean).join(": ") : status;
}

/** Undefined if it is not valid. */
function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

const JSON_TYPE = "application/json";
const HEALTH_JSON = "application/health+json";

/** Whether the Accept header names this type; what is preferred does not matter. */
const accepts = (request: AdminRequest, type: string): boolean =>
  (request.header("accept") ?? "").split(",").some((one) => one.split(";", 1)[0]?.trim().toLowerCase() === type);

const jsonLine = (value: object): string => `${JSON.stringify(value)}\n`;

/** No other site may embed or read an answer, and no cache may keep it. */
const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

const answer = (status: number, type: string, body: string, headers: Answer["headers"] = {}) => ({
  status,
  headers: { "Content-Type": type, ...HEADERS, ...headers },
  body,
});

const text = (status: number, line: string, headers?: Answer["headers"]): Answer =>
  answer(status, "text/plain; charset=utf-8", `${line}\n`, headers);

/** The answer to a request that met a fault of ours. */
export const internalError = (): Answer => text(500, "internal error; see the log of the daemon");
