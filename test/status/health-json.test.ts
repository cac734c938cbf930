// The status of the host as application/health+json.

import { expect, test } from "bun:test";
import { healthJson } from "../../src/status/health-json.ts";
import { checkStatus, hostStatus } from "../support/status.ts";

const RAN = { ranAt: "2026-01-31T12:09:58.000Z", seconds: 0.012 } as const;
const DOWN = { ...RAN, status: "down", reason: "refused", detail: "connection refused" } as const;

test("a healthy host", () => {
  expect(healthJson(hostStatus({ checks: [checkStatus("web", RAN)] }))).toEqual({
    status: "pass",
    version: "1",
    releaseId: "1.0.0",
    serviceId: "web-1",
    description: "health of web-1",
    notes: ["state: healthy"],
    checks: {
      "web:responseTime": [
        { componentId: "web", observedValue: 0.012, observedUnit: "s", status: "pass", time: RAN.ranAt },
      ],
    },
  });
});

test("an unhealthy host says why, and a name has no colon in its key", () => {
  const checks = [
    checkStatus("tcp 127.0.0.1:80", { ...DOWN, output: "usage" }),
    checkStatus("old", { ...RAN, stale: true }),
    checkStatus("new", { status: "unknown" }),
  ];
  const status = hostStatus({ healthy: false, state: "unhealthy", failing: ["tcp 127.0.0.1:80", "old"], checks });
  expect(healthJson(status)).toMatchObject({
    status: "fail",
    notes: ["state: unhealthy", "failing: tcp 127.0.0.1:80 (refused), old (stale)"],
    output: "tcp 127.0.0.1:80: refused: connection refused\nusage\nold: the result is stale\nnew: no result yet",
    checks: {
      "tcp 127.0.0.1%3A80:responseTime": [
        { componentId: "tcp 127.0.0.1:80", status: "fail", output: "refused: connection refused\nusage" },
      ],
      "old:responseTime": [{ componentId: "old", status: "fail", output: "the result is stale" }],
      "new:responseTime": [{ componentId: "new", status: "fail", output: "no result yet" }],
    },
  });
});

test("a warning is a warning: of a check of that severity, and of a check that passed with one", () => {
  const failing = hostStatus({ checks: [checkStatus("disk", { ...DOWN, severity: "warning" })] });
  expect(healthJson(failing)).toMatchObject({ status: "warn", output: "disk: refused: connection refused" });
  const passed = hostStatus({ checks: [checkStatus("cert", { ...RAN, warning: "expires in 9 days" })] });
  expect(healthJson(passed)).toMatchObject({
    status: "warn",
    output: "cert: expires in 9 days",
    checks: { "cert:responseTime": [{ status: "warn", output: "expires in 9 days" }] },
  });
  const ofEndpoint = hostStatus({ checks: [checkStatus("primary", { ...DOWN, severity: "endpoint" })] });
  expect(healthJson(ofEndpoint)).toMatchObject({ status: "pass" });
  expect(healthJson(ofEndpoint)).not.toHaveProperty("output");
});

test("a host that is drained or in maintenance fails, with the reason", () => {
  const since = "2026-01-31T12:00:00.000Z";
  const until = "2026-01-31T13:00:00.000Z";
  const drained = hostStatus({ healthy: false, state: "drained", drain: { since, reason: "upgrade" } });
  expect(healthJson(drained)).toMatchObject({
    status: "fail",
    notes: ["state: drained", `drained since ${since}: upgrade`],
  });
  const maintained = hostStatus({ healthy: false, state: "maintenance", maintenance: { since, until } });
  expect(healthJson(maintained).notes).toEqual(["state: maintenance", `in maintenance until ${until}`]);
});
