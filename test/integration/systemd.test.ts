// What the running binary sends to NOTIFY_SOCKET.

import { expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import { statOf } from "../support/processes.ts";
import { startReceiver } from "../support/receiver.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const answers = async (daemon: Daemon, status: number) => expect((await daemon.ask()).status).toBe(status);

for (const kind of ["path", "abstract"] as const) {
  test(`on request it is ready as soon as it listens, and says when it stops (${kind})`, async () => {
    await using folder = await tempFolder();
    const socket = kind === "path" ? `${folder.path}/notify` : `@health-checker-test-${process.pid}`;
    await using receiver = await startReceiver(socket);
    await using peer = await listener();
    await using daemon = await startDaemon(["--port", `${peer.port}`], { env: { NOTIFY_SOCKET: socket } });
    const ready = await receiver.received("READY=1");
    expect(ready.text).toBe(`READY=1\nSTATUS=0 of 1 up, no result yet: tcp 127.0.0.1:${peer.port}`);
    expect(ready.pid).toBe(daemon.pid); // which is all that NotifyAccess=main lets through
    await answers(daemon, 200);
    await receiver.received("STATUS=healthy, 1 of 1 up");
    expect(await daemon.stop()).toBe(0);
    expect((await receiver.received("STOPPING=1")).text).toBe("STOPPING=1\nSTATUS=stopping");
    expect(receiver.notices()).toHaveLength(3);
  });
}

test("STOPPING comes at the first signal, not at the end", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  const { path } = folder;
  const wait = `#!/bin/sh\n: >${path}/begun\nwhile ! test -e ${path}/go; do sleep 0.05; done\n`;
  const script = await folder.write("wait.sh", wait, 0o755);
  await using daemon = await startDaemon(["--script", script], { env: { NOTIFY_SOCKET: receiver.socket } });
  const asked = daemon.ask();
  await until(() => Bun.file(`${path}/begun`).exists());
  const exited = daemon.stop();
  const { text } = await receiver.received("STOPPING=1");
  await folder.write("go", "");
  expect((await asked).status).toBe(200); // the round went on meanwhile
  expect(await exited).toBe(0);
  expect(receiver.notices().at(-1)?.text).toBe(text); // and its result is no news any more
}, 20_000);

test("in the background it is ready after the first results, bad ones too; the status follows", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  const flag = await folder.write("flag", "");
  const go = `${folder.path}/go`;
  const slow = await folder.write("slow.sh", `#!/bin/sh\nwhile ! test -e ${go}; do sleep 0.05; done\n`, 0o755);
  const config = await folder.write(
    "config.yaml",
    JSON.stringify({
      interval: "100ms",
      checks: [
        { name: "slow", script: [slow], timeout: "60s" },
        { name: "flag", script: ["test", "-e", flag] },
      ],
    }),
  );
  await using daemon = await startDaemon(["--config", config], { env: { NOTIFY_SOCKET: receiver.socket } });
  await daemon.logged("check is up check=flag");
  await receiver.received("STATUS=waiting");
  expect(receiver.notices().map(({ text }) => text)).toEqual(["STATUS=waiting for the first results"]);
  await rm(flag);
  await daemon.logged("check is down check=flag");
  await folder.write("go", "");
  expect((await receiver.received("READY=1")).text).toBe("READY=1\nSTATUS=unhealthy, 1 of 2 up: flag (exit)");
  await folder.write("flag", "");
  await receiver.received("STATUS=healthy, 2 of 2 up");
  const before = receiver.notices().length;
  await rm(flag);
  await receiver.received("STATUS=unhealthy, 1 of 2 up: flag (exit)", 10_000, before);
}, 60_000);

test("the watchdog is fed, and no more once the loop stands still", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  await using peer = await listener();
  const start = () =>
    startDaemon(["--port", `${peer.port}`], {
      env: { NOTIFY_SOCKET: receiver.socket, WATCHDOG_USEC: "100000" },
    });
  await using daemon = await start();
  // By whose beats it is known how long the silence of the first has lasted.
  await using other = await start();
  const beats = (isOther: boolean) =>
    receiver.notices().filter(({ pid, text }) => text === "WATCHDOG=1" && (pid === other.pid) === isOther).length;
  const more = async (count: number, isOther: boolean) => {
    const before = beats(isOther);
    await until(() => beats(isOther) >= before + count);
  };
  await more(3, false);
  process.kill(daemon.pid, "SIGSTOP");
  await until(() => statOf(daemon.pid)?.state === "T");
  await more(2, true); // what was under way has come
  const before = beats(false);
  await more(5, true);
  expect(beats(false)).toBe(before);
  process.kill(daemon.pid, "SIGCONT");
  await more(3, false);
}, 30_000);

test("a watchdog of another process is not fed", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  await using peer = await listener();
  await using daemon = await startDaemon(["--port", `${peer.port}`], {
    env: { NOTIFY_SOCKET: receiver.socket, WATCHDOG_USEC: "20000", WATCHDOG_PID: `${process.pid}` },
  });
  await answers(daemon, 200);
  await receiver.received("STATUS=healthy");
  await daemon.stop();
  await receiver.received("STOPPING=1");
  expect(receiver.notices().some(({ text }) => text.includes("WATCHDOG"))).toBe(false);
});

test("a receiver that is full delays nothing, and hears all that counts once it takes something", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`, "full");
  await using peer = await listener();
  await using daemon = await startDaemon(["--port", `${peer.port}`], {
    env: { NOTIFY_SOCKET: receiver.socket, WATCHDOG_USEC: "200000" },
  });
  expect(await daemon.logged("systemd notification failed; retrying")).toEndWith(`cause="${receiver.socket}: EAGAIN"`);
  await answers(daemon, 200);
  receiver.drain();
  await receiver.received("READY=1");
  await receiver.received("STATUS=healthy, 1 of 1 up");
  await receiver.received("WATCHDOG=1");
  expect(daemon.log().filter((line) => line.includes("systemd notification failed"))).toHaveLength(1);
});

test("a receiver that never was, or goes, changes nothing; one that comes back is told", async () => {
  await using folder = await tempFolder();
  const socket = `${folder.path}/notify`;
  await using peer = await listener();
  await using daemon = await startDaemon(["--port", `${peer.port}`], {
    env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "100000" },
  });
  await daemon.logged("systemd notification failed; retrying");
  await answers(daemon, 200);
  {
    await using receiver = await startReceiver(socket);
    await receiver.received("READY=1");
  }
  await answers(daemon, 200); // refused by a socket file that nobody has open
  await rm(socket);
  await using receiver = await startReceiver(socket);
  await receiver.received("WATCHDOG=1");
  expect(await daemon.stop()).toBe(0);
  await receiver.received("STOPPING=1");
});

test("without NOTIFY_SOCKET nothing happens, whatever else is set", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  for (const given of [{}, { NOTIFY_SOCKET: "" }]) {
    await using daemon = await startDaemon(["--port", `${peer.port}`, "--log-level", "debug"], {
      cwd: folder.path,
      env: { WATCHDOG_USEC: "1000", ...given },
    });
    await answers(daemon, 200);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.log().join("\n")).not.toContain("systemd");
  }
});

test("a NOTIFY_SOCKET that is none is said, and the daemon serves", async () => {
  await using peer = await listener();
  await using daemon = await startDaemon(["--port", `${peer.port}`], { env: { NOTIFY_SOCKET: "vsock:2:1" } });
  expect(await daemon.logged("systemd notification is not possible")).toContain('got \\"vsock:2:1\\"');
  await answers(daemon, 200);
});
