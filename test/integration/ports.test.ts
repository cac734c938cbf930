// TCP checks of the running binary: true, in time, and nothing left open.

import { expect, test } from "bun:test";
import { unlinkSync } from "node:fs";
import { listenRaw } from "../net/raw-socket.ts";
import { binary } from "../support/binary.ts";
import { startDaemon } from "../support/daemon.ts";
import { freePort, fullBacklog, listener } from "../support/listeners.ts";
import { asRoot } from "../support/needs.ts";
import { descriptorsOf, handshakesTo } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const times = <T>(count: number, ask: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, ask));

test("all ports accept: 200 OK; one does not: 504", async () => {
  await using first = await listener();
  await using second = await listener();
  const nobody = await freePort();
  await using healthy = await startDaemon(["--port", `${first.port}`, "--port", `localhost:${second.port}`]);
  await using unhealthy = await startDaemon(["--port", `${first.port}`, "--port", `${nobody}`]);
  const good = await healthy.ask();
  expect({ status: good.status, body: good.body }).toEqual({ status: 200, body: "OK" });
  const bad = await unhealthy.ask();
  expect({ status: bad.status, body: bad.body }).toEqual({ status: 504, body: "At least one health check failed" });
  await unhealthy.logged(/check is down check="tcp 127\.0\.0\.1:\d+" reason=refused/);
});

test("it may check its own listener", async () => {
  const port = await freePort();
  await using daemon = await startDaemon(["--listener", `127.0.0.1:${port}`, "--port", `${port}`]);
  expect((await daemon.ask()).status).toBe(200);
});

test("a peer that drops SYNs ends at the timeout, for one request and for fifty, and no half-open connect remains", async () => {
  await using peer = await fullBacklog();
  await using daemon = await startDaemon(["--port", `${peer.port}`, "--port-timeout", "500ms", "--deadline", "10m"]);
  const others = handshakesTo(peer.port); // the ones that fill the backlog
  const before = descriptorsOf(daemon.pid);
  expect((await daemon.ask()).status).toBe(504);
  const fifty = await times(50, () => daemon.ask());
  expect(new Set(fifty.map(({ status }) => status))).toEqual(new Set([504]));
  await until(() => handshakesTo(peer.port) <= others, 10_000, "the daemon's connects to be gone");
  await until(() => descriptorsOf(daemon.pid) <= before, 10_000, "its descriptors to be closed");
  await daemon.logged(/check is down .* reason=timeout detail="127\.0\.0\.1:\d+ did not accept \(timeout 500ms\)"/);
}, 30_000);

test("a peer that accepts and resets at once is up, 5,000 times of 5,000", async () => {
  await using peer = await listener((socket) => socket.resetAndDestroy());
  await using daemon = await startDaemon(["--port", `${peer.port}`]);
  let up = 0;
  for (let asked = 0; asked < 5000; asked += 50) {
    const answers = await times(50, () => daemon.ask());
    up += answers.filter(({ status }) => status === 200).length;
  }
  expect(up).toBe(5000);
}, 60_000);

test("a probe closes with FIN, never with a reset", async () => {
  const ends: string[] = [];
  await using peer = await listener((socket) => {
    socket.on("end", () => ends.push("FIN"));
    socket.on("error", (error) => ends.push(String(error)));
  });
  await using daemon = await startDaemon(["--port", `${peer.port}`]);
  for (let asked = 0; asked < 50; asked++) expect((await daemon.ask()).status).toBe(200);
  await until(() => ends.length >= 50, 30_000, "every connection to have ended");
  expect(new Set(ends)).toEqual(new Set(["FIN"]));
});

test("a unix socket is checked and listened on, and its file is gone at the end", async () => {
  await using folder = await tempFolder();
  const path = `${folder.path}/health.sock`;
  await using daemon = await startDaemon(["--listener", `unix:${path}`, "--port", `unix:${path}`]);
  expect((await daemon.ask()).status).toBe(200);
  expect(await daemon.stop()).toBe(0);
  expect(await Bun.file(path).exists()).toBe(false);
});

test("a socket file is taken neither from a busy server nor, at the end, from a server that came after", async () => {
  await using folder = await tempFolder();
  const path = `${folder.path}/health.sock`;
  using busy = listenRaw({ family: "unix", path }, 0);
  busy.fill();
  const refused = startDaemon(["--listener", `unix:${path}`, "--port", "1"]);
  await expect(refused).rejects.toThrow("it is in use by another process");

  const replaced = `${folder.path}/replaced.sock`;
  await using first = await startDaemon(["--listener", `unix:${replaced}`, "--port", "1"]);
  unlinkSync(replaced);
  await using second = await startDaemon(["--listener", `unix:${replaced}`, "--port", `unix:${replaced}`]);
  expect(await first.stop()).toBe(0);
  expect((await second.ask()).status).toBe(200);
});

test("a second daemon on the same port is refused", async () => {
  await using first = await startDaemon(["--port", "1"]);
  const again = startDaemon(["--listener", `127.0.0.1:${first.port}`, "--port", "1"]);
  await expect(again).rejects.toThrow("it is in use by another process");
});

/** A daemon that sees a hosts file of its own. */
async function startWithHosts(hosts: string, target: string) {
  await using folder = await tempFolder();
  const file = await folder.write("hosts", hosts);
  const mount = `mount --bind ${file} /etc/hosts && exec "$@"`;
  const command = ["unshare", "--mount", "sh", "-c", mount, "-", await binary()];
  return await startDaemon(["--port", target], { command });
}

asRoot(
  "a name has the addresses that the system gives it: all of them, and no other's",
  async () => {
    using peer = Bun.listen({ hostname: "127.7.7.7", port: 0, socket: { data() {} } });
    await using another = await startWithHosts(
      "127.0.0.5 db.t\n127.0.0.5 other.t\n127.7.7.7 other.t\n",
      `db.t:${peer.port}`,
    );
    expect((await another.ask()).status).toBe(504);
    await using second = await startWithHosts("::1 six.t\n127.7.7.7 six.t\n", `six.t:${peer.port}`);
    expect((await second.ask()).status).toBe(200);
  },
  10_000,
);

test("a listener in use, an unknown one and a file in its place: one line, exit 1", async () => {
  await using taken = await listener();
  await using folder = await tempFolder();
  const file = await folder.write("file", "");
  const refused = (address: string) =>
    startDaemon(["--listener", address, "--port", "1"]).catch((error) => String(error));
  expect(await refused(`127.0.0.1:${taken.port}`)).toContain(
    `exited with 1\nhealth-checker: cannot listen on 127.0.0.1:${taken.port}: it is in use by another process`,
  );
  expect(await refused("192.0.2.1:1")).toContain("cannot listen on 192.0.2.1:1: this host has no such address");
  expect(await refused(`unix:${file}`)).toContain("the path exists and is not a socket");
  expect(await Bun.file(file).exists()).toBe(true);
});

test("every address, v4 and v6, where the listener says 0.0.0.0 or nothing", async () => {
  await using peer = await listener();
  for (const address of ["0.0.0.0:0", ":0"]) {
    await using daemon = await startDaemon(["--listener", address, "--port", `${peer.port}`]);
    for (const host of ["127.0.0.1", "[::1]"]) {
      expect((await fetch(`http://${host}:${daemon.port}/`)).status).toBe(200);
    }
  }
});
