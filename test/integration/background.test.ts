// Checks in the background, by the running binary: a request runs nothing, waits for
// what is not known yet, and never gets what is too old.

import { expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { startDaemon } from "../support/daemon.ts";
import { freePort, listener } from "../support/listeners.ts";
import { childrenOf, processesRunning, requestsReadAt, statOf } from "../support/processes.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { hasPassed, until } from "../support/until.ts";

const HEALTHY = { status: 200, body: "OK" };
const UNHEALTHY = { status: 504, body: "At least one health check failed" };

const configIn = (folder: TempFolder, content: unknown) => folder.write("config.yaml", JSON.stringify(content));

/** A script that leaves a line in `runs` each time it is run. */
const counting = (folder: TempFolder, then = "exit 0") =>
  folder.write("count.sh", `#!/bin/sh\necho run >>${folder.path}/runs\n${then}\n`, 0o755);

async function runsIn(folder: TempFolder): Promise<number> {
  const file = Bun.file(`${folder.path}/runs`);
  return (await file.exists()) ? (await file.text()).split("\n").length - 1 : 0;
}

test("the first request after the start waits for the truth, and those after it run nothing", async () => {
  await using folder = await tempFolder();
  const script = await counting(folder, `until [ -e ${folder.path}/go ]; do sleep 0.05; done`);
  await using daemon = await startDaemon(["--script", script, "--script-timeout", "10m", "--interval", "1h"]);
  const asked = daemon.ask();
  await until(() => requestsReadAt(daemon.port) === 1);
  await folder.write("go", "");
  const first = await asked;
  expect({ status: first.status, body: first.body }).toEqual(HEALTHY);
  expect(await runsIn(folder)).toBe(1);
  const answers = await Promise.all(Array.from({ length: 500 }, () => daemon.ask()));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(await runsIn(folder)).toBe(1);
});

test("checks run by themselves, each on its own interval, and one without any on request", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const script = await counting(folder);
  const config = await configIn(folder, {
    checks: [
      { name: "often", script: [script], interval: "100ms" },
      { name: "on request", tcp: peer.port },
    ],
  });
  await using daemon = await startDaemon(["--config", config]);
  await until(async () => (await runsIn(folder)) >= 5, 20_000, "five runs");
  expect(daemon.log().filter((line) => line.includes("check is up"))).toHaveLength(1);
  expect((await daemon.ask()).status).toBe(200);
  expect(await daemon.logged(`check is up check="on request"`)).toBeString();
});

test("it takes `fall` failures to go down and `rise` passes to come up, of spawning and of time too", async () => {
  await using folder = await tempFolder();
  const flag = await folder.write("flag", "#!/bin/sh\nexit 0\n", 0o755);
  const config = await configIn(folder, {
    interval: "100ms",
    defaults: { timeout: "5s" },
    checks: [{ name: "it", script: [flag], rise: 3, fall: 3 }],
  });
  await using daemon = await startDaemon(["--config", config, "--log-level", "debug"]);
  expect((await daemon.ask()).status).toBe(200); // the first result counts at once
  const results = () => daemon.log().filter((line) => line.includes("DEBUG result check=it"));
  const untilStatus = (status: number) =>
    until(async () => (await daemon.ask()).status === status, 20_000, `status ${status}`);

  await rm(flag);
  await untilStatus(504);
  const downLine = await daemon.logged("check is down check=it");
  expect(downLine).toContain("reason=spawn");
  const untilDown = daemon.log().slice(0, daemon.log().indexOf(downLine));
  const failures = untilDown.filter((line) => line.includes("result check=it up=false")).length;
  expect(failures).toBe(3);

  const before = results().length;
  await folder.write("flag", "#!/bin/sh\nexit 0\n", 0o755);
  await untilStatus(200);
  const passes = results()
    .slice(before)
    .filter((line) => line.includes("up=true")).length;
  expect(passes).toBeGreaterThanOrEqual(3);
}, 60_000);

test("a check that hangs for ever delays no other, and is answered for at the deadline", async () => {
  await using folder = await tempFolder();
  const script = await counting(folder);
  const hang = `sleep 7${process.pid}`;
  const config = await configIn(folder, {
    interval: "100ms",
    deadline: "700ms",
    checks: [
      { name: "hangs", script: hang, timeout: "60s" },
      { name: "runs", script: [script] },
    ],
    endpoints: { "/runs": ["runs"] },
  });
  await using daemon = await startDaemon(["--config", config]);
  expect((await daemon.ask()).status).toBe(504);
  expect(await daemon.logged("host is unhealthy")).toEndWith("failing=hangs");
  expect(await daemon.logged("check result is stale")).toContain("check=hangs reason=stale");
  await until(async () => (await runsIn(folder)) >= 5, 20_000, "five runs of the other");
  expect((await daemon.ask("/runs")).status).toBe(200);
  expect(processesRunning(hang)).toHaveLength(1); // never two runs of one check
  expect(await daemon.stop()).toBe(0);
  expect(processesRunning(hang)).toHaveLength(0);
}, 60_000);

