// The answer to each request of the admin listener, without a socket.

import { expect, test } from "bun:test";
import {
  type AdminRequest,
  createAdminHandler,
  type Protection,
  type Shown,
} from "../../../src/listeners/admin/handler.ts";
import { assert, asyncProperty, string } from "../../support/properties.ts";
import { checkStatus, hostStatus } from "../../support/status.ts";

const TOKEN = "0123456789abcdef";

const DOWN = { status: "down", reason: "refused", detail: "connection refused" } as const;

const HOST = hostStatus({
  healthy: false,
  state: "unhealthy",
  failing: ["db"],
  checks: [
    checkStatus("web"),
    checkStatus("db", DOWN),
    checkStatus("tcp unix:/run/a b"),
    checkStatus("old", { stale: true }),
    checkStatus("new", { status: "unknown" }),
    checkStatus("odd", { ...DOWN, detail: "a\nb" }),
  ],
});

const LOOPBACK: Protection = { isLoopback: true, token: () => undefined, names: new Set(["web-1"]) };

interface Given {
  readonly shown?: Partial<Shown>;
  readonly protection?: Partial<Protection>;
  readonly now?: () => number;
}

function handlerFor({ shown, protection, now = () => 0 }: Given = {}) {
  const all: Shown = {
    status: () => HOST,
    historyOf: () => ({ runs: [], changes: [] }),
    metricsOf: () => "metrics\n",
    pageOf: () => ({ html: "<p>page", csp: "default-src 'none'; style-src 'sha256-x'" }),
    failureStatus: () => 503,
    ...shown,
  };
  const handle = createAdminHandler(all, { ...LOOPBACK, ...protection }, { now });
  const ask = async (url: string, headers: Readonly<Record<string, string>> = {}, method = "GET") => {
    const request: AdminRequest = { method, url, header: (name) => headers[name] };
    const { status, headers: sent, body } = await handle(request);
    if (typeof body !== "string") throw new Error("the answer is in parts");
    return { status, type: sent["Content-Type"], body, headers: sent };
  };
  return { ask };
}

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json";
const NO_SUCH = "not found; expected one of /, /status, /checks/NAME, /livez, /metrics\n";

test.each([
  ["/", 200, "text/html; charset=utf-8", "<p>page"],
  ["/?x=/status", 200, "text/html; charset=utf-8", "<p>page"],
  ["http://web-1", 200, "text/html; charset=utf-8", "<p>page"],
  ["/status", 200, JSON_TYPE, `${JSON.stringify(HOST)}\n`],
  ["/status/?pretty", 200, JSON_TYPE, `${JSON.stringify(HOST)}\n`],
  ["/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "metrics\n"],
  ["/metrics/", 200, "text/plain; version=0.0.4; charset=utf-8", "metrics\n"],
  ["/livez", 200, TEXT, "ok\n"],
  ["/livez/?x", 200, TEXT, "ok\n"],
  ["/checks/web", 200, TEXT, "up\n"],
  ["/checks/web/", 200, TEXT, "up\n"],
  ["/checks/%77eb?x", 200, TEXT, "up\n"],
  ["/checks/db", 503, TEXT, "down: refused: connection refused\n"],
  ["/checks/tcp%20unix:/run/a%20b", 200, TEXT, "up\n"],
  ["/checks/tcp%20unix%3A%2Frun%2Fa%20b", 200, TEXT, "up\n"],
  ["/checks/old", 503, TEXT, "down: stale\n"],
  ["/checks/new", 503, TEXT, "unknown\n"],
  ["/checks/odd", 503, TEXT, '"down: refused: a\\nb"\n'],
  ["/checks/none", 404, TEXT, "no check has this name\n"],
  ["/checks/", 404, TEXT, "no check has this name\n"],
  ["/checks/%zz", 404, TEXT, "no check has this name\n"],
  ["/checks/%ff", 404, TEXT, "no check has this name\n"],
  ["/checks", 404, TEXT, NO_SUCH],
  ["/STATUS", 404, TEXT, NO_SUCH],
  ["//status", 404, TEXT, NO_SUCH],
  ["/../status", 404, TEXT, NO_SUCH],
  ["/%2e%2e/status", 404, TEXT, NO_SUCH],
  ["/livez/../status", 404, TEXT, NO_SUCH],
  ["/status//", 404, TEXT, NO_SUCH],
  ["/toString", 404, TEXT, NO_SUCH],
  ["/__proto__", 404, TEXT, NO_SUCH],
  ["/favicon.ico", 404, TEXT, NO_SUCH],
])("%s is answered %d", async (url, status, type, body) => {
  expect(await handlerFor().ask(url)).toMatchObject({ status, type, body });
});

test("/checks/NAME with Accept: application/json is all that is known of the check", async () => {
  const { ask } = handlerFor();
  const { status, type, body } = await ask("/checks/db", { accept: "text/html, application/json;q=0.9" });
  expect({ status, type }).toEqual({ status: 503, type: JSON_TYPE });
  expect(JSON.parse(body)).toEqual({ ...checkStatus("db", DOWN), runs: [], changes: [] });
  expect(await ask("/checks/none", { accept: JSON_TYPE })).toMatchObject({ status: 404, type: TEXT });
});

test("/status with Accept: application/health+json has the status that the draft wants", async () => {
  const accept = "application/health+json";
  const failing = await handlerFor().ask("/status", { accept });
  expect(failing).toMatchObject({ status: 503, type: accept });
  expect(JSON.parse(failing.body)).toMatchObject({ status: "fail" });
  const healthy = handlerFor({ shown: { status: () => hostStatus() } });
  expect(await healthy.ask("/status", { accept })).toMatchObject({ status: 200, type: accept });
});

test.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get"])("%s is 405", async (method) => {
  for (const path of ["/", "/status", "/metrics", "/livez", "/checks/web"]) {
    const answer = await handlerFor().ask(path, {}, method);
    expect(answer).toMatchObject({ status: 405, body: "expected GET or HEAD\n", headers: { Allow: "GET, HEAD" } });
  }
  expect((await handlerFor().ask("/none", {}, method)).status).toBe(404);
  expect((await handlerFor().ask("/status", {}, "HEAD")).status).toBe(200);
});

