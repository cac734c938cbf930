// The configuration is read again while the daemon serves: whole or not at all, without
// a request that is lost or answered by a mixture, and without forgetting what is known.

import { expect, test } from "bun:test";
import { rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { ReloadRequest } from "../../src/listeners/control/messages.ts";
import type { HostStatus, ReloadReport } from "../../src/status/schema.ts";
import { askAt } from "../support/ask.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePort, listener } from "../support/listeners.ts";
import { mountHung } from "../support/mounts.ts";
import { asRoot, needs } from "../support/needs.ts";
import { isAlive } from "../support/processes.ts";
import { startReceiver } from "../support/receiver.ts";
import { run } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const withFlock = await needs("flock");

const configIn = (folder: TempFolder, content: unknown) => folder.write("config.yaml", JSON.stringify(content));

const NOTHING_NEW = "configuration reloaded kept=1";

const socketIn = (folder: TempFolder): string => join(folder.path, "control.sock");

/** As `health-checker reload` does, without the cost of a process. */
async function reloadOver(socket: string, order: Partial<ReloadRequest> = {}): Promise<ReloadReport> {
  const { body } = await askAt("http://localhost/reload", {
    unix: socket,
    method: "POST",
    body: JSON.stringify(order),
  });
  return JSON.parse(body) as ReloadReport;
}

/** The same, resolved once the order lies in the daemon's queue; its answer is to come. */
async function orderReload(socket: string, order: Partial<ReloadRequest>) {
  const { promise: answer, resolve } = Promise.withResolvers<ReloadReport>();
  let said = "";
  const connection = await Bun.connect({
    unix: socket,
    socket: {
      data(_, bytes) {
        said += bytes.toString();
      },
      close: () => resolve(JSON.parse(said.split("\r\n\r\n")[1] ?? "") as ReloadReport),
    },
  });
  const body = JSON.stringify(order);
  connection.write(`POST /reload HTTP/1.0\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  return { answer };
}

const REQUESTS = 10_000;
const RELOADS = 100;
const CLIENTS = 16;

/** How often each answer came: its status and its body, of at least 10,000 requests while `reload` runs 100 times. */
async function answersDuring(daemon: Daemon, reload: (count: number) => Promise<void>) {
  const answers = new Map<string, number>();
  let sent = 0;
  let reloads = 0;
  const client = async () => {
    while (sent < REQUESTS || reloads < RELOADS) {
      sent++;
      const answer = await daemon.ask().then(({ status, body }) => `${status} ${body}`, String);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  };
  const reloader = async () => {
    for (; reloads < RELOADS; reloads++) await reload(reloads);
  };
  await Promise.all([...Array.from({ length: CLIENTS }, client), reloader()]);
  expect([...answers.values()].reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(REQUESTS);
  return answers;
}

for (const [mode, interval] of [
  ["on request", undefined],
  ["in the background", "10s"],
] as const) {
  test(`10,000 requests during 100 forced reloads, ${mode}: none is lost, none is answered by half a config`, async () => {
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
    const socket = socketIn(folder);
    await using daemon = await startDaemon(["--config", config, "--control-socket", socket]);
    const answers = await answersDuring(daemon, async (count) => {
      const [content, status] = count % 2 ? [healthy, 200] : [unhealthy, 502];
      await configIn(folder, content);
      expect(await reloadOver(socket, { force: true })).toMatchObject({ taken: true, problems: [] });
      expect((await daemon.ask()).status).toBe(status);
    });
    expect([...answers.keys()].sort()).toEqual(["200 OK", "502 At least one health check failed"]);
  }, 180_000);

  test(`10,000 requests during 100 good and bad reloads, ${mode}: every answer is 200`, async () => {
    await using folder = await tempFolder();
    await using peer = await listener();
    await using other = await listener();
    const closed = await freePort();
    const missing = join(folder.path, "not-there");
    const fails = await folder.write("fails.sh", "#!/bin/sh\necho no disk\nexit 1\n", 0o755);
    const socket = socketIn(folder);
    const a = { name: "a", tcp: peer.port };
    const kept = { name: "kept", tcp: peer.port };
    const checks = (...changed: readonly object[]) => JSON.stringify({ interval, checks: [kept, ...changed] });
    const file = await folder.write("config.yaml", checks(a));
    const harm = (name: string, why: string) => `health-checker: check ${name} would turn the host unhealthy: ${why}`;
    // Good and bad ones take turns, so that what is refused is compared with ever other settings.
    const pushes: readonly (readonly [content: string, refusal?: string])[] = [
      [checks({ ...a, tcp: other.port })],
      [checks({ ...a, tcp: closed }), harm("a", "refused: ")],
      [checks(a, { name: "b", tcp: other.port })],
      [checks(a, { name: "b", script: [fails] }), harm("b", "exit: exited with status 1; its output ends in: no disk")],
      [checks(a)],
      [checks(a, { name: "marker", file: missing }), harm("marker", `missing: ${missing}`)],
      [checks({ ...a, timeout: "4s" })],
      ["checks: [{", `${file}:1:`],
    ];
    await using daemon = await startDaemon(["--config", file, "--control-socket", socket]);
    const answers = await answersDuring(daemon, async (count) => {
      const [content, refusal] = pushes[count % pushes.length] ?? [""];
      await Bun.write(file, content);
      const { taken, problems } = await reloadOver(socket);
      if (refusal === undefined) expect({ taken, problems }).toEqual({ taken: true, problems: [] });
      else expect({ taken, problem: problems[0] }).toEqual({ taken: false, problem: expect.stringContaining(refusal) });
    });
    expect([...answers.keys()]).toEqual(["200 OK"]);
    expect(daemon.log().filter((line) => /check is down|host is unhealthy|fault/.test(line))).toEqual([]);
  }, 180_000);
}

test("a check that is forced in keeps its status and its streak: it takes `fall` failures in a row", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const closed = await freePort();
  const socket = socketIn(folder);
  // It runs once at start and once in each trial, and at no other time.
  const push = (tcp: number, timeout: string) =>
    configIn(folder, { interval: "1h", checks: [{ name: "a", tcp, timeout, fall: 5 }] });
  await using daemon = await startDaemon(["--config", await push(peer.port, "5s"), "--control-socket", socket]);
  await daemon.logged("check is up check=a");
  for (const failures of [1, 2, 3, 4]) {
    await push(closed, `${failures}s`);
    expect(await reloadOver(socket)).toMatchObject({ taken: false, forcible: true });
    expect(await reloadOver(socket, { force: true })).toMatchObject({ taken: true, changed: ["a"] });
    expect((await daemon.ask()).status).toBe(200);
    const status = await run(["status", "--json", "--control-socket", socket]);
    expect(JSON.parse(status.out)).toMatchObject({
      healthy: true,
      checks: [{ name: "a", status: "up", reason: "refused" }],
    });
  }
  await push(closed, "5s");
  expect(await reloadOver(socket, { force: true })).toMatchObject({ taken: true, changed: ["a"] });
  expect(await daemon.logged("check is down")).toContain("check=a reason=refused ");
  expect((await daemon.ask()).status).toBe(504);
});

test("a check that was down turns critical only once it has passed often enough", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const closed = await freePort();
  const socket = socketIn(folder);
  const push = (b: object) =>
    configIn(folder, {
      interval: "1h",
      checks: [
        { name: "a", tcp: peer.port },
        { name: "b", rise: 3, ...b },
      ],
    });
  const config = await push({ tcp: closed, severity: "warning" });
  await using daemon = await startDaemon(["--config", config, "--control-socket", socket]);
  await daemon.logged("check is down check=b");
  expect((await daemon.ask()).status).toBe(200);
  await push({ tcp: peer.port });
  expect(await reloadOver(socket)).toMatchObject({
    taken: false,
    problems: ["health-checker: check b would turn the host unhealthy: it has passed too few times in a row"],
  });
  expect((await daemon.ask()).status).toBe(200);
  // Each trial of a reload that is taken is a run more.
  for (const timeout of ["1s", "2s"]) {
    await push({ tcp: peer.port, severity: "warning", timeout });
    expect(await reloadOver(socket)).toMatchObject({ taken: true, changed: ["b"], trialWarnings: [] });
  }
  await push({ tcp: peer.port });
  expect(await reloadOver(socket)).toMatchObject({ taken: true, changed: ["b"] });
  expect((await daemon.ask()).status).toBe(200);
});

test("a healthy endpoint is kept so, though the host would not notice", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const closed = await freePort();
  const socket = socketIn(folder);
  const push = (replica: number) =>
    configIn(folder, {
      checks: [
        { name: "a", tcp: peer.port },
        { name: "replica", tcp: replica, severity: "endpoint" },
      ],
      endpoints: { "/replica": ["replica"] },
    });
  await using daemon = await startDaemon(["--config", await push(peer.port), "--control-socket", socket]);
  await push(closed);
  expect(await reloadOver(socket)).toMatchObject({
    taken: false,
    problems: [expect.stringContaining("check replica would turn /replica unhealthy: refused: ")],
  });
  expect((await daemon.ask("/replica")).status).toBe(200);
  expect(await reloadOver(socket, { force: true })).toMatchObject({ taken: true });
  expect((await daemon.ask("/replica")).status).toBe(504);
  expect((await daemon.ask()).status).toBe(200);
});

test("the path of a healthy endpoint is not left to an unhealthy host", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const closed = await freePort();
  const socket = socketIn(folder);
  const push = (path: string) =>
    configIn(folder, {
      checks: [
        { name: "a", tcp: closed },
        { name: "db", tcp: peer.port, severity: "endpoint" },
      ],
      endpoints: { [path]: ["db"] },
    });
  await using daemon = await startDaemon(["--config", await push("/db"), "--control-socket", socket]);
  expect((await daemon.ask("/db")).status).toBe(200);
  await push("/data");
  const why = "unhealthy: it is no longer an endpoint, and the host is unhealthy: check a: refused: ";
  expect(await reloadOver(socket)).toMatchObject({
    taken: false,
    forcible: true,
    problems: [expect.stringContaining(`/db would turn ${why}`)],
  });
  expect((await daemon.ask("/db")).status).toBe(200);
  expect(await reloadOver(socket, { force: true })).toMatchObject({
    taken: true,
    endpointsAdded: ["/data"],
    endpointsRemoved: ["/db"],
    trialWarnings: [expect.stringContaining(`/db turns ${why}`)],
  });
  expect((await daemon.ask("/db")).status).toBe(504);
  expect((await daemon.ask("/data")).status).toBe(200);
});

test("a host that was unhealthy at the last request, and is not any more, is protected too", async () => {
  await using folder = await tempFolder();
  const closed = await freePort();
  const socket = socketIn(folder);
  const marker = await folder.write("marker", "");
  const a = { name: "a", file: marker };
  const config = await configIn(folder, { checks: [a] });
  await using daemon = await startDaemon(["--config", config, "--control-socket", socket]);
  await rm(marker);
  expect((await daemon.ask()).status).toBe(504);
  await folder.write("marker", "");
  await configIn(folder, { checks: [a, { name: "b", tcp: closed }] });
  expect(await reloadOver(socket)).toMatchObject({ taken: false, problems: [expect.stringContaining("check b")] });
  expect((await daemon.ask()).status).toBe(200);
});

/** Runs until the file `release` is there; its run is in `runs`. */
const heldScript = (folder: TempFolder) =>
  folder.write(
    "held.sh",
    `#!/bin/sh\necho $$ >>${folder.path}/runs\nuntil [ -e ${folder.path}/release ]; do sleep 0.02; done\n`,
    0o755,
  );

const runsIn = async (folder: TempFolder): Promise<readonly string[]> => {
  const runs = Bun.file(join(folder.path, "runs"));
  return (await runs.exists()) ? (await runs.text()).trim().split("\n") : [];
};

test("while a trial hangs requests are answered as before, and a second reload waits", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const socket = socketIn(folder);
  const script = await heldScript(folder);
  const a = { name: "a", tcp: peer.port };
  const config = await configIn(folder, { checks: [a] });
  await using daemon = await startDaemon(["--config", config, "--control-socket", socket]);
  await configIn(folder, { "failure-status": 501, checks: [a, { name: "held", script: [script], timeout: "10m" }] });
  const order: string[] = [];
  const first = reloadOver(socket).finally(() => order.push("first"));
  await until(async () => (await runsIn(folder)).length > 0, 10_000, "the trial to run");
  const second = reloadOver(socket, { dryRun: true }).finally(() => order.push("second"));
  for (let request = 0; request < 100; request++) expect((await daemon.ask()).body).toBe("OK");
  const { out } = await run(["status", "--json", "--control-socket", socket]);
  const status = JSON.parse(out) as HostStatus;
  expect(status).toMatchObject({ healthy: true, checks: [{ name: "a" }] });
  expect(status).not.toHaveProperty("lastReload");
  expect(status.reloading).toEqual({ since: expect.any(String), dryRun: false });
  expect(order).toEqual([]);
  await folder.write("release", "");
  expect(await first).toMatchObject({ taken: true, kept: 1, added: ["held"] });
  expect(await second).toMatchObject({ taken: false, dryRun: true, kept: 2, added: [] });
  expect(order).toEqual(["first", "second"]);
  expect(await runsIn(folder)).toHaveLength(1);
  expect(JSON.parse((await run(["status", "--json", "--control-socket", socket])).out)).not.toHaveProperty("reloading");
}, 30_000);

withFlock(
  "a check that takes a lock fails neither in force nor in the trial of what replaces it",
  async () => {
    await using folder = await tempFolder();
    const socket = socketIn(folder);
    const lock = join(folder.path, "lock");
    const script = ["flock", "--nonblock", lock, "sh", "-c", "sleep 0.2"];
    const push = (script: readonly string[]) =>
      configIn(folder, { checks: [{ name: "locks", script, interval: "300ms" }] });
    await using daemon = await startDaemon(["--config", await push(script), "--control-socket", socket]);
    await daemon.logged("check is up check=locks");
    const statuses = new Set<number>();
    let isOver = false;
    const client = (async () => {
      while (!isOver) statuses.add((await daemon.ask()).status);
    })();
    for (let reload = 0; reload < 4; reload++) {
      await push([...script, `${reload}`]);
      expect(await reloadOver(socket, { dryRun: true })).toMatchObject({
        problems: [],
        trialWarnings: [],
        changed: ["locks"],
      });
      expect(await reloadOver(socket)).toMatchObject({ taken: true, trialWarnings: [], changed: ["locks"] });
    }
    isOver = true;
    await client;
    expect([...statuses]).toEqual([200]);
    expect(daemon.log().filter((line) => line.includes("check is down"))).toEqual([]);
  },
  60_000,
);

test("a new check that hangs is refused at its timeout, and nothing of it is left", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const socket = socketIn(folder);
  const script = await heldScript(folder);
  const a = { name: "a", tcp: peer.port };
  const config = await configIn(folder, { checks: [a] });
  await using daemon = await startDaemon(["--config", config, "--control-socket", socket]);
  await configIn(folder, { checks: [a, { name: "held", script: [script], timeout: "500ms" }] });
  const { out, err, exitCode } = await run(["reload", "--control-socket", socket]);
  expect({ out, exitCode }).toEqual({ out: "", exitCode: 1 });
  expect(err).toStartWith("health-checker: check held would turn the host unhealthy: timeout: ");
  expect((await daemon.ask()).status).toBe(200);
  const runs = await runsIn(folder);
  expect(runs).toHaveLength(1);
  await until(() => !runs.some((pid) => isAlive(Number(pid))), 10_000, "the script to be gone");
});

