// The clients that are remembered, and the interval at which each asks.

import { expect, test } from "bun:test";
import { Clients } from "../../src/status/clients.ts";
import type { ClientStatus } from "../../src/status/schema.ts";

const ALB = "ELB-HealthChecker/2.0";

/** Requests that come at these times, in seconds; each is answered 200 at once. */
function ask(clients: Clients, address: string, seconds: readonly number[], endpoint = "/", userAgent = ALB): void {
  for (const at of seconds) clients.take({ address, userAgent }, endpoint, 200, at * 1000, 0);
}

const intervals = (clients: Clients): Readonly<Record<string, number | undefined>> =>
  Object.fromEntries(clients.list(0).map(({ address, intervalSeconds }) => [address, intervalSeconds]));

test.each([
  ["absent for fewer than three requests", [0, 10], undefined],
  ["the time between requests", [0, 10, 20], 10],
  ["the middle of unequal ones", [0, 9, 20, 30], 10],
  ["not changed by a request that is missing", [0, 10, 20, 40, 50, 60], 10],
  ["not changed by a request between two others", [0, 10, 20, 21, 30, 40], 10],
  ["the new one soon after it has changed", [0, 10, 20, 30, 40, 70, 100, 130], 30],
])("the interval is %s", (_, seconds, expected) => {
  const clients = new Clients();
  ask(clients, "10.0.0.1", seconds);
  expect(intervals(clients)["10.0.0.1"]).toBe(expected);
});

test("each address of a load balancer has its own interval, and so has each User-Agent of an address", () => {
  const clients = new Clients();
  for (let round = 0; round < 5; round++) {
    ask(clients, "10.0.0.1", [round * 10]);
    ask(clients, "10.0.1.1", [round * 10 + 3]);
    ask(clients, "10.0.2.1", [round * 30 + 4]);
    ask(clients, "10.0.2.1", [round * 30 + 5], "/", "curl");
  }
  expect(
    clients.list(0).map(({ address, userAgent, intervalSeconds }) => [address, userAgent, intervalSeconds]),
  ).toEqual([
    ["10.0.2.1", "curl", 30],
    ["10.0.2.1", ALB, 30],
    ["10.0.1.1", ALB, 10],
    ["10.0.0.1", ALB, 10],
  ]);
});

test("a client of two endpoints has the interval at which it asks for each", () => {
  const clients = new Clients();
  for (let round = 0; round < 5; round++) {
    ask(clients, "10.0.0.1", [round * 10], "/primary");
    ask(clients, "10.0.0.1", [round * 10 + 1], "/replica");
  }
  expect(intervals(clients)).toEqual({ "10.0.0.1": 10 });
});

test("a client shows its last request, its answers by status, and how often it disconnected", () => {
  const clients = new Clients();
  const client = { address: "10.0.0.1", userAgent: "evil\u001b[2J\u202e\nagent" };
  const now = 1_000_000;
  const take = (agoMs: number, seconds: number, code?: number) => clients.take(client, "/", code, now - agoMs, seconds);
  const list = (): readonly ClientStatus[] => clients.list(now);
  take(90_000, 0.5, 200);
  take(60_000, 0.25, 504);
  take(30_000, 0.125, 504);
  const epoch = Date.now();
  const [shown] = list();
  expect(shown).toEqual({
    address: "10.0.0.1",
    userAgent: "evil\\u001b[2J\\u202e\\u000aagent",
    requests: 3,
    lastAt: expect.any(String),
    lastCode: 504,
    lastSeconds: 0.125,
    codes: { 200: 1, 504: 2 },
    disconnected: 0,
    intervalSeconds: 30,
  });
  expect(Math.abs(epoch - 30_000 - Date.parse(shown?.lastAt ?? ""))).toBeLessThan(10_000);
  take(0, 5);
  const [left] = list();
  expect(left).toMatchObject({ requests: 4, lastSeconds: 5, codes: { 200: 1, 504: 2 }, disconnected: 1 });
  expect(left).not.toHaveProperty("lastCode");
});

test("beyond 64 clients the one is forgotten that has not asked for longest", () => {
  const clients = new Clients();
  for (let one = 0; one < 64; one++) ask(clients, `10.0.0.${one}`, [one]);
  ask(clients, "10.0.0.0", [100]);
  ask(clients, "10.0.1.0", [101]);
  const addresses = clients.list(0).map(({ address }) => address);
  expect(addresses).toHaveLength(64);
  expect(addresses.slice(0, 3)).toEqual(["10.0.1.0", "10.0.0.0", "10.0.0.63"]);
  expect(addresses.at(-1)).toBe("10.0.0.2");
  ask(clients, "10.0.0.1", [102]);
  expect(clients.list(0)[0]).toMatchObject({ address: "10.0.0.1", requests: 1 });
});

test("times of more endpoints than a client needs are forgotten", () => {
  const clients = new Clients();
  for (let at = 0; at < 100; at++) ask(clients, "10.0.0.1", [at], `/${at % 50}`);
  expect(clients.list(0)[0]).toMatchObject({ requests: 100 });
  expect(intervals(clients)["10.0.0.1"]).toBeUndefined();
});
