// The status of the host is read from what is known: reading it starts no run, and every reader gets the same.

import { expect, test } from "bun:test";
import { readGauges } from "../../src/daemon/gauges.ts";
import { snapshot } from "../../src/daemon/snapshot.ts";
import type { DrainState } from "../../src/drain/state.ts";
import { HostStateTracker } from "../../src/status/host-state.ts";
import { Recorder } from "../../src/status/recorder.ts";
import { HostStatus } from "../../src/status/schema.ts";
import { DOWN, heldCheck, newClient, setUp as setUpChecks } from "../monitor/held-runs.ts";

function setUp() {
  const [app, cache] = ["app", "cache"].map((name) => heldCheck({ name }));
  if (!app || !cache) throw new Error("no check");
  const heard: string[] = [];
  const { monitor, live, clock } = setUpChecks({
    groups: [[app, cache], [app]],
    onStanding: () => hostState.review(),
  });
  const drained: { state: DrainState | undefined } = { state: undefined };
  const hostState = new HostStateTracker({ verdict: () => monitor.standing(), drainState: () => drained.state }, clock);
  hostState.listen(({ state }) => heard.push(state));
  const endpoints = [{ path: "/app", checks: ["app"], deadlineMs: undefined }];
  const options = { endpoints, config: { file: "hc.yaml", sha256: "ab", readAt: 0 } };
  const active = { plan: { options } } as unknown as Parameters<typeof snapshot>[0]["active"];
  const reloader = { underWay: undefined, last: undefined };
  const read = () => snapshot({ monitor, hostState, reloader, active }, new Recorder(clock), 0);
  return { monitor, live, clock, drained, heard, read };
}

test("reading it starts nothing, and it follows what happens", async () => {
  const { monitor, live, heard, drained, read } = setUp();
  const brief = () => {
    const { state, healthy, failing, endpoints, checks } = HostStatus.parse(read());
    const statuses = checks.map(({ status, runningSeconds }) => (runningSeconds === undefined ? status : "running"));
    return [state, healthy, failing.join(), endpoints.map(({ healthy }) => healthy).join(), statuses.join()];
  };
  expect(brief()).toEqual(["unknown", false, "", "false", "unknown,unknown"]);
  expect(live()).toEqual([]);
  void monitor.ask(newClient());
  expect(brief()).toEqual(["unknown", false, "", "false", "running,running"]);
  await live()[0]?.end();
  expect(brief()).toEqual(["unknown", false, "", "true", "up,running"]);
  heard.length = 0;
  await live()[0]?.end(DOWN);
  expect(heard).toEqual(["unhealthy"]); // without a reader
  expect(brief()).toEqual(["unhealthy", false, "cache", "true", "up,down"]);
  drained.state = { stopping: false, drain: { since: 0 } };
  expect(brief()).toEqual(["drained", false, "cache", "false", "up,down"]);
});

test("the gauges are those of the parts", () => {
  const { monitor } = setUp();
  void monitor.ask(newClient());
  const health = { openConnections: () => 7 };
  expect(readGauges({ monitor, health, droppedLines: () => 3 })).toEqual({
    roundsRunning: 1,
    roundsShared: 0,
    scriptsRunning: 0,
    orphans: expect.any(Number),
    logLinesDropped: 3,
    openConnections: 7,
  });
  expect(readGauges({ monitor, health: undefined, droppedLines: () => 0 }).openConnections).toBe(0);
});
