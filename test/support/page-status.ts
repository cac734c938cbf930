// Statuses of hosts for the status page: what a person may see on it.

import type { CheckStatus, ClientStatus, HostChange, HostStatus } from "../../src/status/schema.ts";
import { checkStatus, hostStatus } from "./status.ts";

const AT = "2026-01-31T12:10:00.500Z";
const secondsBefore = (seconds: number): string => new Date(Date.parse(AT) - seconds * 1000).toISOString();

const passing = (name: string, kind: string, target: string, seconds: number, given: Partial<CheckStatus> = {}) =>
  checkStatus(name, {
    kind,
    target,
    seconds,
    ranAt: secondsBefore(4),
    forSeconds: 11 * 86_400,
    streak: 60,
    intervalSeconds: 10,
    lastRuns: "+".repeat(60),
    ...given,
  });

const client = (address: string, given: Partial<ClientStatus> = {}): ClientStatus => ({
  address,
  userAgent: "ELB-HealthChecker/2.0",
  requests: 2604,
  lastAt: secondsBefore(3),
  lastCode: 200,
  lastSeconds: 0.0006,
  codes: { 200: 2604 },
  disconnected: 0,
  intervalSeconds: 10,
  ...given,
});

const upChecks = [
  passing("web", "http", "http://127.0.0.1:8080/healthz", 0.0124, { detail: "status 200" }),
  passing("database", "postgres", "postgres://app@127.0.0.1:5432/orders", 0.0061),
  passing("cache", "redis", "127.0.0.1:6379", 0.0009),
  passing("queue", "tcp", "127.0.0.1:5672", 0.0003),
  passing("disk /var", "disk", "/var", 0.0002, { detail: "41% used, 58 GiB free" }),
  passing("backup age", "file", "/var/backups/orders.dump", 0.0003, {
    severity: "warning",
    detail: "changed 3h12m ago",
  }),
  passing("certificate", "certificate", "127.0.0.1:443", 0.031, { detail: "expires in 61 days" }),
  passing("replication lag", "script", "/usr/local/bin/check-lag --max 30", 0.214),
] as const;

const endpoints = [
  { path: "/orders", healthy: true, failing: [] },
  { path: "/queue", healthy: true, failing: [] },
];

const config = {
  file: "/etc/health-checker/config.yaml",
  sha256: "9f2b61c4e0aa".repeat(5),
  readAt: secondsBefore(11 * 86_400),
};

const clients = [
  client("10.0.1.12"),
  client("10.0.2.7"),
  withoutInterval(
    client("127.0.0.1", { userAgent: "curl/8.5.0", requests: 2, codes: { 200: 2 }, lastAt: secondsBefore(7200) }),
  ),
];

export const HEALTHY: HostStatus = hostStatus({
  at: AT,
  startedAt: secondsBefore(11 * 86_400),
  forSeconds: 11 * 86_400,
  endpoints,
  config,
  checks: upChecks,
  clients,
  changes: [{ at: secondsBefore(11 * 86_400), from: "unknown", to: "healthy", forSeconds: 0.4 }],
});

const changes: readonly HostChange[] = [
  {
    at: secondsBefore(252),
    from: "healthy",
    to: "unhealthy",
    forSeconds: 210,
    failing: [{ name: "database", reason: "timeout" }],
  },
  { at: secondsBefore(462), from: "unhealthy", to: "healthy", forSeconds: 20 },
  {
    at: secondsBefore(482),
    from: "healthy",
    to: "unhealthy",
    forSeconds: 4781,
    failing: [{ name: "database", reason: "timeout" }],
  },
  { at: secondsBefore(5263), from: "unhealthy", to: "healthy", forSeconds: 62 },
  {
    at: secondsBefore(5325),
    from: "healthy",
    to: "unhealthy",
    forSeconds: 945_075,
    failing: [{ name: "database", reason: "timeout" }],
  },
  ...HEALTHY.changes,
];

