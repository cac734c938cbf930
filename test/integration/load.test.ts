// Floods, want of resources, stops and stalls: the answer stays the truth.

import { expect, test } from "bun:test";
import { connect } from "node:net";
import { binary } from "../support/binary.ts";
import { startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import { childrenOf, descriptorsOf, memoryOf, processesRunning } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

test("ten requests at once are ten rounds; with single flight they are one", async () => {
  await using folder = await tempFolder();
  const script = await folder.write("count.sh", `#!/bin/sh\necho run >>${folder.path}/runs\nsleep 0.5\n`, 0o755);
  const runs = async () => (await Bun.file(`${folder.path}/runs`).text()).split("\n").length - 1;
  await using apart = await startDaemon(["--script", script]);
  await Promise.all(Array.from({ length: 10 }, () => apart.ask()));
  expect(await runs()).toBe(10);
  await using together = await startDaemon(["--script", script, "--singleflight"]);
  await Promise.all(Array.from({ length: 10 }, () => together.ask()));
  expect(await runs()).toBeLessThan(10 + 4); // one, unless the burst took longer than the round
});

test("2,000 requests at once: all are answered, at most 16 scripts run at a time, memory comes back", async () => {
  await using daemon = await startDaemon(["--script", "sleep 0.2"]);
  let most = 0;
  let over = false;
  const watching = (async () => {
    while (!over) {
      most = Math.max(most, childrenOf(daemon.pid).length);
      await Bun.sleep(5);
    }
  })();
  const start = performance.now();
  const answers = await Promise.all(Array.from({ length: 2000 }, () => daemon.ask()));
  const seconds = (performance.now() - start) / 1000;
  over = true;
  await watching;
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(2000);
  expect(seconds).toBeLessThan(12); // 2 s alone
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(16);
  expect(memoryOf(daemon.pid, "peak")).toBeLessThan(120);
  await until(() => memoryOf(daemon.pid) < 70, 20_000, "its memory to come back under 70 MB");
}, 60_000);

test("stopped for longer than its timeouts in the middle of rounds, it looks at what has arrived before it answers", async () => {
  await using peer = await listener();
  await using daemon = await startDaemon([
    "--script",
    "sleep 1",
    "--port",
    `${peer.port}`,
    "--script-timeout",
    "2",
    "--port-timeout",
    "1",
  ]);
  const asked = Array.from({ length: 5 }, () => daemon.ask());
  await until(() => childrenOf(daemon.pid).length === 5, 5000, "the scripts to run");
  process.kill(daemon.pid, "SIGSTOP");
  await Bun.sleep(3000); // the stop itself, longer than every timeout
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
  await until(() => childrenOf(daemon.pid).length === 0, 5000, "its scripts to end");
  const memory = memoryOf(daemon.pid);
  await hammer(daemon.port, 80_000);
  await until(() => childrenOf(daemon.pid).length === 0, 5000, "its scripts to end");
  await until(() => descriptorsOf(daemon.pid) <= descriptors, 5000, "its descriptors to be closed");
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
