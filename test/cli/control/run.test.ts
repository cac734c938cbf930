// What each command prints, with the control socket of a daemon and with other servers.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { SEVERITIES } from "../../../src/checks/check.ts";
import { askControl } from "../../../src/cli/control/client.ts";
import { type ControlCommand, type Printed, runControlCommand } from "../../../src/cli/control/run.ts";
import { runStatus } from "../../../src/cli/status/run.ts";
import type { Controls } from "../../../src/listeners/control/handler.ts";
import { startControl } from "../../../src/listeners/control/server.ts";
import type { ReloadReport } from "../../../src/status/schema.ts";
import type { Clock } from "../../../src/system/clock.ts";
import { fakeClock } from "../../monitor/fakes.ts";
import { controlsFor, HEALTHY, TAKEN } from "../../support/controls.ts";
import { checkStatus } from "../../support/status.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

let folder: TempFolder;
let socket: string;
beforeEach(async () => {
  folder = await tempFolder();
  socket = join(folder.path, "control.sock");
});
afterEach(() => folder[Symbol.asyncDispose]());

type Status = { readonly verb: "status"; readonly json: boolean };

/** `status` is a command of its own that asks in the same way. */
async function send(
  command: ControlCommand | Status,
  maxWaitMs?: number,
): Promise<Printed & { readonly cannotTell?: boolean }> {
  if (command.verb !== "status") return runControlCommand(socket, command, maxWaitMs);
  const format = command.json ? "json" : "table";
  const style = { columns: undefined, colour: false };
  const { out, err, exit } = await runStatus(socket, { clients: false, format }, style, maxWaitMs);
  return { out: out === "" ? [] : [out], err, ok: exit === 0, ...(exit === 3 && { cannotTell: true }) };
}

/** What the command prints, without times of day, the name of the folder and durations. */
async function run(command: ControlCommand | Status, maxWaitMs?: number) {
  const printed = await send(command, maxWaitMs);
  const shown = JSON.stringify(printed)
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/g, "T")
    .replace(/9m5\ds left/g, "10m left")
    .replaceAll(socket, "SOCKET");
  return JSON.parse(shown) as unknown;
}

async function serve(given: Partial<Controls> = {}, directory?: string, clock?: Clock) {
  const controls = controlsFor(given, directory);
  const control = await startControl({
    path: socket,
    controls,
    log: { error() {} },
    onCrowded() {},
    ...(clock && { clock }),
  });
  return {
    drainControl: controls.drainControl,
    async [Symbol.asyncDispose]() {
      await control.close();
      controls.drainControl.close();
    },
  };
}

const NOT_SAVED =
  "health-checker: warning: drain state not saved; a restart of the daemon will end it: neither --state-directory nor RUNTIME_DIRECTORY is set (in a systemd unit RuntimeDirectory= sets the latter)";

