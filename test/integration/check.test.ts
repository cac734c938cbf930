// `check` of the compiled binary, against real services: it reports the truth, ends in
// time with its exit status, and leaves nothing behind.

import { expect, test } from "bun:test";
import { closeSync, constants, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { type Child, type ChildOptions, startChild } from "../support/child.ts";
import { freePort, fullBacklog, listener } from "../support/listeners.ts";
import { processesRunning } from "../support/processes.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { hasPassed, until } from "../support/until.ts";

const start = async (args: readonly string[], options: ChildOptions = {}): Promise<Child> =>
  startChild([await binary(), "check", ...args], options);

/** Runs it to its end. */
async function check(args: readonly string[], options: ChildOptions = {}) {
  await using child = await start(args, options);
  const [exitCode] = await Promise.all([child.exited, child.ended]);
  return { exitCode, out: child.out, err: child.err };
}

const configIn = (folder: TempFolder, config: unknown) => folder.write("hc.yaml", JSON.stringify(config));

let sleeps = 0;
const uniqueSleep = (): string => `sleep 40.${process.pid}${++sleeps}`;

const allGone = (command: string): Promise<unknown> =>
  until(() => processesRunning(command).length === 0, 10_000, `every "${command}" to be gone`);

test("what is up, down and hung is reported as such, each in its own time", async () => {
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
    { name: "up", kind: "tcp", target: `127.0.0.1:${up.port}`, severity: "critical", status: "up" },
    { name: "down", status: "down", reason: "refused" },
    { name: "hung", status: "down", reason: "timeout", detail: expect.stringContaining("(timeout 400ms)") },
    {
      name: "sleeps",
      kind: "script",
      status: "down",
      reason: "timeout",
      detail: expect.stringContaining("(timeout 600ms)"),
    },
    { name: "only-warns", severity: "warning", status: "down", reason: "exit" },
  ]);
  for (const { seconds } of checks) expect(seconds).toBeNumber();
  await allGone(sleep);

  const table = (await check(["--config", config])).out;
  expect(table).toEqual(table.map((line) => Bun.stripANSI(line)));
  expect(table.at(-1)).toBe(
    "unhealthy, 1 of 5 up: down (refused), hung (timeout), sleeps (timeout); not critical: only-warns (exit)",
  );
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
  expect(JSON.parse(cut.out[0] ?? "").checks).toMatchObject([{ status: "down", reason: "deadline" }]);
  await allGone(sleep);

  // The default of the background, cut down from 4.5 s.
  await using folder = await tempFolder();
  const gate = `#!/bin/sh\n: >${folder.path}/begun\nuntil [ -e ${folder.path}/go ]; do sleep 0.05; done\n`;
  const args = ["--script", await folder.write("gate.sh", gate, 0o755), "--script-timeout", "30", "--interval", "10s"];
  const src = join(import.meta.dir, "../../src");
  const program = `
    import { runChecks } from ${JSON.stringify(join(src, "cli/check/run.ts"))};
    import { loadOptionsFor } from ${JSON.stringify(join(src, "cli/load-options.ts"))};
    import { parse } from ${JSON.stringify(join(src, "cli/parse.ts"))};
    import { OPTIONS } from ${JSON.stringify(join(src, "config/options.ts"))};
    const parsed = await parse(${JSON.stringify(args)}, { options: OPTIONS, commands: async () => [] });
    const options = { ...(await loadOptionsFor(parsed, {})), deadlineMs: 50 };
    const signal = new AbortController().signal;
    const { exit } = await runChecks({ options, format: "table", waitMs: undefined }, { env: process.env, signal });
    process.exit(exit);`;
  await using free = startChild([process.execPath, "-e", program]);
  await until(() => existsSync(`${folder.path}/begun`));
  await until(hasPassed(50));
  await folder.write("go", "");
  expect(await free.exited).toBe(0);
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
  await using json = await start([...args, "--json"]);
  await until(() => child.err.length > 0 && json.err.length > 0);
  expect(child.hasExited() || json.hasExited()).toBe(false);
  await folder.write("up", "");
  expect(await Promise.all([child.exited, json.exited])).toEqual([0, 0]);
  await Promise.all([child.ended, json.ended]);
  expect(child.out.at(-1)).toBe("healthy, 2 of 2 up");
  expect(child.err).toEqual([
    expect.stringMatching(/^health-checker: not healthy after \w+: script test -e \S+ \(exit\)$/),
  ]);
  // All that a program reads is the one object.
  expect(json.out.map((line) => JSON.parse(line).healthy)).toEqual([true]);
  expect(json.err).toHaveLength(1);
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

test("waited in vain: the round is cut at the end, and leaves no process", async () => {
  const sleep = uniqueSleep();
  const { exitCode, out, err } = await check([
    "--script",
    sleep,
    "--script-timeout",
    "30",
    "--wait",
    "500ms",
    "--json",
  ]);
  expect(exitCode).toBe(1);
  expect(err).toEqual([`health-checker: not healthy after 500ms, the limit of --wait: script ${sleep} (deadline)`]);
  expect(JSON.parse(out[0] ?? "").checks).toMatchObject([{ reason: "deadline" }]);
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
      await until(() => processesRunning(sleep).length === 2, 10_000, "the script to run");
      child.kill(signal);
      expect(await child.exited).toBe(status);
      await allGone(sleep);
      await child.ended;
      expect(child.out).toEqual([]);
    });
  }
}

test("a signal between two rounds ends the wait", async () => {
  const down = await freePort();
  await using child = await start(["--port", String(down), "--wait", "5m"]);
  await until(() => child.err.length > 0);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(143);
  await child.ended;
  expect(child.out).toEqual([]);
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
    ["--script false --wait 500ms 2>&1", "1"],
  ] as const) {
    await using child = startChild(["bash", "-c", `"${checker}" check ${args} | true; echo "\${PIPESTATUS[0]}"`]);
    expect(await child.exited).toBe(0);
    await child.ended;
    expect({ args, printed: child.out }).toEqual({ args, printed: [status] });
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
    await until(() => readSync(reader, new Uint8Array(1)) === 1, 10_000, "it to print");
    checker.kill("SIGTERM");
    await until(() => checker.signalCode !== null || checker.exitCode !== null, 10_000, "it to end");
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
