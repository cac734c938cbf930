// One check of every kind in one config file, against real servers: each turns bad, says why,
// and is mended, on request and in the background.

import { expect } from "bun:test";
import { copyFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { KINDS } from "../../src/checks/kinds.ts";
import { type Authority, makeAuthority } from "../support/certificates.ts";
import { startChild } from "../support/child.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { mountTmpfs } from "../support/mounts.ts";
import { startNameServer } from "../support/nameserver.ts";
import { asRoot, needs } from "../support/needs.ts";
import { startNginx } from "../support/nginx.ts";
import { relayTo } from "../support/relay.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";
import { startZookeeper } from "../support/zookeeper.ts";

const onServers = await needs(
  ...(["PostgreSQL on port 5432", "MariaDB on port 3306", "Redis on port 6379"] as const),
  ...(["java", "ZooKeeper", "nginx", "openssl", "dnsmasq"] as const),
);
// A disk that can be filled is one that was mounted for it.
const test = process.getuid?.() === 0 ? onServers : asRoot;

/** So that a change that nobody notices ends the test. */
const CHANGE_MS = 30_000;

/** A run in the background may be amid its talk when its server goes. */
const CUT_OFF = /(refused|closed)/;

/** A line of the config file, and how what it looks at goes bad and comes back. */
interface Subject {
  readonly check: Readonly<Record<string, unknown>>;
  readonly reason: RegExp;
  spoil(): unknown;
  mend(): unknown;
}

/** One of every kind; what they look at ends with `stack`. */
async function subjects(stack: AsyncDisposableStack, folder: TempFolder): Promise<Record<string, Subject>> {
  const authority: Authority = await makeAuthority(folder.path);
  const names = ["api.test", "127.0.0.1"];
  const good = await authority.issue({ names });
  const ended = await authority.issue({ names, notAfter: new Date(Date.now() - 86_400_000) });
  const zookeeper = stack.use(await startZookeeper());
  const nginx = stack.use(await startNginx(good));
  const other = stack.use(await startNginx(good));
  const nameServer = stack.use(await startNameServer(["--host-record=db.test,127.0.0.9"]));
  const grpc = stack.use(
    startChild([process.execPath, join(import.meta.dir, "../fixtures/grpc-server.ts"), "127.0.0.1:0", "health"]),
  );
  const grpcPort = await until(() => /listening on (\d+)/.exec(grpc.out.join("\n"))?.[1], 20_000, "the gRPC server");
  const databases = {
    postgres: stack.use(relayTo(5432)),
    mysql: stack.use(relayTo(3306)),
    redis: stack.use(relayTo(6379)),
  };
  const gate = (relay: { close(): void; open(): void }) => ({ spoil: relay.close, mend: relay.open });
  const disk = stack.use(await mountTmpfs("size=4M"));
  const flag = await folder.write("flag", "");
  const drain = await folder.write("report", "");
  const exchange = (file: string) => ({
    spoil: () => rename(file, `${file}.away`),
    mend: () => rename(`${file}.away`, file),
  });
  let echoes = true;
  const echo = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: {
      data(socket, _data, port, address) {
        if (echoes) socket.send("pong", port, address);
      },
    },
  });
  stack.defer(() => echo.close());
  const program = join(folder.path, `hc-${process.pid}`);
  await copyFile("/bin/sleep", program);
  let worker = startChild(["/bin/sh", "-c", `chmod 755 ${program}; exec ${program} 600`]);
  stack.defer(() => worker[Symbol.asyncDispose]());
  await until(async () => (await Bun.file(`/proc/${worker.pid}/comm`).text()).startsWith("hc-"));

  const units = await folder.write("units", "active");
  const systemctl = `#!/bin/sh
printf 'Result=success\\nId=app.service\\nNames=app.service\\nLoadState=loaded\\nActiveState=%s\\nSubState=dead\\n' "$(cat ${units})"
`;
  await folder.write("bin/systemctl", systemctl, 0o755);
  const tls = { ca: authority.caFile, "server-name": "api.test" };

  return {
    tcp: {
      check: {
        tcp: `${zookeeper.host}:${zookeeper.port}`,
        send: "srvr",
        expect: "/Mode: (leader|follower|standalone)/",
      },
      reason: /timeout/,
      spoil: zookeeper.freeze,
      async mend() {
        zookeeper.resume();
        await until(async () => (await zookeeper.say("srvr")).includes("Mode:"), 20_000, "ZooKeeper to come back");
      },
    },
    udp: {
      check: { udp: echo.port, send: "ping", expect: "pong" },
      reason: /timeout/,
      spoil: () => (echoes = false),
      mend: () => (echoes = true),
    },
    http: {
      check: { http: `https://${nginx.address}/healthz`, json: { "/ready": true }, tls },
      reason: /mismatch/,
      spoil: nginx.hidePage,
      mend: nginx.showPage,
    },
    grpc: {
      check: { grpc: Number(grpcPort) },
      reason: /not-ready/,
      spoil: () => grpc.kill("SIGUSR1"),
      mend: () => grpc.kill("SIGUSR2"),
    },
    certificate: {
      check: { certificate: other.address, ca: authority.caFile, "server-name": "api.test", "min-days": 7 },
      reason: /expired/,
      spoil: () => other.use(ended),
      mend: () => other.use(good),
    },
    dns: {
      check: { dns: "db.test", resolver: nameServer.address, expect: "127.0.0.9" },
      reason: /timeout/,
      spoil: () => nameServer.freeze(),
      mend: () => nameServer.resume(),
    },
    script: { check: { script: ["test", "-e", flag] }, reason: /exit/, ...exchange(flag) },
    process: {
      check: { process: `hc-${process.pid}` },
      reason: /missing/,
      async spoil() {
        worker.kill("SIGKILL");
        await worker.exited;
      },
      async mend() {
        worker = startChild([program, "600"]);
        await until(async () => (await Bun.file(`/proc/${worker.pid}/comm`).text()).startsWith("hc-"));
      },
    },
    file: { check: { file: drain, "max-age": "1h" }, reason: /missing/, ...exchange(drain) },
    disk: {
      check: { disk: disk.path, "min-free": "50%" },
      reason: /low/,
      spoil: () => Bun.write(`${disk.path}/full`, new Uint8Array(3_000_000)),
      mend: () => rm(`${disk.path}/full`),
    },
    systemd: {
      check: { systemd: "app.service" },
      reason: /not-ready/,
      spoil: () => Bun.write(units, "failed"),
      mend: () => Bun.write(units, "active"),
    },
    postgres: {
      check: {
        postgres: `postgres://postgres@${databases.postgres.address}/postgres`,
        query: "select pg_is_in_recovery()",
        expect: "f",
      },
      reason: CUT_OFF,
      ...gate(databases.postgres),
    },
    mysql: {
      check: { mysql: `mysql://root@${databases.mysql.address}/test` },
      reason: CUT_OFF,
      ...gate(databases.mysql),
    },
    redis: { check: { redis: `redis://${databases.redis.address}` }, reason: CUT_OFF, ...gate(databases.redis) },
  };
}

