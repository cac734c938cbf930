// The answer to each request of the control socket, without a socket.

import { afterEach, expect, test } from "bun:test";
import { type Controls, createControlHandler } from "../../../src/listeners/control/handler.ts";
import type { DrainAnswer } from "../../../src/listeners/control/messages.ts";
import { fakeClock, settle } from "../../monitor/fakes.ts";
import { controlsFor, HEALTHY, TAKEN } from "../../support/controls.ts";
import { checkStatus } from "../../support/status.ts";
import { tempFolder } from "../../support/temp.ts";

const requestOf = (method: string, url: string, body = "") => ({
  method,
  url,
  readBody: async () => Buffer.from(body),
});

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const faults: unknown[] = [];

function handlerFor(given: Partial<Controls> = {}, directory?: string) {
  const controls = controlsFor(given, directory);
  closing.push(() => controls.drainControl.close());
  const clock = fakeClock();
  const handle = createControlHandler(controls, { error: (...fault) => faults.push(fault) }, clock);
  const ask = async (method: string, path: string, body?: unknown) => {
    const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const { status, headers, body: answer } = await handle(requestOf(method, path, text));
    expect(headers).toMatchObject({ "Content-Type": "application/json", "Cache-Control": "no-store" });
    if (typeof answer !== "string") throw new Error("the answer is in parts");
    return { status, answer: JSON.parse(answer) as unknown };
  };
  return { handle, ask, clock, drainControl: controls.drainControl };
}

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const REASON = "reason: expected a text on one line, of at most 200 characters";
const NOT_SAVED = { saved: false, cause: expect.stringContaining("RUNTIME_DIRECTORY") };

test("the query of a status request is ignored", async () => {
  const { ask } = handlerFor();
  expect(await ask("GET", "/status")).toEqual({ status: 200, answer: HEALTHY });
  expect(await ask("GET", "/status?x=1")).toEqual({ status: 200, answer: HEALTHY });
});

test("a check is named in the path, percent-encoded", async () => {
  const history = { ...checkStatus("disk /"), runs: [], changes: [] };
  const asked: string[] = [];
  const { ask } = handlerFor({
    async check(name) {
      asked.push(name);
      return name === "disk /" ? history : { names: ["disk /", "queue"] };
    },
  });
  expect(await ask("GET", "/checks/disk%20%2F?x=1")).toEqual({ status: 200, answer: history });
  expect(await ask("GET", "/checks/disk")).toEqual({
    status: 404,
    answer: { error: "no check has this name", names: ["disk /", "queue"] },
  });
  expect(await ask("GET", "/checks/NAME")).toMatchObject({ status: 404 });
  expect(await ask("GET", "/checks/")).toMatchObject({ status: 404, answer: { names: ["disk /", "queue"] } });
  expect(asked).toEqual(["disk /", "disk", "NAME", ""]);
  expect(await ask("GET", "/checks/%ff")).toEqual({
    status: 400,
    answer: { error: "expected the name of a check, percent-encoded" },
  });
  expect(await ask("POST", "/checks/queue")).toMatchObject({ status: 405 });
});

test("metrics are a text", async () => {
  const { handle } = handlerFor({ metrics: async () => "health_checker_healthy 1\n" });
  expect(await handle(requestOf("GET", "/metrics"))).toMatchObject({
    status: 200,
    headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" },
    body: "health_checker_healthy 1\n",
  });
});

test("a reload that is taken is 200, one that is refused 422, both with the report", async () => {
  expect(await handlerFor().ask("POST", "/reload")).toEqual({ status: 200, answer: TAKEN });
  const refused = { ...TAKEN, taken: false, problems: ["hc.yaml:1:1: wrong"] };
  expect(await handlerFor({ reload: async () => refused }).ask("POST", "/reload")).toEqual({
    status: 422,
    answer: refused,
  });
});

test("a reload takes force and dryRun in its body, and nothing else", async () => {
  const orders: unknown[] = [];
  const { ask } = handlerFor({
    async reload(order) {
      orders.push(order);
      return TAKEN;
    },
  });
  for (const body of [undefined, "{}", '{"force":true}', '{"dryRun":true,"force":false}'])
    await ask("POST", "/reload", body);
  expect(orders).toEqual([
    { force: false, dryRun: false },
    { force: false, dryRun: false },
    { force: true, dryRun: false },
    { force: false, dryRun: true },
  ]);
  for (const body of ["yes", "[]", '{"force":1}', '{"forse":true}']) {
    expect((await ask("POST", "/reload", body)).status).toBe(400);
  }
  expect(orders).toHaveLength(4);
});