/** 3 of 8 checks are down, one of them only reported; one has printed something. */
export const FAILING: HostStatus = {
  ...HEALTHY,
  healthy: false,
  state: "unhealthy",
  forSeconds: 252,
  failing: ["database", "replication lag"],
  endpoints: [
    { path: "/orders", healthy: false, failing: ["database"] },
    { path: "/queue", healthy: true, failing: [] },
  ],
  checks: upChecks.map((check) => {
    if (check.name === "database") {
      return {
        ...check,
        status: "down",
        forSeconds: 252,
        seconds: 5.0004,
        reason: "timeout",
        detail: "connected; no answer to the login within 5s",
        streak: 25,
        changesLastHour: 3,
        lastFailure: { at: secondsBefore(4), reason: "timeout", detail: "no answer to the login within 5s" },
        lastRuns: `${"+".repeat(12)}--${"+".repeat(21)}${"-".repeat(25)}`,
        runningSeconds: 3,
      };
    }
    if (check.name === "replication lag") {
      return {
        ...check,
        status: "down",
        forSeconds: 249,
        seconds: 0.187,
        reason: "exit",
        detail: "ended with status 2",
        output: "checking replica 10.0.3.21\nlag: 1841 s, more than 30 s\nCRITICAL: replica is behind\n",
        streak: 24,
        changesLastHour: 1,
        lastFailure: { at: secondsBefore(4), reason: "exit", detail: "ended with status 2" },
        lastRuns: `${"+".repeat(36)}${"-".repeat(24)}`,
      };
    }
    if (check.name === "backup age") {
      return {
        ...check,
        status: "down",
        forSeconds: 36_120,
        reason: "stale",
        detail: "changed 36h2m ago, longer than 26h",
        lastRuns: "-".repeat(60),
        lastFailure: { at: secondsBefore(4), reason: "stale", detail: "changed 36h2m ago, longer than 26h" },
      };
    }
    if (check.name === "web") {
      return {
        ...check,
        seconds: 4.21,
        reason: "mismatch",
        detail: "expected a status of 2xx, got 502",
        fall: 3,
        streak: 1,
        lastRuns: `${"+-".repeat(3)}${"+".repeat(53)}-`,
        lastFailure: { at: secondsBefore(4), reason: "mismatch", detail: "expected a status of 2xx, got 502" },
      };
    }
    return check;
  }),
  clients: [
    client("10.0.1.12", { lastCode: 504, lastSeconds: 4.5, codes: { 200: 2577, 504: 27 } }),
    client("10.0.2.7", { lastCode: 504, lastSeconds: 4.5, codes: { 200: 2578, 504: 26 } }),
    withoutAnswer(
      client("10.0.9.40", { userAgent: "Consul Health Check", codes: { 200: 880 }, lastSeconds: 3, disconnected: 24 }),
    ),
    ...clients.slice(2),
  ],
  changes,
  lastReload: {
    kept: 7,
    changed: ["web"],
    kindChanged: [],
    added: [],
    removed: [],
    options: [],
    endpointsChanged: [],
    endpointsAdded: [],
    endpointsRemoved: [],
    at: secondsBefore(1500),
    taken: false,
    dryRun: false,
    forcible: true,
    warnings: [],
    trialWarnings: [],
    problems: ["the host would turn unhealthy: web is down: mismatch: expected a status of 2xx, got 502"],
  },
};

function withoutInterval({ intervalSeconds: _interval, ...client }: ClientStatus): ClientStatus {
  return client;
}

function withoutAnswer({ lastCode: _code, ...client }: ClientStatus): ClientStatus {
  return client;
}

export const DRAINED: HostStatus = {
  ...HEALTHY,
  healthy: false,
  state: "drained",
  forSeconds: 1310,
  drain: { since: secondsBefore(1310), reason: "kernel upgrade, ticket OPS-1482" },
  clients: clients.map((one) => ({ ...one, lastCode: 504, codes: { ...one.codes, 504: 131 } })),
  changes: [
    {
      at: secondsBefore(1310),
      from: "healthy",
      to: "drained",
      forSeconds: 900_000,
      reason: "kernel upgrade, ticket OPS-1482",
    },
    ...HEALTHY.changes,
  ],
};

export const IN_MAINTENANCE: HostStatus = {
  ...FAILING,
  state: "maintenance",
  forSeconds: 310,
  maintenance: { since: secondsBefore(310), until: secondsBefore(-3290), reason: "restore of the orders database" },
};