test("status prints the table or the JSON, and succeeds if the host is healthy", async () => {
  let status = HEALTHY;
  await using _ = await serve({ status: async () => status });
  expect(await run({ verb: "status", json: true })).toMatchObject({
    out: [expect.stringMatching(/^\{"at":".*"version":"1.0.0".*\}$/)],
    err: [],
    ok: true,
  });
  expect(await run({ verb: "status", json: false })).toMatchObject({
    out: [expect.stringMatching(/^healthy, 0 of 0 up\n/)],
    err: [],
    ok: true,
  });
  status = { ...HEALTHY, healthy: false, state: "drained", drain: { since: HEALTHY.startedAt } };
  expect(await run({ verb: "status", json: false })).toMatchObject({
    out: [expect.stringMatching(/^drained since T/)],
    ok: false,
  });
});

test.each(SEVERITIES)("status prints a check of severity %s", async (severity) => {
  const check = checkStatus("it", { severity });
  await using _ = await serve({ status: async () => ({ ...HEALTHY, checks: [check] }) });
  const { out } = (await run({ verb: "status", json: true })) as { out: string[] };
  expect(JSON.parse(out[0] ?? "")).toMatchObject({ checks: [check] });
});

test("drain, maint and undrain print the new state, and what has ended", async () => {
  await using _ = await serve({}, folder.path);
  const saved = "a restart of the daemon keeps it; a reboot of the host ends it";
  expect(await run({ verb: "undrain" })).toEqual({
    out: ["the host was not drained or in maintenance"],
    err: [],
    ok: true,
  });
  expect(await run({ verb: "drain" })).toEqual({
    out: ["drained since TZ", "the health listener answers unhealthy until health-checker undrain", saved],
    err: [],
    ok: true,
  });
  expect(await run({ verb: "undrain" })).toEqual({ out: ["ended: drain since TZ"], err: [], ok: true });
  expect(await run({ verb: "maint", forMs: 600_000, reason: "disk swap" })).toEqual({
    out: [
      "in maintenance since TZ until TZ (10m left): disk swap",
      "the health listener answers unhealthy until then, or until health-checker undrain",
      saved,
    ],
    err: [],
    ok: true,
  });
  expect(await run({ verb: "drain" })).toMatchObject({
    out: [
      "in maintenance since TZ until TZ (10m left): disk swap",
      "drained since TZ, also after the maintenance",
      "the health listener answers unhealthy until health-checker undrain",
      saved,
    ],
  });
  expect(await run({ verb: "drain", reason: "new kernel" })).toMatchObject({
    out: [
      "in maintenance since TZ until TZ (10m left): disk swap",
      "drained since TZ, also after the maintenance: new kernel",
      "the health listener answers unhealthy until health-checker undrain",
      saved,
    ],
  });
  expect(await run({ verb: "undrain" })).toMatchObject({
    out: ["ended: maintenance since TZ until TZ (10m left): disk swap", "ended: drain since TZ: new kernel"],
  });
});

test("undrain of a daemon that is stopping fails, unless it ends a drain that the next daemon would have", async () => {
  await using server = await serve({}, folder.path);
  await server.drainControl.drain("new kernel");
  server.drainControl.stop();
  expect(await run({ verb: "undrain" })).toEqual({
    out: ["ended: drain since TZ: new kernel"],
    err: ["health-checker: warning: the daemon is stopping; the host stays unhealthy"],
    ok: true,
  });
  expect(await run({ verb: "undrain" })).toEqual(
    failure("undrain: the daemon is stopping, which drains the host; undrain does not end that"),
  );
});

test("a drain that a restart of the daemon would end gets a warning", async () => {
  await using server = await serve();
  expect(await run({ verb: "maint", forMs: 600_000 })).toEqual({
    out: [
      "in maintenance since TZ until TZ (10m left)",
      "the health listener answers unhealthy until then, or until health-checker undrain",
    ],
    err: [NOT_SAVED],
    ok: true,
  });
  server.drainControl.stop();
  expect(await run({ verb: "undrain" })).toMatchObject({
    err: ["health-checker: warning: the daemon is stopping; the host stays unhealthy"],
  });
});

const RELOAD = { verb: "reload", force: false, dryRun: false } as const;

test("a reload prints the changes, or why there are none", async () => {
  let report = TAKEN;
  await using _ = await serve({ reload: async () => report });
  expect(await run(RELOAD)).toEqual({
    out: ["reloaded: 1 check kept; 2 changed: database, lag; 1 added: cache"],
    err: [],
    ok: true,
  });
  report = { ...TAKEN, warnings: ["listener: warning: a restart is needed"] };
  expect(await run(RELOAD)).toMatchObject({ err: ["listener: warning: a restart is needed"], ok: true });
  report = { ...TAKEN, trialWarnings: ["check \x1b[2J fails"] };
  expect(await run(RELOAD)).toMatchObject({ err: ['health-checker: warning: "check \\u001b[2J fails"'], ok: true });
  report = { ...TAKEN, taken: false, dryRun: true };
  expect(await run(RELOAD)).toMatchObject({
    out: [expect.stringMatching(/^would reload: 1 check kept; 2/)],
    ok: true,
  });
  report = {
    ...TAKEN,
    taken: false,
    forcible: true,
    problems: ["health-checker: check a would turn the host unhealthy"],
  };
  for (const [dryRun, last] of [
    [false, "health-checker: reload refused; the running configuration is unchanged; reload --force applies it anyway"],
    [true, "health-checker: reload would be refused; reload --force applies it anyway"],
  ] as const) {
    report = { ...report, dryRun };
    expect(await run(RELOAD)).toEqual({ out: [], err: [...report.problems, last], ok: false });
  }
  report = { ...TAKEN, taken: false, problems: ["hc.yaml:1:1: wrong", "hc.yaml:2:1: \x1b[2Jso is this"] };
  expect(await run(RELOAD)).toEqual({
    out: [],
    err: [
      "hc.yaml:1:1: wrong",
      '"hc.yaml:2:1: \\u001b[2Jso is this"',
      "health-checker: reload refused; the running configuration is unchanged",
    ],
    ok: false,
  });
});

test("a refusal that arrives in parts, after a long trial, is read too", async () => {
  const clock = fakeClock();
  const { promise, resolve } = Promise.withResolvers<ReloadReport>();
  let asked = false;
  const reload = () => {
    asked = true;
    return promise;
  };
  await using _ = await serve({ reload }, undefined, clock);
  const printed = run(RELOAD);
  await until(() => asked);
  await clock.pass(20_000);
  resolve({ ...TAKEN, taken: false, forcible: true, problems: ["health-checker: check slow would turn the host"] });
  expect(await printed).toEqual({
    out: [],
    err: [
      "health-checker: check slow would turn the host",
      "health-checker: reload refused; the running configuration is unchanged; reload --force applies it anyway",
    ],
    ok: false,
  });
});

test("the options of reload reach the daemon", async () => {
  const requests: unknown[] = [];
  await using _ = await serve({
    async reload(request) {
      requests.push(request);
      return TAKEN;
    },
  });
  const given = [RELOAD, { ...RELOAD, force: true }, { ...RELOAD, dryRun: true }];
  for (const command of given) await run(command);
  expect(requests.map((request) => ({ verb: "reload", ...(request as object) }))).toEqual(given);
});

const failure = (line: string) => ({ out: [], err: [`health-checker: ${line}`], ok: false });

/** Of `status`: whether the host is healthy is not known then. */
const unknown = (line: string) => ({ ...failure(line), cannotTell: true });

const NO_DAEMON = "no daemon listens on SOCKET: it is not running, or has no --control-socket or another one";

test("without a daemon the command prints one line", async () => {
  expect(await run({ verb: "status", json: false })).toEqual(unknown(NO_DAEMON));
  await leaveStale();
  expect(await run({ verb: "drain" })).toEqual(failure(NO_DAEMON));
  await Bun.file(socket).delete();
  await folder.write("control.sock", "a file");
  expect(await run(RELOAD)).toEqual(failure("SOCKET is not a socket"));
});

/** The socket of a process that was killed. */
async function leaveStale(): Promise<void> {
  const words = `Bun.serve({ unix: ${JSON.stringify(socket)}, fetch: () => new Response() }); process.kill(process.pid, "SIGKILL")`;
  await Bun.spawn([process.execPath, "-e", words], { stdout: "ignore", stderr: "ignore" }).exited;
}

test("an internal error of the daemon is printed as such", async () => {
  await using _ = await serve({ status: () => Promise.reject(new Error("a fault")) });
  expect(await run({ verb: "status", json: false })).toEqual(
    unknown("status: the daemon answered 500: internal error; see the log of the daemon"),
  );
});

/** Sends `words` to each client, and then stays silent, or closes. */
async function pretend(words: string, closes: boolean): Promise<AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    open.add(client);
    client.on("error", () => {});
    client.once("data", () => {
      client.write(words);
      if (closes) client.end();
    });
  });
  await new Promise<void>((listening) => server.listen(socket, listening));
  return {
    async [Symbol.asyncDispose]() {
      for (const client of open) client.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const http = (status: string, body: string) =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;

test.each([
  ["nothing", ""],
  ["half a head", "HTTP/1.1 200 OK\r\nContent-"],
  ["half a body", `HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"kept"`],
  ["a body without end", 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n'],
])("a command stops waiting for a daemon that sends %s and stays connected", async (_, words) => {
  await using _server = await pretend(words, false);
  expect(await run({ verb: "status", json: false }, 300)).toEqual(
    unknown("SOCKET: the daemon does not answer within 0.3 s"),
  );
});

test("after a timeout the message says that the daemon may still carry out the command", async () => {
  await using _server = await pretend("", false);
  expect(await run({ verb: "drain" }, 300)).toEqual(
    failure(
      "SOCKET: the daemon does not answer within 0.3 s; it may still carry out the command, check with health-checker status",
    ),
  );
});

test("for a socket whose queue is full the message says that the daemon does not answer", async () => {
  const words = `Bun.serve({ unix: ${JSON.stringify(socket)}, fetch: () => new Response() }); console.log("ready")`;
  const child = Bun.spawn([process.execPath, "-e", words], { stdout: "pipe", stderr: "ignore" });
  const clients: Socket[] = [];
  try {
    await child.stdout.getReader().read();
    child.kill("SIGSTOP");
    for (let isFull = false; !isFull; ) {
      isFull = await new Promise<boolean>((resolve) => {
        const client = createConnection(socket, () => resolve(false));
        client.on("error", () => resolve(true));
        clients.push(client);
      });
    }
    expect(await run({ verb: "status", json: false })).toEqual(
      unknown("SOCKET: the daemon does not accept connections: too many clients are waiting"),
    );
  } finally {
    for (const client of clients) client.destroy();
    child.kill("SIGKILL");
    await child.exited;
  }
}, 30_000);

test.each([
  [
    "nothing",
    "",
    "drain",
    /^SOCKET: unexpected answer; the process behind this socket is not a health-checker daemon \(\w+\)$/,
  ],
  [
    "no HTTP",
    "+OK hello\r\n",
    "drain",
    /^SOCKET: unexpected answer; the process behind this socket is not a health-checker daemon \(\w+\)$/,
  ],
  [
    "a page",
    http("200 OK", "<html>"),
    "status",
    /^SOCKET: unexpected answer; the process behind this socket is not a health-checker daemon$/,
  ],
  [
    "no text",
    http("200 OK", ""),
    "reload",
    /^SOCKET: unexpected answer; the process behind this socket is not a health-checker daemon$/,
  ],
  ["other JSON", http("200 OK", "[1]"), "status", /^SOCKET: unexpected answer; the daemon may have another version$/],
  ["null", http("200 OK", "null"), "undrain", /^SOCKET: unexpected answer; the daemon may have another version$/],
  ["too little", http("200 OK", '{"taken":true}'), "reload", /unexpected answer; the daemon may have another version$/],
  [
    "an error",
    http("404 Not Found", '{"error":"no\\u001b[2J"}'),
    "maint",
    /^maint: the daemon answered 404: "no\\u001b\[2J"$/,
  ],
  ["a redirect", http("302 Found\r\nLocation: http://localhost/x", "{}"), "drain", /^drain: the daemon answered 302$/],
] as const)("a server that sends %s and closes is no health-checker", async (_, words, verb, line) => {
  await using _server = await pretend(words, true);
  const commands: Readonly<Record<string, ControlCommand | Status>> = {
    reload: RELOAD,
    status: { verb: "status", json: false },
    maint: { verb: "maint", forMs: 1 },
  };
  const printed = await run(commands[verb] ?? ({ verb } as ControlCommand));
  const err = [expect.stringMatching(/^health-checker: /)];
  expect(printed).toEqual({ out: [], err, ok: false, ...(verb === "status" && { cannotTell: true }) });
  expect((printed as { err: string[] }).err[0]?.replace("health-checker: ", "")).toMatch(line);
});

const statusWith = (given: object) => ({ ...HEALTHY, ...given });
const CHECK = checkStatus("a");
const MAINTENANCE = { since: "2026-01-31T12:00:00.000Z", until: "2026-01-31T12:10:00.000Z" };
const IN_SERVICE = { saved: true, stopping: false };

test.each([
  ["status", statusWith({ pid: "\x1b[2J" })],
  ["status", statusWith({ startedAt: "today" })],
  ["status", statusWith({ state: "fine" })],
  ["status", statusWith({ drain: {} })],
  ["status", statusWith({ maintenance: 5 })],
  ["status", statusWith({ maintenance: { ...MAINTENANCE, until: "soon" } })],
  ["status", statusWith({ maintenance: { ...MAINTENANCE, reason: {} } })],
  ["status", statusWith({ lastReload: {} })],
  ["status", statusWith({ reloading: { since: "soon", dryRun: false } })],
  ["status", statusWith({ lastReload: { ...TAKEN, at: 5 } })],
  ["status", statusWith({ checks: [{ ...CHECK, status: "\x1b[2Jup" }] })],
  ["status", statusWith({ checks: [{ ...CHECK, severity: "fatal" }] })],
  ["status", statusWith({ checks: [{ ...CHECK, forSeconds: "long" }] })],
  ["status", statusWith({ checks: [{ ...CHECK, reason: "exit", message: "m", output: 5 }] })],
  ["status", statusWith({ checks: [{ ...CHECK, detail: [] }] })],
  ["reload", { ...TAKEN, kept: "\x1b[2J" }],
  ["reload", { taken: true, problems: [], warnings: [] }],
  ["reload", { ...TAKEN, changed: 2 }],
  ["drain", { saved: true, stopping: false, drain: 5 }],
  ["drain", { saved: false, stopping: false }],
  ["drain", { saved: true }],
  ["undrain", { ...IN_SERVICE, ended: null }],
  ["undrain", { ...IN_SERVICE, ended: { drain: { since: 5 } } }],
  ["undrain", IN_SERVICE],
] as const)("an incomplete answer to %s is refused: %j", async (verb, answer) => {
  await using _server = await pretend(http("200 OK", JSON.stringify(answer)), true);
  const command = verb === "status" ? { verb, json: false } : verb === "reload" ? RELOAD : { verb };
  const line = "SOCKET: unexpected answer; the daemon may have another version";
  expect(await run(command)).toEqual(verb === "status" ? unknown(line) : failure(line));
});

test("a field that this version does not know is accepted, and JSON holds no control character", async () => {
  const name = "\u202e\u009b2J\x7f";
  const answer = statusWith({ news: 1, checks: [{ ...CHECK, name, status: "up", more: {} }] });
  await using _server = await pretend(http("200 OK", JSON.stringify(answer)), true);
  const { out } = (await run({ verb: "status", json: true })) as { out: string[] };
  expect(out[0]).toContain('"\\u202e\\u009b2J\\u007f"');
  expect(JSON.parse(out[0] ?? "")).toEqual({ ...answer, at: "T.500Z", startedAt: "T.000Z" });
});

test("an answer without end is cut at 64 MiB", async () => {
  const chunk = "x".repeat(1024 * 1024);
  const server = Bun.serve({
    unix: socket,
    fetch: () =>
      new Response(
        new ReadableStream({
          pull(stream) {
            stream.enqueue(chunk);
          },
        }),
      ),
  });
  try {
    expect(await run({ verb: "status", json: true })).toEqual(
      unknown(
        "SOCKET: unexpected answer; the process behind this socket is not a health-checker daemon (it is too long)",
      ),
    );
  } finally {
    await server.stop(true);
  }
}, 60_000);

test("on Windows the line says that control sockets are not supported", async () => {
  expect(await askControl(socket, { method: "GET", route: "/status" }, 1000, "win32")).toEqual({
    error: "control sockets are not supported on Windows",
  });
});