test("a slow reload is answered in parts, so that its client knows that the daemon is alive", async () => {
  const { promise, resolve } = Promise.withResolvers<typeof TAKEN>();
  const { handle, clock } = handlerFor({ reload: () => promise });
  const answering = handle(requestOf("POST", "/reload"));
  await settle();
  await clock.pass(5000);
  const { body } = await answering;
  if (typeof body === "string") throw new Error("the answer is whole");
  const parts = body[Symbol.asyncIterator]();
  const next = async () => (await parts.next()).value;
  for (let count = 0; count < 3; count++) {
    const blank = next();
    await settle();
    await clock.pass(5000);
    expect(await blank).toBe(" ");
  }
  resolve(TAKEN);
  expect(JSON.parse(await next())).toEqual(TAKEN);
  expect(await parts.next()).toEqual({ done: true, value: undefined });
});

test("the answers to drain and undrain say what is in force, what has ended, and whether a restart keeps it", async () => {
  const { ask, drainControl } = handlerFor();
  expect(await ask("POST", "/undrain")).toEqual({
    status: 200,
    answer: { saved: true, stopping: false, ended: {} },
  });
  const drained = { status: 200, answer: { ...NOT_SAVED, stopping: false, drain: { since: TIME } } };
  expect(await ask("POST", "/drain")).toEqual(drained);
  expect(drainControl.current()).toMatchObject({ drain: {} });
  expect(await ask("POST", "/drain")).toEqual(drained);
  expect(await ask("POST", "/undrain")).toEqual({
    status: 200,
    answer: { saved: true, stopping: false, ended: { drain: { since: TIME } } },
  });
  expect(drainControl.current()).toBeUndefined();
  drainControl.stop();
  expect((await ask("POST", "/undrain")).answer).toEqual({ saved: true, stopping: true, ended: {} });
});

test("a drain takes a reason in its body, and nothing else", async () => {
  const { ask, drainControl } = handlerFor();
  expect((await ask("POST", "/drain", { reason: "new kernel" })).answer).toMatchObject({
    drain: { since: TIME, reason: "new kernel" },
  });
  for (const body of [undefined, " ", {}]) {
    expect((await ask("POST", "/drain", body)).answer).toMatchObject({ drain: { reason: "new kernel" } });
  }
  await ask("POST", "/undrain");
  for (const [body, error] of [
    ["now", "expected JSON"],
    [[], "expected an object"],
    [{ why: "x" }, 'expected only reason, got "why"'],
    [{ reason: "" }, REASON],
    [{ reason: 5 }, REASON],
    [{ reason: "a\nb" }, `${REASON} (it holds a character that cannot be shown on one line)`],
  ] as const) {
    expect(await ask("POST", "/drain", body)).toEqual({ status: 400, answer: { error } });
  }
  expect(drainControl.current()).toBeUndefined();
});

test("the answer to a drain that is saved says so", async () => {
  await using folder = await tempFolder();
  const { ask } = handlerFor({}, folder.path);
  expect((await ask("POST", "/drain")).answer).toEqual({
    saved: true,
    stopping: false,
    drain: { since: TIME },
  });
});

test("maintenance is in force for the duration of the request, with its reason", async () => {
  const { ask, drainControl } = handlerFor();
  const { status, answer } = await ask("POST", "/maint", { forMs: 600_000, reason: "disk swap" });
  expect({ status, answer }).toEqual({
    status: 200,
    answer: {
      ...NOT_SAVED,
      stopping: false,
      maintenance: { since: TIME, until: TIME, reason: "disk swap" },
    },
  });
  const { since = "", until = "" } = (answer as DrainAnswer).maintenance ?? {};
  expect(Date.parse(until) - Date.parse(since)).toBe(600_000);
  expect((await ask("POST", "/maint", { forMs: 1000 })).answer).toMatchObject({
    stopping: false,
    maintenance: { since: TIME, until: TIME },
  });
  expect(drainControl.current()?.maintenance).not.toHaveProperty("reason");
  expect(drainControl.current()).toMatchObject({ maintenance: {} });
});

const FOR = "forMs: expected a whole number from 1 to 86400000";