const HEALTHY = { status: 200, body: "OK" };
const UNHEALTHY = { status: 504, body: "At least one health check failed" };

async function answerOf(daemon: Daemon, path = "/") {
  const { status, body } = await daemon.ask(path);
  return { status, body };
}

test("one check of every kind, each turned bad and mended, on request and in the background", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const all = await subjects(stack, folder);
  const names = Object.keys(all);
  expect(names.toSorted()).toEqual(Object.keys(KINDS).sort());

  const checks = Object.entries(all).map(([name, { check }]) => ({ name, ...check }));
  const endpoints = Object.fromEntries(names.map((name) => [`/${name}`, [name]]));
  const config = await folder.write(
    "health-checker.yaml",
    JSON.stringify({ defaults: { timeout: "2s" }, checks, endpoints }),
  );
  const start = async (options: readonly string[]) =>
    stack.use(
      await startDaemon(["--config", config, ...options], {
        env: { PATH: `${folder.path}/bin:/usr/bin:/bin`, PGPASSWORD: "none", MYSQL_PWD: "none" },
      }),
    );
  const daemons = { "on request": await start([]), "in the background": await start(["--interval", "200ms"]) };

  /** Waits until every kind is `answer` by itself, and the host too. */
  const become = (answer: typeof HEALTHY) =>
    Promise.all(
      Object.entries(daemons).flatMap(([how, daemon]) =>
        ["/", ...names.map((name) => `/${name}`)].map(async (path) => {
          const isSo = async () => (await answerOf(daemon, path)).status === answer.status;
          await until(isSo, CHANGE_MS, `${path} to be ${answer.status} ${how}`);
          expect({ path, how, ...(await answerOf(daemon, path)) }).toEqual({ path, how, ...answer });
        }),
      ),
    );
  await become(HEALTHY);
  const downLines = (daemon: Daemon, name: string) =>
    daemon.log().filter((line) => line.includes(`check is down check=${name} `));
  for (const daemon of Object.values(daemons)) expect(names.flatMap((name) => downLines(daemon, name))).toEqual([]);

  await Promise.all(Object.values(all).map(({ spoil }) => spoil()));
  await become(UNHEALTHY);
  for (const [how, daemon] of Object.entries(daemons)) {
    for (const [name, { reason }] of Object.entries(all)) {
      const line = await daemon.logged(`check is down check=${name} `);
      expect({ how, line }).toEqual({ how, line: expect.stringMatching(new RegExp(` reason=${reason.source} `)) });
    }
  }

  await Promise.all(Object.values(all).map(({ mend }) => mend()));
  await become(HEALTHY);
  for (const daemon of Object.values(daemons)) {
    expect(await daemon.stop()).toBe(0);
    expect(daemon.errors()).toEqual([]);
    expect(daemon.log().filter((line) => / ERROR |internal/.test(line))).toEqual([]);
  }
}, 180_000);