test("SIGTERM ends a trial at once, with its processes, and the command hears why", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const socket = socketIn(folder);
  const script = await heldScript(folder);
  const a = { name: "a", tcp: peer.port };
  const config = await configIn(folder, { checks: [a] });
  await using daemon = await startDaemon(["--config", config, "--control-socket", socket]);
  await configIn(folder, { checks: [a, { name: "held", script: [script], timeout: "10m" }] });
  const command = run(["reload", "--control-socket", socket]);
  await until(async () => (await runsIn(folder)).length > 0, 10_000, "the trial to run");
  const { answer: waiting } = await orderReload(socket, { force: true });
  // Once this is answered, the daemon has what was sent before.
  expect(await run(["status", "--control-socket", socket])).toMatchObject({ exitCode: 0 });
  expect(await daemon.stop()).toBe(0);
  expect(await command).toEqual({
    out: "",
    err: "health-checker: the daemon is stopping\nhealth-checker: reload refused; the running configuration is unchanged\n",
    exitCode: 1,
  });
  expect(await waiting).toMatchObject({ taken: false, problems: ["health-checker: the daemon is stopping"] });
  const runs = await runsIn(folder);
  expect(runs.filter((pid) => isAlive(Number(pid)))).toEqual([]);
  expect(runs).toHaveLength(1);
}, 30_000);

