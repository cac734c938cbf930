// An address is remembered for an hour, including time in which the host is suspended.

import { expect, test } from "bun:test";
import { createLastAddresses } from "../../src/net/last-addresses.ts";

const HOUR_MS = 3_600_000;

/** A clock that stands still until it is set. */
function setUp() {
  const clock = { time: 5000, now: () => clock.time };
  return { clock, lastAddresses: createLastAddresses(clock) };
}

test("addresses are recalled with their age, up to an hour", () => {
  const { clock, lastAddresses } = setUp();
  lastAddresses.keep("db.test", ["10.0.0.1", "::1"]);
  clock.time += 12 * 60_000;
  expect(lastAddresses.recall("db.test")).toEqual({
    addresses: ["10.0.0.1", "::1"],
    note: "used the address from 12m ago",
  });
  clock.time = 5000 + HOUR_MS;
  expect(lastAddresses.recall("db.test")).toEqual({
    addresses: ["10.0.0.1", "::1"],
    note: "used the address from 1h ago",
  });
  clock.time++;
  expect(lastAddresses.recall("db.test")).toBeUndefined();
});

test("addresses that are kept again replace the old ones and count from then", () => {
  const { clock, lastAddresses } = setUp();
  lastAddresses.keep("db.test", ["10.0.0.1"]);
  clock.time += HOUR_MS + 1;
  lastAddresses.keep("db.test", ["10.0.0.2"]);
  clock.time += HOUR_MS;
  expect(lastAddresses.recall("db.test")?.addresses).toEqual(["10.0.0.2"]);
});

test("a forgotten or unknown name is not recalled", () => {
  const { lastAddresses } = setUp();
  lastAddresses.keep("db.test", ["10.0.0.1"]);
  lastAddresses.keep("other.test", ["10.0.0.2"]);
  lastAddresses.forget("db.test");
  expect([lastAddresses.recall("db.test"), lastAddresses.recall("never.test")]).toEqual([undefined, undefined]);
  expect(lastAddresses.recall("other.test")?.addresses).toEqual(["10.0.0.2"]);
});
