// SIGTERM with --drain-delay: unhealthy at once, and served to the end of the delay.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { runCommand } from "../support/command.ts";
import { startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import { startReceiver } from "../support/receiver.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const DRAINING = { status: 503, body: "Draining" };

const answerOf = async (ask: Promise<{ status: number; body: string }>) => {
  const { status, body } = await ask;
  return { status, body };
};

test("SIGTERM answers unhealthy at once and serves on for the delay, then ends; the watchdog is fed", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  await using peer = await listener();
  const options = ["--port", `${peer.port}`, "--failure-status", "503", "--interval", "10s"];
  await using daemon = await startDaemon([...options, "--drain-delay", "10m"], {
    env: { NOTIFY_SOCKET: receiver.socket, WATCHDOG_USEC: "200000" },
  });
  expect((await daemon.ask()).status).toBe(200);
  const exited = daemon.stop("SIGTERM");
  await daemon.logged("INFO draining for=10m");
  const stopping = await receiver.received("STOPPING=1");
  expect(stopping.text).toBe("STOPPING=1\nSTATUS=draining for 10m, then stopping");
  const drained = async () => {
    for (const path of ["/", "/x"]) expect(await answerOf(daemon.ask(path))).toEqual(DRAINING);
  };
  await drained();

  // One with a shorter delay was told later and has ended by then.
  await using other = await startDaemon([...options, "--drain-delay", "300ms"]);
  expect((await other.ask()).status).toBe(200);
  const ended = other.stop("SIGTERM");
  await other.logged("INFO draining for=300ms");
  await other.logged("INFO stopped");
  expect(await ended).toBe(0);

  const beats = () => receiver.notices().filter(({ at, text }) => text === "WATCHDOG=1" && at > stopping.at).length;
  const before = beats();
  await until(() => beats() > before + 2); // or the watchdog would end the drain
  await drained();
  process.kill(daemon.pid, "SIGTERM");
  expect(await exited).toBe(0);
}, 30_000);

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s, a second signal, cuts the delay short; running rounds still end",
  async (second) => {
    await using peer = await listener();
    await using daemon = await startDaemon(["--port", `${peer.port}`, "--drain-delay", "10m"]);
    expect((await daemon.ask()).status).toBe(200);
    const exited = daemon.stop("SIGTERM");
    await daemon.logged("draining for=10m");
    process.kill(daemon.pid, second);
    expect(await exited).toBe(0);
    await daemon.logged("INFO stopped");
  },
  30_000,
);

test("a third ends at once what a round holds up", async () => {
  await using daemon = await startDaemon(["--script", "sleep 600", "--script-timeout", "10m", "--drain-delay", "10m"]);
  const asked = daemon.ask().catch((error) => error);
  await until(async () => (await Bun.$`pgrep -P ${daemon.pid} sleep`.nothrow().text()) !== "");
  const exited = daemon.stop("SIGTERM");
  await daemon.logged("draining for=10m");
  process.kill(daemon.pid, "SIGTERM");
  await until(
    () =>
      daemon.ask().then(
        () => false,
        () => true,
      ),
    10_000,
    "nobody to be let in any more",
  );
  process.kill(daemon.pid, "SIGTERM");
  expect(await exited).toBe(143);
  expect(await asked).toBeInstanceOf(Error);
}, 30_000);

test("SIGINT never drains, nor does SIGTERM without a delay: who waits gets the truth", async () => {
  await using folder = await tempFolder();
  for (const [signal, delay] of [
    ["SIGINT", "10m"],
    ["SIGTERM", "0"],
  ] as const) {
    const go = `${folder.path}/go-${signal}`;
    const script = await folder.write(
      `wait-${signal}.sh`,
      `#!/bin/sh\nuntil [ -e ${go} ]; do sleep 0.05; done\n`,
      0o755,
    );
    await using daemon = await startDaemon(["--script", script, "--script-timeout", "60s", "--drain-delay", delay]);
    const asked = daemon.ask();
    await until(async () => (await Bun.$`pgrep -P ${daemon.pid}`.nothrow().text()) !== "");
    const exited = daemon.stop(signal);
    await daemon.logged(`stopping signal=${signal}`);
    await Bun.write(go, "");
    expect(await answerOf(asked)).toEqual({ status: 200, body: "OK" });
    expect(await exited).toBe(0);
    expect(daemon.log().join("\n")).not.toContain("draining");
  }
}, 60_000);

test("a drain answers for who waits, not by what his round finds", async () => {
  await using folder = await tempFolder();
  const script = await folder.write(
    "wait.sh",
    `#!/bin/sh\nuntil [ -e ${folder.path}/go ]; do sleep 0.05; done\n`,
    0o755,
  );
  await using daemon = await startDaemon([
    ...["--script", script, "--script-timeout", "60s", "--drain-delay", "10m", "--failure-status", "503"],
  ]);
  const asked = daemon.ask();
  await until(async () => (await Bun.$`pgrep -P ${daemon.pid}`.nothrow().text()) !== "");
  const exited = daemon.stop("SIGTERM");
  await daemon.logged("draining");
  await Bun.write(`${folder.path}/go`, "");
  expect(await answerOf(asked)).toEqual(DRAINING);
  process.kill(daemon.pid, "SIGTERM");
  expect(await exited).toBe(0);
}, 30_000);

test("after a restart a drained host is not called healthy, and its reason is still known", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const socket = join(folder.path, "control.sock");
  const start = () =>
    startDaemon([
      ...["--port", `${peer.port}`, "--interval", "10s", "--control-socket", socket],
      ...["--state-directory", folder.path],
    ]);
  {
    await using daemon = await start();
    await daemon.logged("INFO host is healthy");
    const drained = await runCommand(["drain", "--reason", "new kernel", "--control-socket", socket]);
    expect(drained).toMatchObject({ status: 0, err: [] });
    expect(drained.out).toMatch(/^drained since \S+: new kernel\n/);
    await daemon.logged('WARNING host is drained reason="new kernel"');
    expect(await daemon.stop()).toBe(0);
  }
  await using daemon = await start();
  await daemon.logged(/WARNING drain restored after a restart since=\S+ reason="new kernel"$/);
  await daemon.logged("INFO checks pass; host is drained or in maintenance");
  expect(daemon.log().join("\n")).not.toContain("host is healthy");
  const { out, status } = await runCommand(["status", "--json", "--control-socket", socket]);
  expect(status).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ healthy: false, state: "drained", drain: { reason: "new kernel" } });
}, 30_000);