test("a host that was stopped wakes to results that are too old, and answers with new ones", async () => {
  await using folder = await tempFolder();
  const flag = await folder.write("flag", "");
  const config = await configIn(folder, {
    interval: "100ms",
    defaults: { timeout: "500ms", fall: 100 },
    checks: [{ name: "flag", script: ["test", "-e", flag], "stale-after": "700ms" }],
  });
  await using daemon = await startDaemon(["--config", config]);
  await until(async () => (await daemon.ask()).status === 200);
  // Stopped between two runs: one that had begun has seen the flag, and may still say so.
  await until(async () => {
    process.kill(daemon.pid, "SIGSTOP");
    await until(() => statOf(daemon.pid)?.state === "T");
    if (childrenOf(daemon.pid).length === 0) return true;
    process.kill(daemon.pid, "SIGCONT");
    return false;
  });
  await rm(flag);
  await until(hasPassed(700)); // and with it the time for which a result counts
  process.kill(daemon.pid, "SIGCONT");
  // With fall: 100 a result that is fresh would have left it up.
  const { status, body } = await daemon.ask();
  expect({ status, body }).toEqual(UNHEALTHY);
}, 60_000);

test("on request a check that has not ended at the deadline has failed, and runs on to its timeout", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const hang = `sleep 8${process.pid}`;
  const config = await configIn(folder, {
    deadline: "400ms",
    checks: [
      { name: "up", tcp: peer.port },
      { name: "hangs", script: hang, timeout: "10m" },
      { name: "soon", script: `sleep 9${process.pid}`, timeout: "800ms", severity: "endpoint" },
    ],
    endpoints: { "/soon": ["soon"] },
  });
  await using daemon = await startDaemon(["--config", config]);
  expect((await daemon.ask("/soon")).status).toBe(504);
  expect(await daemon.logged("check is down check=soon")).toContain("reason=timeout");
  expect((await daemon.ask()).status).toBe(504);
  expect(await daemon.logged("check is up")).toContain("check=up");
  const [pid = 0] = processesRunning(hang);
  process.kill(pid, "SIGKILL");
  expect(await daemon.logged("check is down check=hangs")).toContain("reason=signal");
  await until(() => childrenOf(daemon.pid).length === 0, 10_000, "the script to be reaped");
});

test("a check of severity warning decides the endpoints that name it, and never the host", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const nobody = await freePort();
  const config = await configIn(folder, {
    checks: [{ tcp: peer.port }, { name: "shared", tcp: nobody, severity: "warning" }],
    endpoints: { "/shared": ["shared"] },
  });
  for (const options of [[], ["--interval", "200ms"]]) {
    await using daemon = await startDaemon(["--config", config, ...options]);
    expect((await daemon.ask()).status).toBe(200);
    expect((await daemon.ask("/shared?x")).status).toBe(504);
    expect(await daemon.logged("check is down check=shared")).toContain("reason=refused");
    expect(daemon.log().filter((line) => line.includes("configuration warning"))).toEqual([]);
  }
});

test("passwords, headers and what is sent are nowhere in the log, whatever goes wrong", async () => {
  await using folder = await tempFolder();
  // Says back all that it hears, which is the worst that a server can do.
  await using echo = await listener((socket) => socket.on("data", (data) => socket.end(`ERR ${data}`)));
  const nobody = await freePort();
  const secrets = [
    "from-a-file-1a2b",
    "from-env-3c4d",
    "in-url-5e6f",
    "in-header-7a8b",
    "in-send-9c0d",
    "in-script-1e2f",
    "in-words-3a4b",
  ];
  const [inFile, inEnv, inUrl, inHeader, inSend, inScript, inWords] = secrets;
  const file = await folder.write("secret", `${inFile}\n`);
  const ports = [echo.port, nobody];
  const config = await configIn(folder, {
    interval: "200ms",
    defaults: { timeout: "1s" },
    checks: [
      ...ports.flatMap((port) => [
        { postgres: `postgres://me:${inUrl}@127.0.0.1:${port}/x` },
        { postgres: `postgres://me@127.0.0.1:${port}/y`, password: `\${file:${file}}` },
        { mysql: `mysql://me@127.0.0.1:${port}/x`, password: `\${env:HC_SECRET}` },
        { redis: `redis://:${inUrl}@127.0.0.1:${port}` },
        { redis: `redis://127.0.0.1:${port}/1`, query: `SET x \${file:${file}}` },
        { http: `http://me:${inUrl}@127.0.0.1:${port}/a`, headers: { "X-Key": inHeader } },
        { http: `http://127.0.0.1:${port}/b`, headers: { Authorization: `Bearer \${env:HC_SECRET}` } },
        { tcp: port, send: inSend, expect: "never" },
      ]),
      { script: ["sh", "-c", "echo $TOKEN; exit 1"], env: { TOKEN: `${inScript}` } },
      { script: ["sh", "-c", `echo \${file:${file}}; exit 1`] },
      { script: ["sh", "-c", "echo $1 | tee /dev/stderr; exit 1", "--password", inWords] },
    ],
  });
  await using daemon = await startDaemon(["--config", config, "--log-level", "debug"], {
    env: { HC_SECRET: `${inEnv}` },
  });
  await until(
    () => daemon.log().filter((line) => line.includes("check is down")).length === 19,
    20_000,
    "all to be down",
  );
  const log = daemon.log().join("\n");
  for (const secret of secrets) expect({ secret, shown: log.includes(secret) }).toEqual({ secret, shown: false });
  expect(log).not.toContain("internal");
}, 60_000);
