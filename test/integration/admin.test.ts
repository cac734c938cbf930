// The compiled binary with an admin listener: what it serves, to whom, and that it starts nothing.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { CheckHistory, HostStatus } from "../../src/status/schema.ts";
import { askAt } from "../support/ask.ts";
import { converse } from "../support/converse.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import { run } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const TOKEN = "0123456789abcdef";

/** Where the admin listener is. */
async function adminOf(daemon: Daemon) {
  const line = await daemon.logged("admin listening");
  const [, host = "", port = ""] = / address=(\S+):(\d+)$/.exec(line) ?? [];
  const hostname = host === "0.0.0.0" ? "127.0.0.1" : host;
  const url = `http://${hostname}:${port}`;
  return {
    target: { hostname, port: Number(port) },
    url,
    ask: (path: string, init: RequestInit = {}) => askAt(`${url}${path}`, init),
  };
}

/** The number of each status of the answers to a request with these lines. */
const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);

test("status, page, metrics, one check and livez, while the checks go up and down", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const checks = `[{ name: "db: main", tcp: ${peer.port} }]`;
  const file = await folder.write("hc.yaml", `interval: 100ms\nfailure-status: 503\nchecks: ${checks}\n`);
  await using daemon = await startDaemon(["--config", file, "--admin-listener", "127.0.0.1:0"]);
  const admin = await adminOf(daemon);
  await until(async () => (await admin.ask("/checks/db%3A%20main")).body === "up\n");
  const status: unknown = JSON.parse((await admin.ask("/status")).body);
  expect(HostStatus.parse(status)).toEqual(status as HostStatus);
  expect(status).toMatchObject({
    pid: daemon.pid,
    healthy: true,
    state: "healthy",
    checks: [{ name: "db: main", status: "up" }],
  });
  expect(await admin.ask("/livez")).toMatchObject({ status: 200, body: "ok\n" });
  expect((await admin.ask("/metrics")).body).toContain("health_checker_healthy 1");
  const page = await admin.ask("/");
  expect(page.body).toContain("<title>HEALTHY");
  expect(page.headers.get("content-security-policy")).toContain("script-src 'sha256-");
  const history = JSON.parse(
    (await admin.ask("/checks/db%3A%20main", { headers: { accept: "application/json" } })).body,
  );
  expect(CheckHistory.parse(history)).toEqual(history);
  expect(history.runs[0]).toMatchObject({ ok: true });

  await peer[Symbol.asyncDispose]();
  await until(async () => (await admin.ask("/checks/db%3A%20main")).status === 503);
  const { body } = await admin.ask("/checks/db%3A%20main");
  expect(body).toMatch(/^down: refused: .*\n$/);
  await until(async () => (await admin.ask("/metrics")).body.includes("health_checker_healthy 0"));
  const health = { headers: { accept: "application/health+json" } };
  expect(await admin.ask("/status", health)).toMatchObject({ status: 503 });
  expect(await admin.ask("/livez")).toMatchObject({ status: 200 });
  expect(await daemon.stop()).toBe(0);
}, 60_000);

test("nothing that is asked of the admin listener runs a check on request", async () => {
  await using folder = await tempFolder();
  const ran = `${folder.path}/ran`;
  const file = await folder.write("hc.yaml", `checks: [{ name: once, script: [sh, -c, "echo >>${ran}"] }]\n`);
  await using daemon = await startDaemon(["--config", file, "--admin-listener", "127.0.0.1:0"]);
  const admin = await adminOf(daemon);
  expect((await daemon.ask()).status).toBe(200);
  for (const path of ["/", "/status", "/metrics", "/checks/once", "/livez"]) {
    expect((await admin.ask(path)).status).toBe(200);
  }
  expect((await daemon.ask()).status).toBe(200);
  expect(readFileSync(ran, "utf8")).toBe("\n\n");
}, 60_000);

