// The next state after each event.

import { expect, test } from "bun:test";
import {
  type ClockedState,
  type DrainEvent,
  IN_SERVICE,
  isInService,
  LONGEST_MAINTENANCE_MS,
  reduce,
} from "../../src/drain/state.ts";

const NOW = { nowMs: 5000, epochMs: 1_700_000_000_000 };
const DRAIN = { since: 1_600_000_000_000, sinceMs: 1000 };
const MAINTENANCE = { since: 1_600_000_000_000, until: 1_600_000_008_000, sinceMs: 1000, endMs: 9000 };
const DRAINED: ClockedState = { stopping: false, drain: DRAIN };
const WITH_REASON: ClockedState = { stopping: false, drain: { ...DRAIN, reason: "new disk" } };
const MAINTAINED: ClockedState = { stopping: false, maintenance: MAINTENANCE };
const OVER: ClockedState = { stopping: false, drain: DRAIN, maintenance: { ...MAINTENANCE, endMs: 5000 } };

const TIME: DrainEvent = { kind: "time" };
const FOR_1_S: DrainEvent = { kind: "maintain", forMs: 1000, reason: "new disk" };
const ONE_SECOND = {
  since: 1_700_000_000_000,
  until: 1_700_000_001_000,
  reason: "new disk",
  sinceMs: 5000,
  endMs: 6000,
};

test.each<[what: string, before: ClockedState, event: DrainEvent, after: ClockedState]>([
  ["a drain", IN_SERVICE, { kind: "drain" }, { stopping: false, drain: { since: 1_700_000_000_000, sinceMs: 5000 } }],
  [
    "a drain in maintenance",
    MAINTAINED,
    { kind: "drain" },
    { ...MAINTAINED, drain: { since: 1_700_000_000_000, sinceMs: 5000 } },
  ],
  [
    "a drain with a reason",
    IN_SERVICE,
    { kind: "drain", reason: "new disk" },
    { stopping: false, drain: { since: 1_700_000_000_000, sinceMs: 5000, reason: "new disk" } },
  ],
  [
    "a second drain with a reason",
    WITH_REASON,
    { kind: "drain", reason: "new kernel" },
    { stopping: false, drain: { ...DRAIN, reason: "new kernel" } },
  ],
  ["a maintenance", DRAINED, FOR_1_S, { ...DRAINED, maintenance: ONE_SECOND }],
  ["a second maintenance", MAINTAINED, FOR_1_S, { stopping: false, maintenance: ONE_SECOND }],
  ["undrain", OVER, { kind: "undrain" }, IN_SERVICE],
  ["undrain of a daemon that stops", { ...DRAINED, stopping: true }, { kind: "undrain" }, { stopping: true }],
  ["stop", DRAINED, { kind: "stop" }, { ...DRAINED, stopping: true }],
  ["the end of a maintenance", OVER, TIME, { ...DRAINED, maintenance: undefined }],
])("%s changes the state", (_, before, event, after) => {
  expect(reduce(before, event, NOW)).toEqual(after);
});

test.each<[what: string, before: ClockedState, event: DrainEvent]>([
  ["a second drain", DRAINED, { kind: "drain" }],
  ["a second drain without a reason", WITH_REASON, { kind: "drain" }],
  ["a second drain with the same reason", WITH_REASON, { kind: "drain", reason: "new disk" }],
  ["undrain in service", IN_SERVICE, { kind: "undrain" }],
  ["a second stop", { stopping: true }, { kind: "stop" }],
  ["time without maintenance", DRAINED, TIME],
  ["time before the end of a maintenance", MAINTAINED, TIME],
])("%s changes nothing: the state is the same object", (_, before, event) => {
  expect(reduce(before, event, NOW)).toBe(before);
});

test("a maintenance lasts no longer than a year", () => {
  const { maintenance } = reduce(IN_SERVICE, { kind: "maintain", forMs: 1e15, reason: undefined }, NOW);
  expect(maintenance?.endMs).toBe(NOW.nowMs + LONGEST_MAINTENANCE_MS);
  expect(maintenance).not.toHaveProperty("reason");
});

test("a host is in service when nothing is in force", () => {
  expect([IN_SERVICE, DRAINED, MAINTAINED, { stopping: true }].map(isInService)).toEqual([true, false, false, false]);
});