test("SIGTERM ends a reload that waits to know how the host is", async () => {
  await using folder = await tempFolder();
  const socket = socketIn(folder);
  const config = await configIn(folder, {
    checks: [{ name: "held", script: [await heldScript(folder)], timeout: "10m" }],
  });
  await using daemon = await startDaemon(["--config", config, "--control-socket", socket]);
  const command = run(["reload", "--control-socket", socket]);
  await until(async () => (await runsIn(folder)).length > 0, 10_000, "the check to run");
  expect(await daemon.stop()).toBe(0);
  expect((await command).err).toStartWith("health-checker: the daemon is stopping\n");
}, 30_000);

test("a dry run prints what would come, exits with 0 or 1, and changes nothing", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  await using other = await listener();
  const closed = await freePort();
  const socket = socketIn(folder);
  const a = { name: "a", tcp: peer.port };
  const b = { name: "b", tcp: other.port };
  const config = await configIn(folder, { interval: "1h", checks: [a, b] });
  await using daemon = await startDaemon(["--config", config, "--control-socket", socket]);
  const statusNow = async () => {
    const { out } = await run(["status", "--json", "--control-socket", socket]);
    const { checks, at: _, forSeconds: _lasted, ...host } = JSON.parse(out) as HostStatus;
    return { ...host, checks: checks.map(({ forSeconds: _, ...check }) => check) };
  };
  await daemon.logged("check is up check=a");
  await daemon.logged("check is up check=b");
  await daemon.logged("host is healthy");
  const before = await statusNow();
  const lines = daemon.log();
  const dryRun = (...more: string[]) => run(["reload", "--dry-run", ...more, "--control-socket", socket]);

  const good = [
    { ...a, tcp: other.port },
    { name: "c", tcp: peer.port },
  ];
  await configIn(folder, { interval: "1h", "log-level": "debug", checks: good });
  expect(await dryRun()).toEqual({
    out: "would reload: 0 checks kept; 1 changed: a; 1 added: c; 1 removed: b; 1 option changed: log-level\n",
    err: "",
    exitCode: 0,
  });

  await configIn(folder, { interval: "1h", checks: [{ ...a, tcp: closed }, b] });
  const reason = `check a would turn the host unhealthy: refused: 127.0.0.1:${closed} refused the connection`;
  expect(await dryRun()).toEqual({
    out: "",
    err: `health-checker: ${reason}\nhealth-checker: reload would be refused; reload --force applies it anyway\n`,
    exitCode: 1,
  });
  expect(await dryRun("--force")).toEqual({
    out: "would reload: 1 check kept; 1 changed: a\n",
    err: `health-checker: warning: ${reason}\n`,
    exitCode: 0,
  });

  await Bun.write(config, "checks: [{");
  const broken = await dryRun("--force");
  expect(broken).toMatchObject({ out: "", exitCode: 1 });
  expect(broken.err).toStartWith(`${config}:1:`);
  expect(broken.err).toEndWith("\nhealth-checker: reload would be refused\n");

  expect(await statusNow()).toEqual(before);
  expect(daemon.log()).toEqual(lines);
}, 30_000);

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
  expect(await daemon.logged("INFO check configured check=comes")).toContain(`target=127.0.0.1:${peer.port}`);
  expect((await daemon.ask()).status).toBe(200);
  await daemon.logged("check is up check=comes");
  expect(daemon.log().filter((line) => line.includes("check is up check=stays"))).toHaveLength(1);
  expect(await Bun.file(`${folder.path}/runs`).text()).toBe("run\n");
});

