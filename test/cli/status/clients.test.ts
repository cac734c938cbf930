// The clients of the health listener as a table.

import { expect, test } from "bun:test";
import { renderClients } from "../../../src/cli/status/clients.ts";
import type { ClientStatus } from "../../../src/status/schema.ts";
import { hostStatus } from "../../support/status.ts";

const NOW = Date.parse("2026-01-31T12:10:00.500Z");
const PLAIN = { columns: undefined, colour: false };

const client = (given: Partial<ClientStatus>): ClientStatus => ({
  address: "10.0.1.5",
  userAgent: "ELB-HealthChecker/2.0",
  requests: 62,
  lastAt: "2026-01-31T12:09:57.000Z",
  lastCode: 200,
  lastSeconds: 0.0042,
  codes: { "200": 60, "504": 2 },
  disconnected: 0,
  intervalSeconds: 10,
  ...given,
});

const { lastCode: _, lastSeconds: _seconds, intervalSeconds: _interval, ...silent } = client({ codes: {} });

const CLIENTS = [
  client({}),
  client({ address: "10.0.2.9", lastCode: 504, lastSeconds: 4.5, codes: { "504": 62 } }),
  { ...silent, address: "10.0.3.1", requests: 2, disconnected: 2, userAgent: "curl\u001b[2J" },
];

test("each client has a line: how often it asks, and what it was answered", () => {
  expect(renderClients(hostStatus({ clients: CLIENTS }), PLAIN, NOW).split("\n")).toEqual([
    "healthy, 0 of 0 up",
    "",
    "CLIENT      LAST  EVERY  ANSWER    TOOK  REQUESTS  DISCONNECTED  ANSWERS          USER-AGENT",
    "10.0.1.5  3s ago    10s  200     0.004s        62             0  200: 60, 504: 2  ELB-HealthChecker/2.0",
    "10.0.2.9  3s ago    10s  504     4.500s        62             0  504: 62          ELB-HealthChecker/2.0",
    '10.0.3.1  3s ago         none                   2             2                   "curl\\u001b[2J"',
  ]);
});

test("the colour is that of the last answer", () => {
  const [, , , ...rows] = renderClients(hostStatus({ clients: CLIENTS }), { ...PLAIN, colour: true }, NOW).split("\n");
  expect(rows.map((row) => /\[(\d+)m(\w+)/.exec(row)?.slice(1))).toEqual([
    ["32", "200"],
    ["31", "504"],
    ["33", "none"],
  ]);
});

test("that no request has come is said, with the time of the start", () => {
  expect(renderClients(hostStatus(), PLAIN, NOW)).toEndWith(
    "\n\nno request has come since the daemon started at 2026-01-31T12:00:00Z (10m ago)",
  );
});
