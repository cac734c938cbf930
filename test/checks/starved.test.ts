// Without free descriptors the reason is `resource`, and no peer is reported as down.

import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Outcome } from "../../src/outcome.ts";
import { listener } from "../support/listeners.ts";
import { needs } from "../support/needs.ts";

type Asked = readonly (readonly [kind: string, keys: Readonly<Record<string, unknown>>])[];

/** The outcomes of the checks while no descriptor is free, and once some are free again. */
async function starve(asked: Asked, ...words: string[]): Promise<readonly (readonly Outcome[])[]> {
  const fixture = join(import.meta.dir, "../fixtures/starved-talk.ts");
  // A low limit, since the test takes every descriptor up to it.
  const command = ["prlimit", "--nofile=128:128", process.execPath, fixture, JSON.stringify(asked), ...words];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  return (await new Response(child.stdout).json()) as readonly (readonly Outcome[])[];
}

const page = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";

test("a check that uses a connection takes one of the reserve; without a reserve the reason is resource", async () => {
  await using server = await listener((socket) => {
    socket.on("data", () => void socket.end(page));
  });
  const asked: Asked = [
    ["http", { http: `http://127.0.0.1:${server.port}/` }],
    ["tcp", { tcp: server.port, send: "GET / HTTP/1.1\r\n\r\n", expect: "200 OK" }],
    ["tcp", { tcp: `localhost:${server.port}`, send: "GET / HTTP/1.1\r\n\r\n", expect: "200 OK" }],
  ];
  const [byReserve, later] = await starve(asked.slice(0, 2), "reserve");
  expect(byReserve?.map(({ ok }) => ok)).toEqual([true, true]);
  expect(later?.map(({ ok }) => ok)).toEqual([true, true]);
  const [starved, again] = await starve(asked);
  const lack = { reason: "resource", message: `no descriptor left to reach 127.0.0.1:${server.port} (EMFILE)` };
  expect(starved).toMatchObject([lack, lack, { reason: "resource" }]);
  expect(again?.map(({ ok }) => ok)).toEqual([true, true, true]);
}, 30_000);

const onServers = await needs("PostgreSQL on port 5432", "MariaDB on port 3306", "Redis on port 6379");

onServers(
  "a database is served by the reserve; without one it is asked once there is a descriptor, and the reason is resource until then",
  async () => {
    const asked: Asked = [
      ["postgres", { postgres: "postgres://postgres@127.0.0.1/postgres" }],
      ["mysql", { mysql: "mysql://root@127.0.0.1" }],
      ["redis", { redis: "redis://127.0.0.1" }],
    ];
    const [starved = [], later, relieved] = await starve(asked);
    expect(starved.map((outcome) => outcome.ok || outcome.reason)).toEqual(["resource", "resource", "resource"]);
    for (const outcomes of [later, relieved]) expect(outcomes?.map(({ ok }) => ok)).toEqual([true, true, true]);
    for (const outcomes of await starve(asked, "reserve"))
      expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, true]);
  },
  30_000,
);