test("no answer can be embedded, read by another site or cached", async () => {
  const { ask } = handlerFor();
  const answers = [
    await ask("/"),
    await ask("/status"),
    await ask("/metrics"),
    await ask("/livez"),
    await ask("/checks/db"),
    await ask("/none"),
    await ask("/status", {}, "POST"),
    await ask("/status", { host: "evil.example" }),
  ];
  for (const { headers } of answers) {
    expect(headers).toMatchObject({
      "Cache-Control": "no-store",
      "Content-Security-Policy": expect.stringContaining("default-src 'none'"),
      "Cross-Origin-Resource-Policy": "same-origin",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "DENY",
    });
    expect(Object.keys(headers).filter((name) => /^access-control/i.test(name))).toEqual([]);
  }
  expect((await ask("/")).headers["Content-Security-Policy"]).toBe("default-src 'none'; style-src 'sha256-x'");
});

const CLOSED = ["/", "/status", "/checks/web", "/checks/none"];
const OPEN = ["/metrics", "/livez"];

test("beyond the loopback only /metrics and /livez are served without a token", async () => {
  const { ask } = handlerFor({ protection: { isLoopback: false } });
  for (const path of CLOSED) {
    expect(await ask(path, { authorization: "Bearer " })).toMatchObject({
      status: 403,
      body: "this address is not a loopback address; without --admin-token-file it serves /metrics and /livez only\n",
    });
  }
  for (const path of OPEN) expect((await ask(path)).status).toBe(200);
});

test.each([true, false])("a token is needed on every address (loopback: %j)", async (isLoopback) => {
  const { ask } = handlerFor({ protection: { isLoopback, token: () => TOKEN } });
  const right = [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER   ${TOKEN}`];
  const wrong = ["", TOKEN, `Basic ${TOKEN}`, `Bearer${TOKEN}`, `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`];
  const others = [`Bearer ${TOKEN}, Bearer ${TOKEN}`, `Bearer ${TOKEN.toUpperCase()}`, "Bearer ", "Bearer x y"];
  for (const path of CLOSED) {
    for (const authorization of right) expect((await ask(path, { authorization })).status).not.toBe(401);
    for (const authorization of [...wrong, ...others]) {
      expect(await ask(path, { authorization })).toMatchObject({
        status: 401,
        body: "expected the header Authorization: Bearer TOKEN\n",
        headers: { "WWW-Authenticate": "Bearer" },
      });
    }
    expect((await ask(path)).status).toBe(401);
  }
  for (const path of OPEN) expect((await ask(path)).status).toBe(200);
});

test("a token that a reload has changed holds from the next request on", async () => {
  let token: string | undefined = TOKEN;
  const { ask } = handlerFor({ protection: { token: () => token } });
  const authorization = `Bearer ${TOKEN}`;
  expect((await ask("/status", { authorization })).status).toBe(200);
  token = "another-token-0123";
  expect((await ask("/status", { authorization })).status).toBe(401);
  token = undefined;
  expect((await ask("/status")).status).toBe(200);
});

test("a page of another site cannot read the status by DNS rebinding, even with the token", async () => {
  const { ask } = handlerFor({ protection: { token: () => TOKEN } });
  const headers = { host: "evil.example:5002", authorization: `Bearer ${TOKEN}` };
  for (const path of CLOSED) {
    expect(await ask(path, headers)).toMatchObject({
      status: 421,
      body: "expected this host's name, an IP address or localhost in the Host header\n",
    });
  }
  for (const path of OPEN) expect((await ask(path, headers)).status).toBe(200);
  const unix = handlerFor({ protection: { names: undefined } });
  expect((await unix.ask("/status", { host: "evil.example" })).status).toBe(200);
});

test("an answer serves the requests of a time that is twenty times as long as it took to make", async () => {
  let made = 0;
  let time = 1000;
  const status = () => {
    time += 5;
    return hostStatus({ pid: made++ });
  };
  const { ask } = handlerFor({ shown: { status }, now: () => time });
  const pid = async () => JSON.parse((await ask("/status")).body).pid;
  expect([await pid(), await pid()]).toEqual([0, 0]);
  time += 94;
  expect(await pid()).toBe(0);
  time += 1;
  expect(await pid()).toBe(1);
});

test("whatever path is requested, the answer is one of a few statuses, and nothing throws", async () => {
  const { ask } = handlerFor();
  await assert(
    asyncProperty(string({ unit: "binary" }), async (path) => {
      for (const url of [path, `/${path}`, `/checks/${path}`, `/checks/${encodeURIComponent(path.toWellFormed())}`]) {
        expect([200, 404, 503]).toContain((await ask(url)).status);
      }
    }),
  );
});
