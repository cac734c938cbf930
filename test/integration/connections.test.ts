// What lies below the handler: what is sent instead of a request, and more connections than there is room for.

import { expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { MIB_OF_CONNECTION } from "../../src/cli/unit/limits.ts";
import { MOST_CONNECTIONS } from "../../src/listeners/control/server.ts";
import { askAt } from "../support/ask.ts";
import { binary } from "../support/binary.ts";
import { converse } from "../support/converse.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import { connectionsAt, descriptorsOf, memoryOf, requestsReadAt } from "../support/processes.ts";
import { run } from "../support/run.ts";
import { answersAll } from "../support/shown.ts";
import { tempFolder } from "../support/temp.ts";
import { hasPassed, until } from "../support/until.ts";

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const FINAL_GET = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/** A client that counts what it was answered, and knows whether it was closed. */
async function client(port: number, words = "") {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const state = { socket, said: "", closed: false };
  socket.on("data", (data) => {
    state.said += data;
  });
  socket.on("error", () => {});
  socket.on("end", () => {
    state.closed = true;
  });
  socket.on("close", () => {
    state.closed = true;
  });
  await new Promise((connected) => socket.once("connect", connected));
  if (words) socket.write(words);
  return state;
}

const clients = (port: number, count: number, words = "") =>
  Promise.all(Array.from({ length: count }, () => client(port, words)));

const destroyAll = (open: readonly { readonly socket: Socket }[]) => {
  for (const { socket } of open) socket.destroy();
};

/** Healthy, and answers once the gate is open. */
async function slowDaemon(args: readonly string[] = []) {
  const folder = await tempFolder();
  const gate = `#!/bin/sh\nuntil [ -e ${folder.path}/go ]; do sleep 0.02; done\n`;
  const script = await folder.write("gate.sh", gate, 0o755);
  const daemon = await startDaemon(["--script", script, "--script-timeout", "60", ...args]);
  await folder.write("go", "");
  await answersAll(daemon);
  return {
    ...daemon,
    close: () => rm(`${folder.path}/go`),
    go: () => folder.write("go", ""),
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("the first request is answered, whatever follows it while its answer is made up", async () => {
  await using daemon = await slowDaemon();
  await daemon.close();
  const others: readonly [string, (socket: Socket) => void][] = [
    ["a line end more", (socket) => socket.write("\r\n")],
    ["a second request", (socket) => socket.write(GET)],
    ["half a request", (socket) => socket.write("GET / HT")],
  ];
  // Later than some hundred milliseconds it would be a client that has given up.
  const ended = await Promise.all(["", "\r\n"].map(() => client(daemon.port)));
  for (const [index, { socket }] of ended.entries()) socket.end(index === 0 ? GET : `${GET}\r\n`);
  const open = await Promise.all(others.map(() => client(daemon.port, GET)));
  const late = await client(daemon.port, `\r\n${GET}\r\n`);
  await until(() => requestsReadAt(daemon.port) === others.length + 1);
  others.forEach(([, follow], index) => {
    const one = open[index];
    if (one) follow(one.socket);
  });
  await until(() => connectionsAt(daemon.port).every(({ unreadBytes }) => unreadBytes === 0));
  await daemon.go();
  await until(() => [...open, ...ended, late].every(({ said }) => said.startsWith("HTTP/1.1 200 ")));
  destroyAll([...open, ...ended, late]);
});

test("what follows a request is not answered in its place, and its own answer is the last", async () => {
  await using peer = await listener();
  await using folder = await tempFolder();
  const gate = `#!/bin/sh\nuntil [ -e ${folder.path}/go ]; do sleep 0.02; done; exit 1\n`;
  const config = {
    checks: [
      { name: "db", tcp: peer.port },
      // No request may be answered at a deadline before the gate opens.
      { name: "slow", script: [await folder.write("gate.sh", gate, 0o755)], timeout: "1m" },
    ],
    endpoints: { "/db": ["db"] },
  };
  await using daemon = await startDaemon(["--config", await folder.write("hc.yaml", JSON.stringify(config))]);
  await folder.write("go", "");
  await answersAll(daemon);
  await rm(`${folder.path}/go`);
  const db = GET.replace("/", "/db");
  const followed = ["GET /db HTTP/1.0\r\n\r\n", db, "FOO /db HTTP/1.1\r\n\r\n", "junk\r\n\r\n", `${db}${db}`, "\0"];
  const together = await Promise.all(followed.map((more) => client(daemon.port, `${GET}${more}`)));
  const apart = await clients(daemon.port, followed.length, GET);
  const head = await client(daemon.port, `${GET.replace("GET", "HEAD")}${db}`);
  await until(() => requestsReadAt(daemon.port) === 2 * followed.length + 1);
  for (const [index, { socket }] of apart.entries()) socket.write(Buffer.from(followed[index] ?? "", "latin1"));
  await until(() => connectionsAt(daemon.port).every(({ unreadBytes }) => unreadBytes === 0));
  await until(hasPassed(100));
  const all = [...together, ...apart, head];
  expect(all.map(({ said }) => said).join("")).toBe("");
  await folder.write("go", "");
  await until(() => all.every(({ closed }) => closed));
  for (const { said } of [...together, ...apart]) {
    expect(said).toMatch(/^HTTP\/1\.1 504 .*\r\n\r\nAt least one health check failed$/s);
  }
  expect(head.said).toMatch(/^HTTP\/1\.1 504 .*\r\n\r\n$/s);
  expect(daemon.log().filter((line) => /refused|disconnected/.test(line))).toEqual([]);
});

test("a client that sends two requests and breaks off ends nothing", async () => {
  await using daemon = await slowDaemon();
  await daemon.close();
  const gone = await clients(daemon.port, 100, `${GET}${GET}`);
  await until(() => requestsReadAt(daemon.port) === gone.length);
  for (const { socket } of gone) socket.resetAndDestroy();
  await until(() => connectionsAt(daemon.port).length === 0);
  const others = await clients(daemon.port, 100, GET);
  await daemon.go();
  await until(() => others.every(({ said }) => /^HTTP\/1\.1 200 .*OK$/s.test(said)));
  destroyAll(others);
});

test("two requests at once on each of many connections to the control socket, and then no reader, end nothing", async () => {
  await using folder = await tempFolder();
  const unix = `${folder.path}/control.sock`;
  const ask = (path: string) => askAt(`http://localhost${path}`, { unix });
  await using daemon = await slowDaemon(["--control-socket", unix]);
  await daemon.close();
  const status = GET.replace("/", "/status");
  const gone: Socket[] = [];
  let closed = 0;
  for (let count = 0; count < 80; count++) {
    const socket = connect(unix);
    socket.on("error", () => {});
    socket.on("close", () => closed++);
    socket.write(`${status}${status}`);
    gone.push(socket);
  }
  await until(() => closed >= gone.length - MOST_CONNECTIONS);
  // What has come before it has been read.
  expect((await ask("/none")).status).toBe(404);
  for (const socket of gone) socket.destroy();
  await until(() => closed === gone.length);
  expect((await ask("/none")).status).toBe(404);
  await daemon.go();
  expect((await ask("/status")).status).toBe(200);
  expect(await daemon.stop()).toBe(0);
});

test("a request that waits while the daemon stops has its own answer, whatever follows it", async () => {
  await using daemon = await slowDaemon();
  await daemon.close();
  const one = await client(daemon.port, GET);
  await until(() => requestsReadAt(daemon.port) === 1);
  const stopped = daemon.stop();
  await daemon.logged("stopping");
  one.socket.write(GET);
  await until(() => connectionsAt(daemon.port).every(({ unreadBytes }) => unreadBytes === 0));
  await daemon.go();
  await until(() => one.closed);
  expect(one.said).toMatch(/^HTTP\/1\.1 200 .*OK$/s);
  expect(await stopped).toBe(0);
});

test("a client that closes its side long after its request has given up, and is told of", async () => {
  await using daemon = await slowDaemon();
  await daemon.close();
  const one = await client(daemon.port, GET);
  await until(() => requestsReadAt(daemon.port) === 1);
  await until(hasPassed(700));
  one.socket.end();
  await daemon.logged("client disconnected before the response");
  await until(() => one.closed);
  expect(one.said).toBe("");
  await daemon.go();
});

test("any method, any target and no Host are answered as any request, endpoints too", async () => {
  await using peer = await listener();
  await using folder = await tempFolder();
  const config = await folder.write(
    "hc.yaml",
    JSON.stringify({
      checks: [
        { name: "host", tcp: peer.port },
        { name: "replica", script: "false", severity: "endpoint" },
      ],
      endpoints: { "/replica": ["replica"], "/r%C3%A9plica": ["replica"] },
    }),
  );
  await using daemon = await startDaemon(["--config", config]);
  await answersAll(daemon);
  const statuses = await Promise.all(
    [
      "OPTIONS * HTTP/1.0",
      "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close",
      "GET / HTTP/1.1\r\nConnection: close",
      "get / HTTP/1.0",
      "BREW /x HTTP/1.0",
      "BREW /replica HTTP/1.0",
      "GET /\xe9 HTTP/1.0",
      "GET /r\xc3\xa9plica HTTP/1.0",
      "GET http://x/replica HTTP/1.1\r\nHost: x\r\nConnection: close",
    ].map(async (request) => {
      const said = await converse(
        { hostname: "127.0.0.1", port: daemon.port },
        Buffer.from(`${request}\r\n\r\n`, "latin1"),
      );
      return said.slice(9, 12) + said.slice(said.indexOf("\r\n\r\n") + 4);
    }),
  );
  const unhealthy = "504At least one health check failed";
  expect(statuses).toEqual(["200OK", "200OK", "200OK", "200OK", "200OK", unhealthy, "200OK", unhealthy, unhealthy]);
});

test("what is no request is refused, and each kind is logged once", async () => {
  await using peer = await listener();
  await using daemon = await startDaemon(["--port", `${peer.port}`]);
  await answersAll(daemon);
  const say = (words: string) => converse({ hostname: "127.0.0.1", port: daemon.port }, Buffer.from(words, "latin1"));
  const halves = await client(daemon.port, "\r\n\r\n\0\r\nQUI");
  halves.socket.write("T\n\x20\0\0\0");
  await until(() => halves.closed);
  for (const words of [
    `PROXY TCP4 10.0.0.1 10.0.0.2 4242 5000\r\n${FINAL_GET}`,
    `\r\n\r\n\0\r\nQUIT\n\x20\0\0\0${FINAL_GET}`,
    "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "SSH-2.0-client\r\n",
    `PROXY TCP4 10.0.0.1 10.0.0.2 4242 5000\r\n${FINAL_GET}`,
  ]) {
    expect(await say(words)).toStartWith("HTTP/1.1 400 ");
  }
  await daemon.logged("not an HTTP/1.0");
  const told = daemon
    .log()
    .flatMap(
      (line) => /WARNING (request refused: [^(]*?) (?:\(.*\) )?client=127.0.0.1 received=/.exec(line)?.[1] ?? [],
    );
  expect(told).toEqual([
    "request refused: PROXY protocol header",
    "request refused: TLS handshake",
    "request refused: HTTP/2",
    "request refused: not an HTTP/1.0 or HTTP/1.1 request",
  ]);
});

const CROWDED = "too many connections; closing the longest idle";

test("a flood of idle clients takes no descriptor from an honest one, and is logged once", async () => {
  await using peer = await listener();
  const command = ["prlimit", "--nofile=256:256", await binary()];
  await using daemon = await startDaemon(["--port", `${peer.port}`], { command });
  await answersAll(daemon);
  for (const words of ["", "GET / HT", GET]) {
    const flood = await clients(daemon.port, 300, words);
    await until(() => flood.filter(({ closed }) => closed).length >= 300 - 128);
    await until(() => words !== GET || flood.every(({ said, closed }) => said !== "" || closed));
    expect(await converse({ hostname: "127.0.0.1", port: daemon.port }, FINAL_GET)).toStartWith("HTTP/1.1 200 ");
    await until(() => connectionsAt(daemon.port).length <= 128, 10_000, "no more than 128 connections");
    expect(descriptorsOf(daemon.pid)).toBeLessThan(200);
    destroyAll(flood);
    await until(() => connectionsAt(daemon.port).length === 0);
  }
  expect(daemon.log().filter((line) => line.includes(CROWDED))).toEqual([
    expect.stringMatching(/ WARNING .* listener=health most=128 closed=\d+$/),
  ]);
});

test("connections with headers that do not end take no more memory than the unit allows them", async () => {
  await using peer = await listener();
  const most = 1000;
  await using daemon = await startDaemon(["--port", `${peer.port}`, "--max-connections", `${most}`]);
  await answersAll(daemon);
  const before = memoryOf(daemon.pid, "peak");
  const flood = await clients(daemon.port, 5 * most, `GET / HTTP/1.1\r\nA: ${"a".repeat(15_000)}`);
  await until(() => flood.filter(({ closed }) => closed).length >= 4 * most);
  await until(() => connectionsAt(daemon.port).every(({ unreadBytes }) => unreadBytes === 0));
  // Load alone takes 40 MiB.
  expect(memoryOf(daemon.pid, "peak") - before).toBeLessThan(40 + MIB_OF_CONNECTION * most);
  destroyAll(flood);
});

test("more connections than half of the descriptors are not to be had, and the log says so", async () => {
  await using peer = await listener();
  const command = ["prlimit", "--nofile=100:100", await binary()];
  await using daemon = await startDaemon(["--port", `${peer.port}`, "--max-connections", "51"], { command });
  expect(await daemon.logged("--max-connections is above")).toEndWith(" used=50 limit=100");
});

test("beyond --max-connections the longest idle is closed, not one that is in use, nor one that waits for its answer", async () => {
  await using daemon = await slowDaemon(["--max-connections", "10"]);
  await until(() => connectionsAt(daemon.port).length === 0);
  const used = await client(daemon.port, GET);
  await until(() => used.said.length > 0);
  const idle = await clients(daemon.port, 8, GET);
  await until(() => idle.every(({ said }) => said.length > 0), 10_000, "answers of those that will be idle");
  await until(hasPassed(20)); // the kernel's ages are in steps of up to 10 ms
  used.said = "";
  used.socket.write(GET); // the oldest, and the last that was used
  await until(() => used.said.length > 0);
  await daemon.close();
  const waits = await client(daemon.port, GET);
  await until(() => requestsReadAt(daemon.port) >= 1);
  const more = await clients(daemon.port, 8, "GET / HT");
  await until(() => idle.every(({ closed }) => closed), 10_000, "the idle to be closed");
  expect({ used: used.closed, waits: waits.closed }).toEqual({ used: false, waits: false });
  await daemon.go();
  await until(() => waits.said.startsWith("HTTP/1.1 200 "));
  destroyAll([used, waits, ...idle, ...more]);
});

test("as many requests that wait as there may be connections are answered; one that comes later finds no room, unless others have more", async () => {
  await using daemon = await slowDaemon(["--max-connections", "5"]);
  await until(() => connectionsAt(daemon.port).length === 0);
  await daemon.close();
  const waiting = await clients(daemon.port, 5, GET);
  await until(() => requestsReadAt(daemon.port) === 5);
  const late = await client(daemon.port, GET);
  await until(() => late.closed);
  // From another address, so the newest of those with five makes room.
  const other = connect({ port: daemon.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  const said: string[] = [];
  other.on("data", (data) => said.push(String(data)));
  other.write(GET);
  await until(() => waiting.filter(({ closed }) => closed).length === 1);
  await daemon.go();
  await until(() => said[0]?.startsWith("HTTP/1.1 200 "));
  other.destroy();
  await until(() => waiting.filter(({ said }) => said.startsWith("HTTP/1.1 200 ")).length === 4);
  destroyAll([...waiting, late]);
});

test("a flood of the agent leaves descriptors for the checks and for other clients", async () => {
  await using folder = await tempFolder();
  const agent = `${folder.path}/agent.sock`;
  // Those that ask the agent wait for it, and hold their connections.
  const script = await folder.write(
    "gate.sh",
    `#!/bin/sh\nuntil [ -e ${folder.path}/go ]; do sleep 0.02; done\n`,
    0o755,
  );
  const command = ["prlimit", "--nofile=256:256", await binary()];
  await using daemon = await startDaemon(
    ["--script", script, "--script-timeout", "60", "--agent-listener", `unix:${agent}`],
    { command },
  );
  const flood: Socket[] = [];
  let closed = 0;
  await until(() => {
    for (let count = 0; count < 10; count++) {
      const socket = connect(agent);
      socket.on("error", () => {});
      socket.on("close", () => closed++);
      flood.push(socket);
    }
    return closed > 300;
  });
  expect(descriptorsOf(daemon.pid)).toBeLessThan(128);
  await folder.write("go", "");
  expect((await daemon.ask()).status).toBe(200);
  for (const socket of flood) socket.destroy();
});

test("a flood of the control socket and of a health listener on a unix socket leaves room for others", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const [control, health] = [`${folder.path}/control.sock`, `${folder.path}/health.sock`];
  await using daemon: Daemon = await startDaemon([
    "--port",
    `${peer.port}`,
    "--listener",
    `unix:${health}`,
    "--control-socket",
    control,
    "--max-connections",
    "20",
  ]);
  for (const path of [control, health]) {
    const closed = { count: 0 };
    const flood: Socket[] = [];
    // Those from before the daemon sees its connections are none that it counts.
    await until(() => {
      const socket = connect(path);
      socket.on("error", () => {});
      socket.on("close", () => closed.count++);
      flood.push(socket);
      return closed.count > 50;
    });
    for (const socket of flood) socket.destroy();
  }
  expect((await daemon.ask()).status).toBe(200);
  const status = await run(["status", "--control-socket", control]);
  expect(status).toMatchObject({ exitCode: 0, err: "" });
  const told = daemon.log().filter((line) => line.includes(CROWDED));
  expect(told.map((line) => /listener=(\w+) most=(\d+)/.exec(line)?.slice(1))).toEqual([
    ["control", "32"],
    ["health", "20"],
  ]);
});

test("the request behind one whose body was never sent is not taken for that body", async () => {
  await using daemon = await startDaemon(["--port", String((await listener()).port)]);
  const asking = await client(
    daemon.port,
    "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3000000\r\n\r\n",
  );
  await until(() => asking.closed);
  expect(asking.said).toStartWith("HTTP/1.1 200 OK");
  expect(asking.said).toContain("Connection: close");
  asking.socket.destroy();
});

test("a HEAD that only the part below the handler can read has no body", async () => {
  await using daemon = await startDaemon(["--port", String((await listener()).port)]);
  await answersAll(daemon);
  const asking = await client(daemon.port, "HEAD / HTTP/1.1\nHost: x\n\n");
  await until(() => asking.closed);
  expect(asking.said).toStartWith("HTTP/1.1 200 OK");
  expect(asking.said).toEndWith("\r\n\r\n");
  asking.socket.destroy();
});

test("a request of an unknown method that waits for its answer keeps its connection beyond --max-connections", async () => {
  await using daemon = await slowDaemon(["--max-connections", "5"]);
  await daemon.close();
  const odd = await client(daemon.port, "BREW / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => requestsReadAt(daemon.port) >= 1);
  const others = await clients(daemon.port, 5, FINAL_GET);
  await daemon.logged("too many connections");
  await daemon.go();
  await until(() => odd.closed);
  expect(odd.said).toStartWith("HTTP/1.1 200 OK");
  destroyAll([odd, ...others]);
});
