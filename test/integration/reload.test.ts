// The configuration is read again while the daemon serves: whole or not at all, without
// a request that is lost or answered by a mixture, and without forgetting what is known.

import { expect, test } from "bun:test";
import { rename, rm, symlink } from "node:fs/promises";
import { startDaemon } from "../support/daemon.ts";
import { freePort, listener } from "../support/listeners.ts";
import { mountHung } from "../support/mounts.ts";
import { asRoot } from "../support/needs.ts";
import { startReceiver } from "../support/receiver.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const configIn = (folder: TempFolder, content: unknown) => folder.write("config.yaml", JSON.stringify(content));

const NOTHING_NEW = "configuration reloaded kept=1";

for (const [mode, interval] of [
  ["on request", undefined],
  ["in the background", "10s"],
] as const) {
  test(`10,000 requests during 100 reloads, ${mode}: none is lost, none is answered by half a config`, async () => {
    await using folder = await tempFolder();
    await using peer = await listener();
    const closed = await freePort();
    // Half of one and half of the other would be 200 with a check down, or 501 or 502 with the wrong one.
    const healthy = { "failure-status": 501, interval, checks: [{ name: "a", tcp: peer.port }] };
    const unhealthy = {
      "failure-status": 502,
      interval,
      checks: [
        { name: "a", tcp: peer.port },
        { name: "b", tcp: closed },
      ],
    };
    const config = await configIn(folder, healthy);
    await using daemon = await startDaemon(["--config", config]);
    const statuses = new Map<number | string, number>();
    const REQUESTS = 10_000;
    const RELOADS = 100;
    let asked = 0;
    let reloads = 0;
    const asker = async () => {
      while (asked < REQUESTS || reloads < RELOADS) {
        asked++;
        const status = await daemon.ask().then(
          ({ status, body }) => (status === 200) === (body === "OK") && status,
          (error) => String(error),
        );
        statuses.set(String(status), (statuses.get(String(status)) ?? 0) + 1);
      }
    };
    const reloader = async () => {
      for (; reloads < RELOADS; reloads++) {
        const [content, status] = reloads % 2 ? [healthy, 200] : [unhealthy, 502];
        await configIn(folder, content);
        process.kill(daemon.pid, "SIGHUP");
        await until(async () => (await daemon.ask()).status === status, 10_000, `reload ${reloads}`);
      }
    };
    await Promise.all([...Array.from({ length: 16 }, asker), reloader()]);
    expect([...statuses.keys()].sort()).toEqual(["200", "502"]);
    expect((statuses.get("200") ?? 0) + (statuses.get("502") ?? 0)).toBeGreaterThanOrEqual(REQUESTS);
  }, 180_000);
}

test("a check that did not change keeps its state and its streak, and is not run again", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const script = await folder.write("count.sh", `#!/bin/sh\necho run >>${folder.path}/runs\n`, 0o755);
  const stays = { name: "stays", script: [script], interval: "1h" };
  const config = await configIn(folder, { checks: [stays, { name: "goes", tcp: peer.port }] });
  await using daemon = await startDaemon(["--config", config]);
  await daemon.logged("check is up check=stays");
  await configIn(folder, { checks: [{ name: "comes", tcp: peer.port }, stays] });
  process.kill(daemon.pid, "SIGHUP");
  expect(await daemon.logged("configuration reloaded")).toEndWith("kept=1 added=comes removed=goes");
  expect(await daemon.logged("INFO check name=comes")).toContain(`target=127.0.0.1:${peer.port}`);
  expect((await daemon.ask()).status).toBe(200);
  await daemon.logged("check is up check=comes");
  expect(daemon.log().filter((line) => line.includes("check is up check=stays"))).toHaveLength(1);
  expect(await Bun.file(`${folder.path}/runs`).text()).toBe("run\n");
});

test("a file that is refused changes nothing; its problems are in the log and systemd's status, until a good one", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  await using peer = await listener();
  const good = { checks: [{ name: "a", tcp: peer.port }] };
  const config = await configIn(folder, good);
  await using daemon = await startDaemon(["--config", config], { env: { NOTIFY_SOCKET: receiver.socket } });
  await receiver.received("READY=1");

  for (const [spoil, problem] of [
    [() => configIn(folder, { checks: [{ name: "a", tcp: 0 }], intervall: "1s" }), "count=2 problems="],
    [() => configIn(folder, { checks: [] }), "no check: expected"],
    [() => rm(config), "no such file"],
  ] as const) {
    await spoil();
    const from = receiver.notices().length;
    const lines = daemon.log().length;
    process.kill(daemon.pid, "SIGHUP");
    const refused = await until(() =>
      daemon
        .log()
        .slice(lines)
        .find((line) => line.includes("ERROR configuration refused, nothing has changed")),
    );
    expect(refused).toContain(problem);
    const reloading = await receiver.received("RELOADING=1", 10_000, from);
    expect(reloading.text).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
    const ready = await receiver.received("READY=1", 10_000, from);
    expect(ready.text).toEndWith("; the last reload was refused");
    expect((await daemon.ask()).status).toBe(200);
  }

  await configIn(folder, good);
  const from = receiver.notices().length;
  process.kill(daemon.pid, "SIGHUP");
  expect(await daemon.logged("configuration reloaded")).toEndWith(NOTHING_NEW);
  expect((await receiver.received("READY=1", 10_000, from)).text).toBe("READY=1\nSTATUS=healthy, 1 of 1 up");
});

