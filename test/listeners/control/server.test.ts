// A real control socket: who may use it, and clients that misbehave.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { lstatSync, readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Controls } from "../../../src/listeners/control/handler.ts";
import { type Control, startControl } from "../../../src/listeners/control/server.ts";
import { ListenError } from "../../../src/listeners/listen.ts";
import type { Clock } from "../../../src/system/clock.ts";
import { fakeClock } from "../../monitor/fakes.ts";
import { askAt } from "../../support/ask.ts";
import { controlsFor, HEALTHY, TAKEN } from "../../support/controls.ts";
import { converse } from "../../support/converse.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

let folder: TempFolder;
let path: string;
const faults: string[] = [];
beforeEach(async () => {
  folder = await tempFolder();
  path = join(folder.path, "control.sock");
  faults.length = 0;
});
afterEach(() => folder[Symbol.asyncDispose]());

async function start(given: Partial<Controls> = {}, clock?: Clock): Promise<Control & AsyncDisposable> {
  const controls = controlsFor(given);
  const log = { error: (message: string) => faults.push(message) };
  const control = await startControl({ path, controls, log, onCrowded, ...(clock && { clock }) });
  return {
    ...control,
    async [Symbol.asyncDispose]() {
      await control.close();
      controls.drainControl.close();
    },
  };
}

const crowded: number[] = [];
const onCrowded = (closed: number) => crowded.push(closed);

const ask = (route: string, init: RequestInit = {}) => askAt(`http://localhost${route}`, { ...init, unix: path });

const expectHealthy = async () => {
  expect(JSON.parse((await ask("/status")).body)).toEqual(HEALTHY);
  expect(faults).toEqual([]);
};

/** A client that does nothing more with its connection. */
async function open(data = ""): Promise<Socket> {
  const socket = connect({ path });
  socket.on("error", () => {});
  await new Promise((connected) => socket.once("connect", connected));
  if (data) socket.write(data);
  return socket;
}

test("the socket is for its owner alone, answers, and is removed at the end", async () => {
  {
    await using _ = await start();
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    await expectHealthy();
    expect((await ask("/maint", { method: "POST", body: '{"forMs":1000}' })).status).toBe(200);
    expect((await ask("/none")).status).toBe(404);
  }
  expect(readdirSync(folder.path)).toEqual([]);
});

test("a socket in use is not touched", async () => {
  await using _ = await start();
  const { ino } = lstatSync(path);
  await expect(start()).rejects.toThrow(
    new ListenError(`cannot listen on unix:${path}: it is in use by another process`),
  );
  expect(lstatSync(path).ino).toBe(ino);
  await expectHealthy();
  expect(readdirSync(folder.path)).toEqual(["control.sock"]);
});

test("a file that is no socket is not touched", async () => {
  await folder.write("control.sock", "a file");
  await expect(start()).rejects.toThrow("the path exists and is not a socket");
  expect(await Bun.file(path).text()).toBe("a file");
});

test("a body of more than 64 KiB is refused, with a length and in chunks", async () => {
  await using _ = await start();
  const large = "x".repeat(64 * 1024 + 1);
  expect((await ask("/maint", { method: "POST", body: large })).status).toBe(413);
  const chunked = await converse(
    { unix: path },
    `POST /maint HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`,
    (answer) => answer.includes("\r\n\r\n"),
  );
  expect(chunked).toMatch(/^HTTP\/1\.1 4(00|08|13) /);
  await expectHealthy();
});

test.each([
  ["nothing but bytes", "\x00\x01\xff\xfe\r\n\r\n"],
  ["words", "status\r\n\r\n"],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["a head without end", `GET /status HTTP/1.1\r\nX: ${"x".repeat(256 * 1024)}`],
  ["a length that is none", "POST /maint HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}"],
])("the server survives %s", async (_, data) => {
  await using _control = await start();
  const socket = await open();
  socket.resume();
  socket.write(Buffer.from(data, "latin1"));
  socket.end();
  await until(() => socket.closed, 20_000, "the connection to be closed");
  await expectHealthy();
});

test("clients that never finish delay neither other clients nor the end", async () => {
  const control = await start({}, fakeClock()); // its time never passes, so no body is late
  const open100 = (data: string) => Promise.all(Array.from({ length: 100 }, () => open(data)));
  const sockets = [
    ...(await open100("")),
    ...(await open100("GET /sta")),
    ...(await open100("POST /maint HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")),
  ];
  try {
    await expectHealthy();
    await control.close();
    expect(readdirSync(folder.path)).toEqual([]);
    for (const socket of sockets) socket.resume();
    await until(() => sockets.every(({ closed }) => closed));
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test("a client that does not send its whole body is answered 408 after five seconds", async () => {
  const fake = fakeClock();
  const waits: number[] = [];
  const clock: Clock = {
    now: fake.now,
    after(ms, then) {
      waits.push(ms);
      return fake.after(ms, then);
    },
  };
  await using _ = await start({}, clock);
  const answered = converse(
    { unix: path },
    "POST /maint HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    (answer) => answer.includes("}"),
    60_000,
  );
  await until(() => waits.length > 0);
  expect(waits).toEqual([5000]);
  await fake.pass(5000);
  const answer = await answered;
  expect(answer).toStartWith("HTTP/1.1 408 ");
  expect(answer).toEndWith('{"error":"the body of the request did not arrive"}');
  await expectHealthy();
});

test("a slow reload is answered with blanks until its report is there", async () => {
  const { promise: reloaded, resolve: finishReload } = Promise.withResolvers<typeof TAKEN>();
  const clock = fakeClock();
  let asked = false;
  const reload = () => {
    asked = true;
    return reloaded;
  };
  await using _ = await start({ reload }, clock);
  const answered = ask("/reload", { method: "POST", body: "{}" });
  await until(() => asked);
  await clock.pass(5000);
  await clock.pass(5000);
  finishReload(TAKEN);
  const { status, body } = await answered;
  expect({ status, report: JSON.parse(body) }).toEqual({ status: 200, report: TAKEN });
  expect(body).toStartWith(" ");
  await expectHealthy();
});

test("a client that disconnects before its answer does no harm", async () => {
  const { promise: asked, resolve: reportAsked } = Promise.withResolvers<void>();
  const { promise: finish, resolve: finishStatus } = Promise.withResolvers<typeof HEALTHY>();
  await using _ = await start({
    status() {
      reportAsked();
      return finish;
    },
  });
  const socket = await open("GET /status HTTP/1.1\r\nHost: x\r\n\r\n");
  await asked;
  socket.destroy();
  finishStatus(HEALTHY);
  await expectHealthy();
});

test("an answer that is being made when the server closes is still sent", async () => {
  const { promise: asked, resolve: reportAsked } = Promise.withResolvers<void>();
  const { promise: finish, resolve: finishStatus } = Promise.withResolvers<typeof HEALTHY>();
  await using control = await start({
    status() {
      reportAsked();
      return finish;
    },
  });
  const answered = ask("/status");
  await asked;
  const closed = control.close();
  finishStatus(HEALTHY);
  expect((await answered).status).toBe(200);
  await closed;
});
