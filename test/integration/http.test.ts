// What clients get from the running binary, byte by byte where that counts.

import { expect, test } from "bun:test";
import { connect } from "node:net";
import { converse } from "../support/converse.ts";
import { startDaemon } from "../support/daemon.ts";
import { freePort, listener } from "../support/listeners.ts";
import { connectionsAt, requestsReadAt } from "../support/processes.ts";
import { answersAll } from "../support/shown.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const HEAD = (status: string, length: number) =>
  `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: ${length}\r\n\r\n`;

/** The order of the headers and the date are nobody's business. */
const lines = (said: string): readonly string[] =>
  said
    .toLowerCase()
    .split("\r\n")
    .filter((line) => !line.startsWith("date:"))
    .sort();

test("HTTP/1.0 without Host is answered whole and closed, and no path is redirected", async () => {
  await using peer = await listener();
  const nobody = await freePort();
  await using healthy = await startDaemon(["--port", `${peer.port}`]);
  await using unhealthy = await startDaemon(["--port", `${nobody}`]);
  await using other = await startDaemon(["--port", `${nobody}`, "--failure-status", "503"]);
  const say = (port: number, request: string) => converse({ hostname: "127.0.0.1", port }, request);
  for (const target of ["/", "//x", "/a/../b", "/%zz?q=1#f"]) {
    const request = `GET ${target} HTTP/1.0\r\n\r\n`;
    expect(lines(await say(healthy.port, request))).toEqual(lines(`${HEAD("200 OK", 2)}OK`));
    expect(lines(await say(unhealthy.port, request))).toEqual(
      lines(`${HEAD("504 Gateway Timeout", 32)}At least one health check failed`),
    );
  }
  expect(await say(other.port, "OPTIONS / HTTP/1.0\r\n\r\n")).toStartWith("HTTP/1.1 503 ");
});

test("a path that is close to an endpoint is answered for the host, and reported once", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const config = await folder.write(
    "hc.yaml",
    JSON.stringify({
      checks: [
        { name: "host", tcp: peer.port },
        { name: "replica", tcp: peer.port, severity: "endpoint" },
      ],
      endpoints: { "/replica/": ["replica"] },
    }),
  );
  await using daemon = await startDaemon(["--config", config]);
  const say = (path: string) => converse({ hostname: "127.0.0.1", port: daemon.port }, `GET ${path} HTTP/1.0\r\n\r\n`);
  await answersAll(daemon);
  const paths = [
    "/replica",
    "/replica/",
    "/",
    "/health",
    "/Replica",
    "/Replica/",
    "/Replica?x",
    "/r\u009bplica",
    "/replics",
  ];
  for (const path of paths) expect(await say(path)).toStartWith("HTTP/1.1 200 ");
  await daemon.logged("path=/replics");
  const reported = daemon.log().flatMap((line) => /WARNING (.*)/.exec(line)?.[1] ?? []);
  const message = "requested path matches no endpoint; answered for the host";
  expect(reported).toEqual([`${message} path=/Replica closest=/replica`, `${message} path=/replics closest=/replica`]);
  // Nothing that a terminal would obey.
  expect(reported.join("")).not.toMatch(/\p{Cc}/u);
});

test("a body of any size is no reason to refuse a request", async () => {
  await using peer = await listener();
  await using daemon = await startDaemon(["--port", `${peer.port}`]);
  const answer = await daemon.ask("/", { method: "POST", body: new Uint8Array(200_000_000) });
  expect({ status: answer.status, body: answer.body }).toEqual({ status: 200, body: "OK" });
});

test("the log says how long a client waited that disconnected, which checks were still running, and at the end how many more did", async () => {
  await using folder = await tempFolder();
  const gate = `#!/bin/sh\nuntil [ -e ${folder.path}/go ]; do sleep 0.05; done\n`;
  const script = await folder.write("gate.sh", gate, 0o755);
  await using daemon = await startDaemon(["--script", script, "--script-timeout", "60"]);
  /** Clients that leave once their requests have been read. */
  const leave = async (count: number) => {
    const clients = Array.from({ length: count }, () => connect(daemon.port, "127.0.0.1"));
    for (const client of clients) client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => requestsReadAt(daemon.port) === count);
    for (const client of clients) client.resetAndDestroy();
    await until(() => connectionsAt(daemon.port).length === 0);
  };
  await leave(1);
  expect(await daemon.logged("client disconnected before the response")).toMatch(
    new RegExp(`waited=\\S+ running="script ${script}"`),
  );
  await leave(2);
  await folder.write("go", ""); // for a round that nobody waits for goes on
  expect(await daemon.stop()).toBe(0);
  expect(daemon.log().filter((line) => line.includes("disconnected"))).toEqual([
    expect.anything(),
    expect.stringMatching(/WARNING more clients disconnected before the response count=2$/),
  ]);
});
