// The compiled binary on both sides of the control socket: a daemon, and the commands that ask and tell it.

import { expect, test } from "bun:test";
import { lstatSync, readdirSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import type { HostStatus } from "../../src/status/schema.ts";
import { binary } from "../support/binary.ts";
import { startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import { asRoot } from "../support/needs.ts";
import { run } from "../support/run.ts";
import { hostStatus } from "../support/status.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

/** A user that is there and is nobody. */
const NOBODY = 65534;

const socketIn = (folder: TempFolder): string => join(folder.path, "control.sock");

/** The first status for which `isIt`. */
const statusWhen = (socket: string, isIt: (status: HostStatus) => boolean): Promise<HostStatus> =>
  until(async () => {
    const { out } = await run(["status", "--json", "--control-socket", socket]);
    const status = JSON.parse(out) as HostStatus;
    return isIt(status) ? status : undefined;
  });

test("status, drain, maint and undrain of a daemon that runs", async () => {
  await using folder = await tempFolder();
  const socket = socketIn(folder);
  const hc = (...argv: string[]) => run([...argv, "--control-socket", socket]);
  await using peer = await listener();
  await using daemon = await startDaemon(["--port", `${peer.port}`, "--control-socket", socket], {
    env: { RUNTIME_DIRECTORY: folder.path },
  });
  expect(lstatSync(socket).mode & 0o777).toBe(0o600);

  expect((await daemon.ask()).status).toBe(200);
  const status = await hc("status");
  expect(status).toMatchObject({ err: "", exitCode: 0 });
  expect(status.out).toMatch(
    new RegExp(
      `^healthy, 1 of 1 up\n\nCHECK .*DETAIL\ntcp 127\\.0\\.0\\.1:${peer.port}  up .*\n\nhealth-checker v.*\n$`,
    ),
  );

  const drained = await hc("drain");
  expect(drained.out).toMatch(/^drained since \S+Z\n/);
  expect(drained.out).toContain("a restart of the daemon keeps it");
  expect(drained.err).toBe("");
  expect(drained.exitCode).toBe(0);
  const { status: code, body } = await daemon.ask();
  expect({ code, body }).toEqual({ code: 504, body: "Draining" });
  const { out, exitCode } = await hc("status", "--json");
  expect(exitCode).toBe(1);
  expect(out).toEndWith("}\n");
  const json = JSON.parse(out) as HostStatus;
  expect(json).toMatchObject({ pid: daemon.pid, healthy: false, state: "drained", failing: [] });
  expect(json.checks).toMatchObject([{ kind: "tcp", status: "up", stale: false }]);

  const maintained = await hc("maint", "--for", "1h", "--reason", "disk swap");
  expect(maintained.out).toMatch(/^in maintenance since \S+ until \S+ \(\w+ left\): disk swap\ndrained since /);
  await daemon.logged('reason="disk swap"');

  const ended = await hc("undrain");
  expect(ended).toMatchObject({ err: "", exitCode: 0 });
  expect(ended.out).toMatch(/^ended: maintenance .*: disk swap\nended: drain since \S+\n$/);
  expect((await daemon.ask()).status).toBe(200);
  expect(await hc("undrain")).toEqual({ out: "the host was not drained or in maintenance\n", err: "", exitCode: 0 });

  expect(await daemon.stop()).toBe(0);
  expect(readdirSync(folder.path)).toEqual([]);
  expect(await hc("status")).toEqual({
    out: "",
    err: `health-checker: no daemon listens on ${socket}: it is not running, or has no --control-socket or another one\n`,
    exitCode: 3,
  });
}, 60_000);

test("status says of a check that passed after the deadline why the host is unhealthy", async () => {
  await using folder = await tempFolder();
  const socket = socketIn(folder);
  const file = await folder.write("hc.yaml", "deadline: 50ms\nchecks:\n  - { name: slow, script: sleep 0.2 }\n");
  await using _ = await startDaemon(["--config", file, "--control-socket", socket]);
  const status = await statusWhen(socket, ({ checks }) => checks[0]?.status === "up");
  expect(status).toMatchObject({ healthy: false, state: "unhealthy", failing: ["slow"] });
  expect(status.checks).toMatchObject([{ status: "up", countsAs: "deadline" }]);
}, 60_000);

test("a check that hangs delays nothing: status shows it as running, and the others with their results", async () => {
  await using folder = await tempFolder();
  const socket = socketIn(folder);
  await using peer = await listener();
  const script = await folder.write(
    "hang.sh",
    `#!/bin/sh\nuntil [ -e ${folder.path}/go ]; do sleep 0.05; done\n`,
    0o755,
  );
  const content = `script-timeout: 5m
deadline: 5m
endpoints: { /port: [port], /both: [port, hung] }
checks:
  - { name: port, tcp: ${peer.port} }
  - { name: hung, script: ${script} }
`;
  const file = await folder.write("hc.yaml", content);
  await using _ = await startDaemon(["--config", file, "--control-socket", socket]);
  // The script ends only once it is allowed to, so an answer before has not waited for it.
  const before = await statusWhen(socket, ({ checks }) => checks[0]?.status === "up");
  expect(before).toMatchObject({
    state: "unknown",
    healthy: false,
    failing: [],
    endpoints: [
      { path: "/port", healthy: true, failing: [] },
      { path: "/both", healthy: false, failing: [] },
    ],
    config: { file, sha256: new Bun.CryptoHasher("sha256").update(content).digest("hex") },
  });
  const [port, hung] = before.checks;
  expect(port).not.toHaveProperty("runningSeconds");
  expect(hung?.status).toBe("unknown");
  expect(hung?.runningSeconds).toBeGreaterThan(0.5);
  await folder.write("go", "");
  const after = await statusWhen(socket, ({ state }) => state === "healthy");
  expect(after.checks).toMatchObject([{ status: "up" }, { status: "up" }]);
  expect(after.forSeconds).toBeLessThan((Date.parse(after.at) - Date.parse(after.startedAt)) / 1000);
}, 60_000);

test.each(["RUNTIME_DIRECTORY", "--state-directory"])(
  "a drain outlives a restart of the daemon with %s",
  async (way) => {
    await using folder = await tempFolder();
    const socket = socketIn(folder);
    const isOption = way.startsWith("--");
    const argv = ["--port", "1", "--control-socket", socket, ...(isOption ? [way, folder.path] : [])];
    // The option wins.
    const env = { RUNTIME_DIRECTORY: isOption ? "/nowhere" : folder.path };
    {
      await using _ = await startDaemon(argv, { env });
      expect(await run(["drain", "--control-socket", socket])).toMatchObject({ exitCode: 0 });
    }
    await using daemon = await startDaemon(argv, { env });
    expect((await daemon.ask()).body).toBe("Draining");
    const { out } = await run(["undrain", "--control-socket", socket]);
    expect(out).toStartWith("ended: drain since ");
    expect((await daemon.ask()).body).toBe("At least one health check failed");
  },
  60_000,
);

test("a reload that is taken says so, one that is refused says why and changes nothing", async () => {
  await using folder = await tempFolder();
  const socket = socketIn(folder);
  await using peer = await listener();
  await using other = await listener();
  const good = `checks:\n  - { name: one, tcp: ${peer.port} }\n`;
  const file = await folder.write("hc.yaml", good);
  await using daemon = await startDaemon(["--config", file, "--control-socket", socket]);
  await folder.write("hc.yaml", `${good}  - { name: two, tcp: ${other.port} }\n`);
  expect(await run(["reload", "--control-socket", socket])).toEqual({
    out: "reloaded: 1 check kept; 1 added: two\n",
    err: "",
    exitCode: 0,
  });
  await folder.write("hc.yaml", `${good}  - { name: one, tpc: 1 }\n`);
  const refused = await run(["reload", "--control-socket", socket]);
  expect(refused).toMatchObject({ out: "", exitCode: 1 });
  expect(refused.err).toContain(`${file}:3:`);
  expect(refused.err).toEndWith("health-checker: reload refused; the running configuration is unchanged\n");
  expect((await daemon.ask()).status).toBe(200);
  const { out } = await run(["status", "--control-socket", socket]);
  expect(out).toStartWith("healthy, 2 of 2 up\n");
  expect(out).toMatch(/\nlast reload .*: refused; the running configuration is unchanged\n {2}.*hc\.yaml:3:/);
}, 60_000);

test("a mistake is one line and a hint, exit 2, and nothing is asked", async () => {
  expect(await run(["status", "--port", "80"])).toEqual({
    out: "",
    err: "health-checker: --port: not an option of status; it is an option of the daemon\nTry 'health-checker status --help'.\n",
    exitCode: 2,
  });
  expect(await run(["maint", "--help"])).toMatchObject({
    out: expect.stringContaining("--reason TEXT"),
    err: "",
    exitCode: 0,
  });
});

test("a second daemon does not take the socket of the first, and one that was killed leaves it to the next", async () => {
  await using folder = await tempFolder();
  const socket = socketIn(folder);
  const argv = ["--port", "1", "--control-socket", socket];
  await using first = await startDaemon(argv);
  await expect(startDaemon(argv)).rejects.toThrow(
    `health-checker: cannot listen on unix:${socket}: it is in use by another process`,
  );
  expect(await run(["status", "--control-socket", socket])).toMatchObject({ err: "", exitCode: 1 });
  first.stop("SIGKILL");
  await first.exited;
  const { err, exitCode } = await run(["status", "--control-socket", socket]);
  expect({ err, exitCode }).toEqual({ err: expect.stringContaining("no daemon listens on"), exitCode: 3 });
  await using _second = await startDaemon(argv);
  expect(lstatSync(socket).mode & 0o777).toBe(0o600);
  expect((await run(["status", "--control-socket", socket])).out).toStartWith("unhealthy, 0 of 1 up");
}, 60_000);

asRoot(
  "another user is refused, and the message names the users of the socket",
  async () => {
    await using folder = await tempFolder();
    const socket = socketIn(folder);
    await chmod(folder.path, 0o755);
    await using daemon = await startDaemon(["--port", "1", "--control-socket", socket]);
    const denied = {
      out: "",
      err: `health-checker: ${socket}: permission denied; only root may use it\n`,
      exitCode: 1,
    };
    expect(await run(["drain", "--control-socket", socket], { uid: NOBODY })).toEqual(denied);
    await chmod(folder.path, 0o700);
    expect(await run(["drain", "--control-socket", socket], { uid: NOBODY })).toEqual(denied);
    expect((await daemon.ask()).body).toBe("At least one health check failed");
  },
  60_000,
);

asRoot(
  "in a directory that every user can write to, the socket is used only if the sticky bit is set",
  async () => {
    await using folder = await tempFolder();
    const socket = socketIn(folder);
    await chmod(folder.path, 0o777);
    const command = ["setpriv", `--reuid=${NOBODY}`, "--clear-groups", await binary()];
    await using _ = await startDaemon(["--port", "1", "--control-socket", socket], { cwd: "/", command });
    const status = () => run(["status", "--control-socket", socket], { uid: NOBODY });
    expect(await status()).toEqual({
      out: "",
      err: `health-checker: ${socket} is not trusted: other users may write to ${folder.path} and replace the socket; set its sticky bit, or use a directory of mode 0755\n`,
      exitCode: 3,
    });
    await chmod(folder.path, 0o1777);
    expect(await status()).toMatchObject({ err: "", exitCode: 1 });
  },
  60_000,
);

asRoot(
  "a socket that another user's daemon has left is not said to be in use",
  async () => {
    await using folder = await tempFolder();
    const socket = socketIn(folder);
    await chmod(folder.path, 0o777);
    {
      await using daemon = await startDaemon(["--port", "1", "--control-socket", socket]);
      daemon.stop("SIGKILL");
      await daemon.exited;
    }
    const argv = ["--port", "1", "--listener", "127.0.0.1:0", "--control-socket", socket];
    expect(await run(argv, { uid: NOBODY })).toEqual({
      out: "",
      err: `health-checker: cannot listen on unix:${socket}: another user's socket is there\n`,
      exitCode: 1,
    });
  },
  60_000,
);

test("a reader of its output that has gone is no reason to hang or to crash", async () => {
  await using folder = await tempFolder();
  const socket = socketIn(folder);
  await using _daemon = await startDaemon(["--port", "1", "--control-socket", socket]);
  const command = `"${await binary()}" status --control-socket "${socket}" | true; echo "$?"`;
  const child = Bun.spawn(["sh", "-c", command], { stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect({ out, err }).toEqual({ out: "0\n", err: "" });
  await until(() => child.exitCode === 0);
}, 30_000);

test("an internal error of the command itself is reported in its words, without the program's text", async () => {
  await using folder = await tempFolder();
  const socket = socketIn(folder);
  const nested = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  const body = JSON.stringify({ ...hostStatus(), more: 0 }).replace(/0}$/, `${nested}}`);
  const server = Bun.serve({ unix: socket, fetch: () => new Response(body) });
  try {
    const { out, err, exitCode } = await run(["status", "--json", "--control-socket", socket]);
    expect({ out, exitCode }).toEqual({ out: "", exitCode: 1 });
    expect(err).toStartWith("health-checker: internal error; please report it: RangeError");
  } finally {
    await server.stop(true);
  }
}, 30_000);