test.each([
  ["", "expected JSON"],
  ["{", "expected JSON"],
  ["[]", "expected an object"],
  ["null", "expected an object"],
  ["7", "expected an object"],
  ["{}", FOR],
  ['{"forMs":0}', FOR],
  ['{"forMs":-1}', FOR],
  ['{"forMs":1.5}', FOR],
  ['{"forMs":86400001}', FOR],
  ['{"forMs":1e999}', FOR],
  ['{"forMs":"600000"}', FOR],
  ['{"forMs":null}', FOR],
  ['{"forMs":1,"for":2}', 'expected only forMs and reason, got "for"'],
  ['{"forMs":1,"__proto__":2}', 'expected only forMs and reason, got "__proto__"'],
  ['{"forMs":1,"\\u001b[2J":2}', 'expected only forMs and reason, got "\\u001b[2J"'],
  ['{"forMs":1,"reason":7}', REASON],
  ['{"forMs":1,"reason":null}', REASON],
  ['{"forMs":1,"reason":" "}', REASON],
  [JSON.stringify({ forMs: 1, reason: "x".repeat(201) }), `${REASON} (it has 201)`],
  [JSON.stringify({ forMs: 1, reason: "a\nb" }), `${REASON} (it holds a character that cannot be shown on one line)`],
  [
    JSON.stringify({ forMs: 1, reason: "\x1b[2J" }),
    `${REASON} (it holds a character that cannot be shown on one line)`,
  ],
  [
    JSON.stringify({ forMs: 1, reason: "\u200fswap" }),
    `${REASON} (it holds a character that cannot be shown on one line)`,
  ],
  ['{"forMs":1,"reason":"\\ud800"}', `${REASON} (it holds a character that cannot be shown on one line)`],
])("maintenance of %s is refused, and nothing is in force", async (body, error) => {
  const { ask, drainControl } = handlerFor();
  expect(await ask("POST", "/maint", body)).toEqual({ status: 400, answer: { error } });
  expect(drainControl.current()).toBeUndefined();
});

test("the longest duration and the longest reason are accepted", async () => {
  const { ask } = handlerFor();
  const { status } = await ask("POST", "/maint", { forMs: 86_400_000, reason: "😀".repeat(200) });
  expect(status).toBe(200);
});

test.each(["/", "/Status", "/status/", "/drain/x", "//status", "/toString", "/%73tatus", "//x:99999999"])(
  "%s is not found",
  async (path) => {
    const { ask, drainControl } = handlerFor();
    for (const method of ["GET", "POST"]) {
      expect(await ask(method, path)).toEqual({
        status: 404,
        answer: { error: "expected one of /status, /checks/NAME, /metrics, /reload, /drain, /undrain, /maint" },
      });
    }
    expect(drainControl.current()).toBeUndefined();
  },
);

test("another method changes nothing", async () => {
  const { handle, ask, drainControl } = handlerFor({ reload: () => Promise.reject(new Error("reloaded")) });
  for (const path of ["/reload", "/drain", "/undrain", "/maint"]) {
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
      expect(await ask(method, path)).toEqual({ status: 405, answer: { error: "expected POST" } });
    }
    expect((await handle(requestOf("GET", path))).headers).toMatchObject({ Allow: "POST" });
  }
  expect(await ask("POST", "/status")).toEqual({ status: 405, answer: { error: "expected GET" } });
  expect(drainControl.current()).toBeUndefined();
});

test("a request for a whole URL is answered", async () => {
  const { ask } = handlerFor();
  expect((await ask("GET", "http://localhost/status?x")).status).toBe(200);
});

test("a body of more than 64 KiB is refused", async () => {
  const { ask, drainControl } = handlerFor();
  const longest = '{"forMs":1000}'.padEnd(64 * 1024);
  expect((await ask("POST", "/maint", `${longest} `)).status).toBe(413);
  expect(drainControl.current()).toBeUndefined();
  expect((await ask("POST", "/maint", longest)).status).toBe(200);
});

test("a body that breaks off is refused", async () => {
  const { handle } = handlerFor({ reload: () => Promise.reject(new Error("reloaded")) });
  const request = { ...requestOf("POST", "/reload"), readBody: async () => undefined };
  expect((await handle(request)).status).toBe(408);
});

test.each([
  ["GET", "/status", "later", { status: () => Promise.reject(new Error("a fault")) }],
  [
    "POST",
    "/reload",
    "at once",
    {
      reload: () => {
        throw new Error("a fault");
      },
    },
  ],
] as const)("an error thrown by %s %s, %s, is 500 and a line in the log", async (method, path, _, given) => {
  faults.length = 0;
  const { ask } = handlerFor(given);
  expect(await ask(method, path)).toEqual({
    status: 500,
    answer: { error: "internal error; see the log of the daemon" },
  });
  expect(faults).toEqual([["internal error; please report it", { error: expect.stringContaining("a fault") }]]);
});
