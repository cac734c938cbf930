// What status prints and how it exits, with the control socket of a daemon.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { runStatus, type StatusCommand } from "../../../src/cli/status/run.ts";
import type { Controls } from "../../../src/listeners/control/handler.ts";
import { startControl } from "../../../src/listeners/control/server.ts";
import type { CheckHistory, HostStatus } from "../../../src/status/schema.ts";
import { controlsFor } from "../../support/controls.ts";
import { checkStatus, hostStatus } from "../../support/status.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";

let folder: TempFolder;
let socket: string;
beforeEach(async () => {
  folder = await tempFolder();
  socket = join(folder.path, "control.sock");
});
afterEach(() => folder[Symbol.asyncDispose]());

const ask = (command: Partial<StatusCommand>) =>
  runStatus(socket, { clients: false, format: "table", ...command }, { columns: undefined, colour: false });

async function serve(given: Partial<Controls>): Promise<AsyncDisposable> {
  const controls = controlsFor(given);
  const control = await startControl({ path: socket, controls, log: { error() {} }, onCrowded() {} });
  return {
    async [Symbol.asyncDispose]() {
      await control.close();
      controls.drainControl.close();
    },
  };
}

const DOWN = checkStatus("queue /", { status: "down", reason: "refused", detail: "nobody there", seconds: 0.5 });
const UNHEALTHY = hostStatus({ state: "unhealthy", healthy: false, failing: ["queue /"], checks: [DOWN] });

test.each([
  ["table", /^unhealthy, 0 of 1 up: queue \/ \(refused\)\n/, 1],
  ["json", /^\{"at":.*"state":"unhealthy".*\}$/, 1],
  [
    "nagios",
    /^HEALTH CRITICAL - 0 of 1 up: queue \/ \(refused\) \| 'queue \/'=0.5s;;;0;5\nqueue \/: down, refused: nobody/,
    2,
  ],
  ["prometheus", /^health_checker_healthy 0$/, 0],
] as const)("the status of the host as %s", async (format, out, exit) => {
  await using _ = await serve({ status: async () => UNHEALTHY, metrics: async () => "health_checker_healthy 0\n" });
  expect(await ask({ format })).toEqual({ out: expect.stringMatching(out), err: [], exit });
});

test.each([
  ["table", /^queue \/: down\n/, 1],
  ["json", /^\{"name":"queue \/".*"changes":\[\]\}$/, 1],
  ["nagios", /^HEALTH CRITICAL - queue \/ down, refused: nobody there \| 'queue \/'=0.5s;;;0;5$/, 2],
] as const)("the status of a check as %s", async (format, out, exit) => {
  const history: CheckHistory = { ...DOWN, runs: [], changes: [] };
  await using _ = await serve({ check: async (name) => (name === DOWN.name ? history : { names: [DOWN.name] }) });
  expect(await ask({ check: "queue /", format })).toEqual({ out: expect.stringMatching(out), err: [], exit });
});

test("a check that does not exist is an error of the command line, with the name that was meant", async () => {
  await using _ = await serve({ check: async () => ({ names: ["queue", "disk space"] }) });
  expect(await ask({ check: "dsk space" })).toEqual({
    out: "",
    err: ['health-checker: status: no check is named "dsk space"; did you mean disk space?'],
    exit: 2,
  });
  expect(await ask({ check: "cache", format: "json" })).toMatchObject({
    err: ['health-checker: status: no check is named "cache"; health-checker status lists them'],
    exit: 2,
  });
  expect(await ask({ check: "qeue", format: "nagios" })).toEqual({
    out: 'HEALTH UNKNOWN - status: no check is named "qeue"; did you mean queue?',
    err: [],
    exit: 3,
  });
});

test("the clients, as a table and as JSON", async () => {
  const client = {
    address: "10.0.1.5",
    userAgent: "ELB-HealthChecker/2.0",
    requests: 3,
    lastAt: UNHEALTHY.at,
    codes: {},
    disconnected: 3,
  };
  const status: HostStatus = { ...UNHEALTHY, clients: [client] };
  await using _ = await serve({ status: async () => status });
  expect(JSON.parse((await ask({ clients: true, format: "json" })).out)).toEqual({ clients: [client] });
  expect(await ask({ clients: true })).toMatchObject({ out: expect.stringContaining("10.0.1.5"), exit: 1 });
});

test("without an answer the exit status is 3, and Nagios gets UNKNOWN", async () => {
  const line = `no daemon listens on ${socket}: it is not running, or has no --control-socket or another one`;
  expect(await ask({})).toEqual({ out: "", err: [`health-checker: ${line}`], exit: 3 });
  expect(await ask({ format: "nagios" })).toEqual({ out: `HEALTH UNKNOWN - ${line}`, err: [], exit: 3 });
});
