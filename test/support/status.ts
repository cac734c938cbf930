// The status of a host and of a check, as the daemon reports them: a test gives what it is about.

import type { CheckStatus, HostStatus } from "../../src/status/schema.ts";

export const checkStatus = (name: string, given: Partial<CheckStatus> = {}): CheckStatus => ({
  name,
  kind: "tcp",
  target: "127.0.0.1:80",
  severity: "critical",
  timeoutSeconds: 5,
  status: "up",
  stale: false,
  streak: 1,
  fall: 1,
  rise: 1,
  changesLastHour: 0,
  lastRuns: "+",
  ...given,
});

export const hostStatus = (given: Partial<HostStatus> = {}): HostStatus => ({
  at: "2026-01-31T12:10:00.500Z",
  host: "web-1",
  version: "1.0.0",
  pid: 42,
  startedAt: "2026-01-31T12:00:00.000Z",
  healthy: true,
  state: "healthy",
  forSeconds: 600.5,
  failing: [],
  endpoints: [],
  checks: [],
  changes: [],
  clients: [],
  ...given,
});