test("odd requests: methods, paths, sizes and headers", async () => {
  await using daemon = await startDaemon(["--port", "1", "--admin-listener", "127.0.0.1:0"]);
  const { target } = await adminOf(daemon);
  // Shortly after its start the server does not yet see what it refuses.
  await until(async () => statusOf(await converse(target, "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n")) === 400);
  const ask = (start: string, headers = "Host: localhost\r\n") =>
    converse(target, `${start} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);
  const expected: readonly (readonly [string, number])[] = [
    ["GET /livez", 200],
    ["GET /../livez", 404],
    ["GET /./livez", 404],
    ["GET //livez", 404],
    ["GET /%6civez", 404],
    ["GET /livez%00", 404],
    ["GET /checks/../livez", 404],
    ["GET http://localhost/livez", 200],
    ["HEAD /livez", 200],
    ["POST /livez", 405],
    ["DELETE /status", 405],
    ["OPTIONS /", 405],
    ["OPTIONS *", 400],
    ["BREW /livez", 400],
  ];
  for (const [start, status] of expected) expect([start, statusOf(await ask(start))]).toEqual([start, status]);

  const head = await ask("HEAD /livez");
  expect(head).toMatch(/\r\nContent-Length: 3\r\n/i);
  expect(head).toEndWith("\r\n\r\n");
  const posted = await converse(
    target,
    "POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
  );
  expect(statusOf(posted)).toBe(405);
  expect(posted).toMatch(/\r\nAllow: GET, HEAD\r\n/);

  expect(statusOf(await ask("GET /livez", `Host: localhost\r\nX: ${"x".repeat(1_000_000)}\r\n`))).toBe(431);
  expect(statusOf(await ask("GET /livez", `Host: localhost\r\nCookie: ${"x".repeat(12_000)}\r\n`))).toBe(200);
  expect(statusOf(await ask("GET /status", ""))).toBe(200);
  expect(statusOf(await converse(target, "GET /status HTTP/1.0\r\n\r\n"))).toBe(200);
}, 60_000);

test("a connection is kept for the next request, and closed after what is invalid", async () => {
  await using daemon = await startDaemon(["--port", "1", "--admin-listener", "127.0.0.1:0"]);
  const { target } = await adminOf(daemon);
  const socket = connect(target.port, target.hostname);
  let received = "";
  let isClosed = false;
  socket.setEncoding("latin1");
  socket.on("data", (data) => {
    received += data;
  });
  socket.on("close", () => {
    isClosed = true;
  });
  for (const times of [1, 2, 3]) {
    socket.write("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await until(() => received.split("ok\n").length === times + 1);
  }
  socket.write("no request\r\n\r\n");
  await until(() => isClosed);
  expect(statusOf(received.split("ok\n").at(-1) ?? "")).toBe(400);
}, 60_000);

test("a Host header of another site is refused", async () => {
  await using daemon = await startDaemon(["--port", "1", "--admin-listener", "127.0.0.1:0"]);
  const admin = await adminOf(daemon);
  const host = "evil.example";
  for (const path of ["/", "/status", "/checks/x"]) {
    expect(await admin.ask(path, { headers: { host } })).toMatchObject({ status: 421 });
  }
  expect(await admin.ask("/metrics", { headers: { host } })).toMatchObject({ status: 200 });
  expect(await admin.ask("/status", { headers: { host: "LOCALHOST:1" } })).toMatchObject({ status: 200 });
}, 60_000);

test("beyond the loopback a token is needed, and a reload reads it again", async () => {
  await using folder = await tempFolder();
  const options = "port: 1\nadmin-listener: 0.0.0.0:0\n";
  const file = await folder.write("hc.yaml", options);
  await using daemon = await startDaemon(["--config", file]);
  const admin = await adminOf(daemon);
  const statuses = async (...tokens: readonly string[]) => {
    const ask = async (token: string) =>
      (await admin.ask("/status", { headers: { authorization: `Bearer ${token}` } })).status;
    return Promise.all(tokens.map(ask));
  };
  const reload = async (times: number) => {
    process.kill(daemon.pid, "SIGHUP");
    await until(() => daemon.log().filter((line) => line.includes("reloaded")).length === times);
  };
  expect(await statuses(TOKEN)).toEqual([403]);
  expect((await admin.ask("/metrics")).status).toBe(200);

  const token = await folder.write("token", `${TOKEN}\n`, 0o600);
  await folder.write("hc.yaml", `${options}admin-token-file: ${token}\n`);
  await reload(1);
  expect(await statuses(TOKEN, `${TOKEN}x`, "")).toEqual([200, 401, 401]);
  await folder.write("token", "fedcba9876543210\n", 0o600);
  await reload(2);
  expect(await statuses(TOKEN, "fedcba9876543210")).toEqual([401, 200]);
  await folder.write("token", "short\n", 0o600);
  process.kill(daemon.pid, "SIGHUP");
  await daemon.logged("expected a token of 16 to 1024 characters");
  expect(await statuses("fedcba9876543210", "short")).toEqual([200, 401]);
  expect(daemon.log().join("\n")).not.toMatch(/0123456789|fedcba/);
}, 60_000);

test("the metrics file follows the host, also without an admin listener, and is removed at the end", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const path = `${folder.path}/hc.prom`;
  await using daemon = await startDaemon(["--port", `${peer.port}`, "--interval", "100ms", "--metrics-file", path]);
  const content = () =>
    Bun.file(path)
      .text()
      .catch(() => "");
  await until(async () => (await content()).includes("\nhealth_checker_healthy 1\n"));
  await peer[Symbol.asyncDispose]();
  await until(async () => (await content()).includes("\nhealth_checker_healthy 0\n"));
  expect(await daemon.stop()).toBe(0);
  expect(await Bun.file(path).exists()).toBe(false);
}, 60_000);

test("on a unix socket, whose file is removed at the end", async () => {
  await using folder = await tempFolder();
  const unix = `${folder.path}/admin.sock`;
  await using daemon = await startDaemon(["--port", "1", "--admin-listener", `unix:${unix}`]);
  await daemon.logged(`admin listening address=unix:${unix}`);
  expect(await askAt("http://any.name/livez", { unix })).toMatchObject({ status: 200 });
  expect(await askAt("http://any.name/status", { unix })).toMatchObject({ status: 200 });
  expect(await daemon.stop()).toBe(0);
  expect(await Bun.file(unix).exists()).toBe(false);
}, 60_000);

test("a listener that cannot open ends the start with one line", async () => {
  await using peer = await listener();
  const argv = ["--port", "1", "--listener", "127.0.0.1:0", "--admin-listener", `127.0.0.1:${peer.port}`];
  expect(await run(argv)).toEqual({
    out: "",
    err: `health-checker: cannot listen on 127.0.0.1:${peer.port}: it is in use by another process\n`,
    exitCode: 1,
  });
}, 60_000);