test("a file that is refused changes nothing; its problems are in the log and systemd's status, until a good one", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  await using peer = await listener();
  const closed = await freePort();
  const good = { checks: [{ name: "a", tcp: peer.port }] };
  const config = await configIn(folder, good);
  await using daemon = await startDaemon(["--config", config], { env: { NOTIFY_SOCKET: receiver.socket } });
  await receiver.received("READY=1");

  for (const [spoil, problem] of [
    [() => configIn(folder, { checks: [{ name: "a", tcp: 0 }], intervall: "1s" }), "count=2 problems="],
    [() => configIn(folder, { checks: [] }), "nothing to check: "],
    [() => configIn(folder, { checks: [{ name: "a", tcp: closed }] }), "would turn the host unhealthy: refused: "],
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
        .find((line) => line.includes("ERROR reload refused; the running configuration is unchanged")),
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

test("what takes a restart is said, the level of the log is not among it, and a secret is read again", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const content = { listener: "127.0.0.1:0", checks: [{ name: "a", tcp: peer.port }] };
  const config = await configIn(folder, content);
  const socket = socketIn(folder);
  await using daemon = await startDaemon(["--config", config, "--control-socket", socket]);
  const token = await folder.write("token", "swordfish-1");
  await configIn(folder, {
    ...content,
    "agent-listener": "127.0.0.1:5001",
    "state-directory": folder.path,
    "log-format": "json",
    "log-level": "debug",
    checks: [{ name: "a", script: ["sh", "-c", "echo $TOKEN; exit 1"], env: { TOKEN: `\${file:${token}}` } }],
  });
  const forced = await reloadOver(socket, { force: true });
  expect(forced).toMatchObject({ taken: true, kindChanged: ["a"], added: [], removed: [] });
  await daemon.logged(
    'warning="agent-listener: warning: a restart is needed to change it from none to 127.0.0.1:5001"',
  );
  await daemon.logged(
    `warning="state-directory: warning: a restart is needed to change it from not set to ${folder.path}"`,
  );
  await daemon.logged('warning="log-format: warning: a restart is needed to change it from not set to json"');
  expect((await daemon.ask()).status).toBe(504);
  await daemon.logged(" DEBUG request ");
  await folder.write("token", "swordfish-2");
  process.kill(daemon.pid, "SIGHUP");
  // The host is unhealthy already.
  await daemon.logged("configuration reloaded kept=0 changed=a");
  expect((await daemon.ask()).status).toBe(504);
  expect(JSON.stringify(forced) + daemon.log().join("\n")).not.toContain("swordfish");
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
      const { status } = await daemon.ask();
      expect(status).toBe(200);
      expect(daemon.log().join("\n")).not.toContain("configuration re");
      expect(await daemon.stop()).toBe(0);
    },
    30_000,
  );
}