/** 200 checks; every fiftieth is down. */
export const LARGE: HostStatus = {
  ...FAILING,
  ...largeChecks(200),
  endpoints: [],
  changes: HEALTHY.changes,
};

function largeChecks(count: number): Pick<HostStatus, "checks" | "failing"> {
  const checks = Array.from({ length: count }, (_, index): CheckStatus => {
    const name = `service-${String(index + 1).padStart(3, "0")}`;
    const check = passing(name, "tcp", `10.0.4.${index % 250}:${8000 + index}`, 0.0004 + (index % 17) / 900);
    if (index % 50 !== 30)
      return { ...check, lastRuns: index % 7 === 0 ? `${"+".repeat(40)}-${"+".repeat(19)}` : check.lastRuns };
    return {
      ...check,
      status: "down",
      forSeconds: 252,
      reason: "refused",
      detail: "nothing listens there",
      lastRuns: `${"+".repeat(35)}${"-".repeat(25)}`,
      changesLastHour: 1,
      lastFailure: { at: secondsBefore(4), reason: "refused", detail: "nothing listens there" },
    };
  });
  return { checks, failing: checks.filter(({ status }) => status === "down").map(({ name }) => name) };
}

const HOSTILE_TEXT = `</script></title></style><script>alert(1)</script>" onload='alert(2)' <!-- \u202egnp.exe\u0007\u001b[31m &amp;`;

/** Every text that comes from elsewhere tries to be markup; checks without a result, stale, late, and with a long name. */
export const HOSTILE: HostStatus = {
  ...FAILING,
  state: "unknown",
  host: HOSTILE_TEXT,
  failing: [HOSTILE_TEXT, "late", "old"],
  endpoints: [{ path: `/${HOSTILE_TEXT}`, healthy: false, failing: [HOSTILE_TEXT] }],
  drain: { since: secondsBefore(90_000), reason: HOSTILE_TEXT },
  maintenance: { since: secondsBefore(60), until: secondsBefore(-60), reason: HOSTILE_TEXT },
  config: { file: HOSTILE_TEXT, sha256: "0".repeat(64), readAt: AT },
  checks: [
    passing(HOSTILE_TEXT, "script", HOSTILE_TEXT, 1, {
      status: "down",
      reason: "exit",
      detail: HOSTILE_TEXT,
      output: `${HOSTILE_TEXT}\n\tindented\r\n\u001b[31mred\u001b[0m`,
      lastFailure: { at: AT, reason: "exit", detail: HOSTILE_TEXT },
    }),
    passing("late", "tcp", "127.0.0.1:80", 4.9, { countsAs: "deadline", warning: HOSTILE_TEXT }),
    passing("old", "tcp", "127.0.0.1:81", 0.001, { stale: true }),
    checkStatus("first", {
      kind: "script",
      target: "/usr/bin/first",
      status: "unknown",
      streak: 0,
      lastRuns: "",
      runningSeconds: 2,
    }),
    passing(
      `for i in 1 2 3; do curl -fsS "http://127.0.0.1:800$i/" || exit 1; done; ${"echo fine; ".repeat(40)}`,
      "script",
      "sh",
      0.01,
    ),
    passing("..", "tcp", "..", 0.001, {
      severity: "endpoint",
      status: "down",
      reason: "refused",
      detail: "nothing listens there",
    }),
    passing("\ud800", "tcp", "x", 0.001, {
      lastRuns: "-",
      lastFailure: { at: AT, reason: "exit", detail: HOSTILE_TEXT },
    }),
  ],
  clients: [client("unix", { userAgent: HOSTILE_TEXT }), client("::1", { userAgent: "" })],
  changes: [
    {
      at: secondsBefore(1),
      from: "stopping",
      to: "unhealthy",
      forSeconds: 1,
      reason: HOSTILE_TEXT,
      failing: [{ name: HOSTILE_TEXT, reason: HOSTILE_TEXT }],
    },
    ...Array.from(
      { length: 20 },
      (_, index): HostChange => ({ at: secondsBefore(100 + index), from: "healthy", to: "unknown", forSeconds: index }),
    ),
  ],
  reloading: { since: secondsBefore(2), dryRun: true },
};
