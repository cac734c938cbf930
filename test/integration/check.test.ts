// `check` of the compiled binary, against real services: it tells the truth, ends in
// time by its exit status, and leaves nothing behind.

import { expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { type Child, type ChildOptions, startChild } from "../support/child.ts";
import { freePort, fullBacklog, listener } from "../support/listeners.ts";
import { processesRunning } from "../support/processes.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const start = async (args: readonly string[], options: ChildOptions = {}): Promise<Child> =>
  startChild([await binary(), "check", ...args], options);

/** Runs it to its end. */
async function check(args: readonly string[], options: ChildOptions = {}) {
  const started = performance.now();
  await using child = await start(args, options);
  const exitCode = await child.exited;
  const ms = performance.now() - started;
  return { exitCode, ms, out: await whole(child.out), err: await whole(child.err) };
}

/** The lines of a stream whose writer has ended, once the last has come. */
async function whole(lines: readonly string[]): Promise<readonly string[]> {
  let before = -1;
  await until(() => {
    const same = before === lines.length;
    before = lines.length;
    return same;
  });
  return lines;
}

const configIn = (folder: TempFolder, config: unknown) => folder.write("hc.yaml", JSON.stringify(config));

let sleeps = 0;
const uniqueSleep = (): string => `sleep 40.${process.pid}${++sleeps}`;

const allGone = (command: string): Promise<unknown> =>
  until(() => processesRunning(command).length === 0, 2000, `every "${command}" to be gone`);

test("what is up, down and hung is told as such, each in its own time", async () => {
  await using up = await listener();
  await using hung = await fullBacklog();
  const down = await freePort();
  await using folder = await tempFolder();
  const sleep = uniqueSleep();
  const config = await configIn(folder, {
    defaults: { timeout: "400ms" },
    checks: [
      { name: "up", tcp: up.port },
      { name: "down", tcp: down },
      { name: "hung", tcp: hung.port },
      { name: "sleeps", script: sleep, timeout: "600ms" },
      { name: "only-warns", script: "false", severity: "warning" },
    ],
  });
  const { exitCode, out, err } = await check(["--config", config, "--json"]);
  expect({ exitCode, err }).toEqual({ exitCode: 1, err: [] });
  expect(out).toHaveLength(1);
  const { healthy, checks } = JSON.parse(out[0] ?? "");
  expect(healthy).toBe(false);
  expect(checks).toMatchObject([
    { name: "up", kind: "tcp", target: `127.0.0.1:${up.port}`, severity: "critical", ok: true },
    { name: "down", ok: false, reason: "refused" },
    { name: "hung", ok: false, reason: "timeout" },
    { name: "sleeps", kind: "script", ok: false, reason: "timeout" },
    { name: "only-warns", severity: "warning", ok: false, reason: "exit" },
  ]);
  expect(checks[2].seconds).toBeGreaterThanOrEqual(0.399);
  await allGone(sleep);

  const table = (await check(["--config", config])).out;
  expect(table).toEqual(table.map((line) => Bun.stripANSI(line)));
  expect(table.at(-1)).toBe("unhealthy, 1 of 5 up: down (refused), hung (timeout), sleeps (timeout)");
}, 30_000);

test("a healthy host is exit status 0, whatever only warns, and a mistake is 2 with nothing on stdout", async () => {
  await using up = await listener();
  expect(await check(["--port", String(up.port), "--script", "true"])).toMatchObject({ exitCode: 0, err: [] });
  const refused = await check(["--port", "0", "--wait", "5m"]);
  expect(refused).toMatchObject({ exitCode: 2, out: [] });
  expect(refused.err.at(-1)).toBe("Try 'health-checker --help'.");
});

test("it listens on nothing: the daemon's own port may be taken", async () => {
  await using taken = await listener();
  const args = ["--listener", `127.0.0.1:${taken.port}`, "--port", String(taken.port)];
  expect(await check(args)).toMatchObject({ exitCode: 0 });
});

test("--deadline cuts the round, and that of the background does not", async () => {
  const sleep = uniqueSleep();
  const cut = await check(["--script", sleep, "--script-timeout", "30", "--deadline", "300ms", "--json"]);
  expect(cut.exitCode).toBe(1);
  expect(JSON.parse(cut.out[0] ?? "").checks).toMatchObject([{ ok: false, reason: "deadline" }]);
  await allGone(sleep);

  const slow = ["--script", "sleep 4.8", "--script-timeout", "30", "--interval", "10s"];
  expect(await check(slow)).toMatchObject({ exitCode: 0 });
}, 30_000);

test("rise and fall count nothing: one run decides", async () => {
  await using up = await listener();
  await using folder = await tempFolder();
  const config = await configIn(folder, {
    interval: "10s",
    defaults: { rise: 5, fall: 5 },
    checks: [{ name: "up", tcp: up.port }],
  });
  expect(await check(["--config", config])).toMatchObject({ exitCode: 0 });
  const down = await configIn(folder, {
    interval: "10s",
    defaults: { rise: 5, fall: 5 },
    checks: [{ name: "down", tcp: await freePort() }],
  });
  expect(await check(["--config", down])).toMatchObject({ exitCode: 1 });
});

test("--wait goes on until the service is up, and says what it waits for once", async () => {
  await using folder = await tempFolder();
  const flag = `${folder.path}/up`;
  const args = ["--script", `test -e ${flag}`, "--script", "true", "--wait", "60s"];
  await using child = await start(args);
  // Two rounds at least, of which the second has nothing new to say.
  const rounds = await folder.write("rounds", "");
  const counted = await start(["--script", `sh -c 'echo x >>${rounds}; test -e ${flag}'`, "--wait", "60s", "--json"]);
  await using _ = counted;
  await until(() => readFileSync(rounds, "utf8").length >= 6, 20_000, "three rounds");
  await until(() => child.err.length > 0);
  expect(child.hasExited() || counted.hasExited()).toBe(false);
  await folder.write("up", "");
  expect(await child.exited).toBe(0);
  expect(await counted.exited).toBe(0);
  expect((await whole(child.out)).at(-1)).toBe("healthy, 2 of 2 up");
  expect(await whole(child.err)).toEqual([
    expect.stringMatching(/^health-checker: not healthy after \w+: script test -e \S+ \(exit\)$/),
  ]);
  // All that a program reads is the one object.
  expect((await whole(counted.out)).map((line) => JSON.parse(line).healthy)).toEqual([true]);
  expect(await whole(counted.err)).toHaveLength(1);
}, 60_000);

test("a line is written when it is down for another reason", async () => {
  await using folder = await tempFolder();
  const script = await folder.write("check.sh", `#!/bin/sh\n[ -e ${folder.path}/kill ] && kill -9 $$\nexit 1\n`, 0o755);
  await using child = await start(["--script", script, "--wait", "60s"]);
  await until(() => child.err.length === 1);
  expect(child.err[0]).toContain("(exit)");
  await folder.write("kill", "");
  await until(() => child.err.length === 2);
  expect(child.err[1]).toContain("(signal)");
});

test("waited in vain: the last round is cut at the end, and the reason is the one that is known", async () => {
  await using folder = await tempFolder();
  const sleep = uniqueSleep();
  // Fails at once, then hangs.
  const script = await folder.write(
    "check.sh",
    `#!/bin/sh\n[ -e ${folder.path}/second ] && exec ${sleep}\ntouch ${folder.path}/second\necho no leader; exit 3\n`,
    0o755,
  );
  const args = ["--script", script, "--script-timeout", "30", "--wait", "2s", "--json"];
  const { exitCode, ms, out } = await check(args);
  expect(exitCode).toBe(1);
  expect(ms).toBeGreaterThanOrEqual(2000);
  expect(JSON.parse(out[0] ?? "").checks).toMatchObject([{ reason: "exit", output: "no leader" }]);
  await allGone(sleep);

  const first = await check(["--script", sleep, "--script-timeout", "30", "--wait", "500ms", "--json"]);
  expect(JSON.parse(first.out[0] ?? "").checks).toMatchObject([{ reason: "deadline" }]);
  await allGone(sleep);
}, 30_000);

for (const [signal, status] of [
  ["SIGTERM", 143],
  ["SIGINT", 130],
  ["SIGHUP", 129],
] as const) {
  for (const more of [[], ["--wait", "60s"]]) {
    test(`${signal} in the middle of ${more.length > 0 ? "a wait" : "a round"} leaves no process, prints nothing and exits ${status}`, async () => {
      await using folder = await tempFolder();
      const sleep = uniqueSleep();
      const script = await folder.write("check.sh", `#!/bin/bash\ntrap '' TERM INT HUP\n${sleep} &\n${sleep}\n`, 0o755);
      await using child = await start(["--script", script, "--script-timeout", "60", ...more]);
      await until(() => processesRunning(sleep).length === 2, 5000, "the script to run");
      child.kill(signal);
      expect(await child.exited).toBe(status);
      await allGone(sleep);
      expect(await whole(child.out)).toEqual([]);
    });
  }
}

test("a signal between two rounds ends the wait", async () => {
  const down = await freePort();
  await using child = await start(["--port", String(down), "--wait", "5m"]);
  await until(() => child.err.length > 0);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(143);
  expect(await whole(child.out)).toEqual([]);
});

test("no secret is shown, whatever goes wrong, on either stream", async () => {
  await using folder = await tempFolder();
  // Says back all that it hears, which is the worst that a server can do.
  await using echo = await listener((socket) => socket.on("data", (data) => socket.end(`ERR ${data}`)));
  const secrets = ["from-a-file-1a2b", "from-env-3c4d", "in-url-5e6f", "in-header-7a8b", "in-script-1e2f"];
  const [inFile, inEnv, inUrl, inHeader, inScript] = secrets;
  const file = await folder.write("secret", `${inFile}\n`);
  const config = await configIn(folder, {
    defaults: { timeout: "1s" },
    checks: [
      { postgres: `postgres://me:${inUrl}@127.0.0.1:${echo.port}/x` },
      { redis: `redis://127.0.0.1:${echo.port}/1`, query: `SET x \${file:${file}}` },
      { http: `http://me:${inUrl}@127.0.0.1:${echo.port}/a`, headers: { "X-Key": inHeader } },
      { http: `http://127.0.0.1:${echo.port}/b`, headers: { Authorization: `Bearer \${env:HC_SECRET}` } },
      { script: ["sh", "-c", "echo $TOKEN; exit 1"], env: { TOKEN: inScript } },
      { script: ["sh", "-c", `echo \${file:${file}}; exit 1`] },
    ],
  });
  for (const more of [[], ["--json"], ["--wait", "1s"]]) {
    const { exitCode, out, err } = await check(["--config", config, ...more], { env: { HC_SECRET: inEnv ?? "" } });
    expect(exitCode).toBe(1);
    const shown = [...out, ...err].join("\n");
    expect(shown).toContain("***");
    for (const secret of secrets)
      expect({ more, secret, shown: shown.includes(secret) }).toMatchObject({ shown: false });
  }
}, 30_000);

test("a reader that goes away changes nothing of the exit status", async () => {
  const checker = await binary();
  for (const [args, status] of [
    ["--script true", "0"],
    ["--script false --wait 1500ms 2>&1", "1"],
  ] as const) {
    await using child = startChild(["bash", "-c", `"${checker}" check ${args} | true; echo "\${PIPESTATUS[0]}"`]);
    expect(await child.exited).toBe(0);
    expect({ args, said: await whole(child.out) }).toEqual({ args, said: [status] });
  }
});

test("a reader that takes nothing can be left by a signal", async () => {
  await using folder = await tempFolder();
  const fifo = `${folder.path}/fifo`;
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(fifo, "w");
  // More than a pipe holds.
  const args = Array.from({ length: 60 }, (_, index) => ["--script", `sh -c 'yes ${index} | head -c 4000; exit 1'`]);
  const checker = Bun.spawn([await binary(), "check", "--json", ...args.flat()], { stdout: writer });
  closeSync(writer);
  try {
    // Throws EAGAIN until it prints; then the rest does not fit.
    await until(() => readSync(reader, new Uint8Array(1)) === 1, 4000, "it to print");
    checker.kill("SIGTERM");
    await until(() => checker.signalCode !== null || checker.exitCode !== null, 2000, "it to end");
    expect(checker.signalCode).toBe("SIGTERM");
  } finally {
    checker.kill("SIGKILL");
    closeSync(reader);
  }
});

test("a script has the name of its check, and nothing of the service manager's", async () => {
  const script = `sh -c 'test "$HEALTH_CHECKER_CHECK" && test -z "$NOTIFY_SOCKET"'`;
  expect(await check(["--script", script], { env: { NOTIFY_SOCKET: "/none" } })).toMatchObject({ exitCode: 0 });
});
