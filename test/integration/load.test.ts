// Floods, want of resources, stops and stalls: the answer stays the truth.

import { expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { connect } from "node:net";
import { binary } from "../support/binary.ts";
import { startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import {
  childrenOf,
  descriptorsOf,
  isAlive,
  memoryOf,
  processesRunning,
  requestsReadAt,
  statOf,
} from "../support/processes.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { hasPassed, until } from "../support/until.ts";

/** A script that counts its runs, each of which passes once the gate is open. None outlives a daemon that was killed. */
async function gatedScript(folder: TempFolder) {
  const gate = `${folder.path}/open`;
  const runs = await folder.write("runs", "");
  const source = `#!/bin/sh\necho run >>${runs}\nuntil [ -e ${gate} ]; do kill -0 $PPID && sleep 0.05 || exit; done\n`;
  return {
    path: await folder.write("gated.sh", source, 0o755),
    runs: async () => (await Bun.file(runs).text()).split("\n").length - 1,
    open: () => folder.write("open", ""),
    close: () => rm(gate),
  };
}

/** Asks so many times at once, each on a connection of its own, and resolves with the statuses. */
const askTimes = (port: number, count: number): Promise<readonly string[]> =>
  Promise.all(Array.from({ length: count }, () => statusOf(port)));

const statusOf = (port: number): Promise<string> =>
  new Promise((done, fail) => {
    let said = "";
    const client = connect(port, "127.0.0.1").on("error", fail);
    client.on("data", (data) => {
      said += data;
    });
    client.on("close", () => done(said.slice(9, 12)));
    client.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  });

test("ten requests at once are ten rounds; with single flight they are one", async () => {
  await using folder = await tempFolder();
  const gate = await gatedScript(folder);
  for (const [options, rounds] of [
    [[], 10],
    [["--singleflight"], 1],
  ] as const) {
    await using daemon = await startDaemon(["--script", gate.path, "--script-timeout", "10m", ...options]);
    const before = await gate.runs();
    const answers = askTimes(daemon.port, 10);
    await until(() => requestsReadAt(daemon.port) === 10);
    await gate.open();
    expect(await answers).toEqual(Array(10).fill("200"));
    expect((await gate.runs()) - before).toBe(rounds);
    await gate.close();
  }
});

test("2,000 requests at once: all are answered, at most 16 scripts run at a time, memory comes back", async () => {
  await using folder = await tempFolder();
  const gate = await gatedScript(folder);
  await using daemon = await startDaemon(["--script", gate.path, "--script-timeout", "10m"]);
  const answers = askTimes(daemon.port, 2000);
  await until(() => requestsReadAt(daemon.port) === 2000, 30_000, "2,000 requests to be read");
  expect(childrenOf(daemon.pid).length).toBeWithin(2, 16 + 1);
  await gate.open();
  expect((await answers).filter((status) => status === "200")).toHaveLength(2000);
  // Those that found no place have shared one round.
  expect(await gate.runs()).toBeWithin(2, 17 + 1);
  expect(memoryOf(daemon.pid, "peak")).toBeLessThan(120);
  await until(() => memoryOf(daemon.pid) < 70, 20_000, "its memory to come back under 70 MB");
}, 60_000);

test("stopped for longer than its timeouts in the middle of a round, it looks at what has arrived before it answers", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const stopsOnce = `#!/bin/sh\nmkdir ${folder.path}/stopped 2>/dev/null && kill -s STOP $PPID\nexit 0\n`;
  const script = await folder.write("stop.sh", stopsOnce, 0o755);
  await using daemon = await startDaemon([
    ...["--script", script, "--port", `${peer.port}`, "--script-timeout", "1", "--port-timeout", "1"],
    ...["--deadline", "10m"],
  ]);
  const asked = [daemon.ask()];
  await until(() => statOf(daemon.pid)?.state === "T" && !childrenOf(daemon.pid).some(isAlive));
  asked.push(...Array.from({ length: 4 }, () => daemon.ask()));
  await until(hasPassed(1000));
  process.kill(daemon.pid, "SIGCONT");
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
}, 30_000);

test("out of descriptors it still answers the truth to whom it has accepted", async () => {
  await using peer = await listener();
  await using daemon = await startDaemon(["--port", `${peer.port}`, "--script", "true"]);
  const limit = Bun.spawnSync(["prlimit", "--pid", `${daemon.pid}`, "--nofile=96:96"]);
  expect(limit.exitCode).toBe(0);
  const clients = Array.from({ length: 200 }, () => connect(daemon.port, "127.0.0.1").on("error", () => {}));
  try {
    const answers: string[] = [];
    for (const client of clients) {
      client.on("data", (data) => answers.push(String(data).slice(9, 12)));
      client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    await until(() => answers.length >= 60, 15_000, "60 clients to be answered");
    // The reserve is let go for a moment at each probe, so one look may find a few less.
    await until(() => descriptorsOf(daemon.pid) >= 80, 15_000, "its descriptors to be used up");
    expect(new Set(answers)).toEqual(new Set(["200"]));
  } finally {
    for (const client of clients) client.destroy();
  }
  expect((await daemon.ask()).status).toBe(200);
}, 30_000);

const uniqueSleep = `sleep 60.${process.pid}`;

for (const [what, then] of [
  ["stops", `exec ${uniqueSleep}`],
  ["goes away", "exit 0"],
] as const) {
  test(`a reader of the log that ${what} changes nothing`, async () => {
    await using peer = await listener();
    // The daemon's stdout is a pipe to a reader of its own, that takes the first line.
    const pipe = `exec "$@" > >(IFS= read -r line; echo "$line"; ${then})`;
    await using daemon = await startDaemon(["--port", `${peer.port}`, "--log-level", "debug"], {
      command: ["bash", "-c", pipe, "-", await binary()],
    });
    let answered = 0;
    for (let batch = 0; batch < 200; batch++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => daemon.ask()));
      answered += answers.filter(({ status }) => status === 200).length;
    }
    expect(answered).toBe(4000);
    expect(memoryOf(daemon.pid)).toBeLessThan(100);
    expect(await daemon.stop()).toBe(0);
    for (const pid of processesRunning(uniqueSleep)) process.kill(pid, "SIGKILL");
  }, 60_000);
}