test("without a config file SIGHUP finds nothing new, and systemd is told of it all the same", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  await using peer = await listener();
  await using daemon = await startDaemon(["--port", `${peer.port}`], { env: { NOTIFY_SOCKET: receiver.socket } });
  await receiver.received("READY=1");
  process.kill(daemon.pid, "SIGHUP");
  expect(await daemon.logged("configuration reloaded")).toEndWith(NOTHING_NEW);
  await receiver.received("RELOADING=1");
  expect(await daemon.stop()).toBe(0);
});

test("what takes a restart is said, the level of the log is not among it, and a secret is read anew", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const content = { listener: "127.0.0.1:0", checks: [{ name: "a", tcp: peer.port }] };
  const config = await configIn(folder, content);
  await using daemon = await startDaemon(["--config", config, "--listener", "127.0.0.1:0"], {});
  const token = await folder.write("token", "swordfish-1");
  await configIn(folder, {
    ...content,
    "agent-listener": "127.0.0.1:5001",
    "log-format": "json",
    "log-level": "debug",
    checks: [{ name: "a", script: ["sh", "-c", "echo $TOKEN; exit 1"], env: { TOKEN: `\${file:${token}}` } }],
  });
  process.kill(daemon.pid, "SIGHUP");
  await daemon.logged('caution="agent-listener: 127.0.0.1:5001 takes a restart, until then it is none"');
  await daemon.logged('caution="log-format: json takes a restart, until then it is not given"');
  expect((await daemon.ask()).status).toBe(504);
  await daemon.logged(" DEBUG request ");
  await folder.write("token", "swordfish-2");
  process.kill(daemon.pid, "SIGHUP");
  await daemon.logged("configuration reloaded kept=0 added=a removed=a");
  expect((await daemon.ask()).status).toBe(504);
  expect(daemon.log().join("\n")).not.toContain("swordfish");
});

test("a check whose process hangs in the kernel, or any run, is not started twice by a reload", async () => {
  await using folder = await tempFolder();
  const script = await folder.write("slow.sh", `#!/bin/sh\necho run >>${folder.path}/runs\nexec sleep 600\n`, 0o755);
  const slow = { name: "slow", script: [script], interval: "1s", timeout: "10m" };
  const config = await configIn(folder, { deadline: "100ms", checks: [slow] });
  await using daemon = await startDaemon(["--config", config]);
  await until(() => Bun.file(`${folder.path}/runs`).exists());
  for (const failureStatus of [501, 502, 503]) {
    await configIn(folder, { deadline: "100ms", "failure-status": failureStatus, checks: [slow] });
    process.kill(daemon.pid, "SIGHUP");
    await until(async () => (await daemon.ask()).status === failureStatus);
  }
  expect(await Bun.file(`${folder.path}/runs`).text()).toBe("run\n");
});

for (const what of ["a config file", "a secret"] as const) {
  asRoot(
    `${what} on a mount that hangs holds up no answer, and not the end`,
    async () => {
      await using hung = await mountHung();
      await using folder = await tempFolder();
      await using peer = await listener();
      const check = { name: "a", tcp: peer.port };
      const config = await configIn(folder, { checks: [check] });
      await using receiver = await startReceiver(`${folder.path}/notify`);
      await using daemon = await startDaemon(["--config", config], { env: { NOTIFY_SOCKET: receiver.socket } });
      await receiver.received("READY=1");
      if (what === "a secret") {
        await configIn(folder, { checks: [{ ...check, send: `\${file:${hung.path}/secret}` }] });
      } else {
        await symlink(`${hung.path}/config.yaml`, `${folder.path}/link`);
        await rename(`${folder.path}/link`, config);
      }
      process.kill(daemon.pid, "SIGHUP");
      await receiver.received("RELOADING=1");
      const { status } = await daemon.ask("/", { signal: AbortSignal.timeout(5000) });
      expect(status).toBe(200);
      expect(daemon.log().join("\n")).not.toContain("configuration re");
      expect(await daemon.stop()).toBe(0);
    },
    30_000,
  );
}