test("nothing is left open and nothing grows after 100,000 requests", async () => {
  await using peer = await listener();
  await using daemon = await startDaemon(["--port", `${peer.port}`, "--script", "true", "--singleflight"]);
  await daemon.ask(); // opens what is opened once
  const descriptors = descriptorsOf(daemon.pid);
  await hammer(daemon.port, 20_000);
  await until(() => childrenOf(daemon.pid).length === 0, 30_000, "its scripts to end");
  const memory = memoryOf(daemon.pid);
  await hammer(daemon.port, 80_000);
  await until(() => childrenOf(daemon.pid).length === 0, 30_000, "its scripts to end");
  await until(() => descriptorsOf(daemon.pid) <= descriptors, 30_000, "its descriptors to be closed");
  expect(memoryOf(daemon.pid)).toBeLessThan(memory + 15);
}, 180_000);

/** Asks `requests` times over a hundred connections that are kept, each answered with OK, and closes them. */
async function hammer(port: number, requests: number): Promise<void> {
  const connections = 100;
  const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const one = () =>
    new Promise<void>((done, fail) => {
      let left = requests / connections;
      let said = "";
      const client = connect(port, "127.0.0.1", () => client.write(request));
      client.on("error", fail);
      client.on("close", () => fail(new Error(`closed with ${left} requests left`)));
      client.on("data", (data) => {
        said += data;
        if (!said.endsWith("\r\n\r\nOK")) return;
        said = "";
        left--;
        if (left > 0) return client.write(request);
        done();
        client.destroy();
      });
    });
  await Promise.all(Array.from({ length: connections }, one));
}
