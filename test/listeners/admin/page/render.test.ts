import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { renderPage } from "../../../../src/listeners/admin/page/render.ts";
import { HostStatus } from "../../../../src/status/schema.ts";
import { DRAINED, FAILING, HEALTHY, HOSTILE, IN_MAINTENANCE, LARGE } from "../../../support/page-status.ts";
import { checkStatus, hostStatus } from "../../../support/status.ts";

/** The text of a part of the page, with single spaces. */
async function textOf(status: HostStatus, selector: string): Promise<string> {
  let text = "";
  const rewriter = new HTMLRewriter().on(selector, {
    text: (chunk) => {
      text += chunk.text;
    },
    element: ({ tagName }) => {
      if (tagName !== "wbr") text += " ";
    },
  });
  await rewriter.transform(new Response(renderPage(status).html)).text();
  return text.replaceAll(/\s+/g, " ").replaceAll("( ", "(").trim();
}

async function attributesOf(status: HostStatus, selector: string, name: string): Promise<readonly string[]> {
  const values: string[] = [];
  const element = (found: HTMLRewriterTypes.Element) => void values.push(found.getAttribute(name) ?? "");
  await new HTMLRewriter()
    .on(selector, { element })
    .transform(new Response(renderPage(status).html))
    .text();
  return values;
}

const VERDICT = ".verdict, .verdict *";

test("the statuses of these tests are statuses", () => {
  for (const status of [HEALTHY, FAILING, DRAINED, IN_MAINTENANCE, LARGE])
    expect(HostStatus.parse(status)).toEqual(status);
});

test.each([
  ["healthy", HEALTHY, "HEALTHY web-1"],
  ["failing", FAILING, "UNHEALTHY web-1"],
  ["drained", DRAINED, "DRAINED web-1"],
  ["in maintenance", IN_MAINTENANCE, "MAINTENANCE web-1"],
])("the title of a host that is %s starts with its state", async (_, status, title) => {
  expect(await textOf(status, "head > title")).toBe(title);
  expect(await textOf(status, "h1, h1 b")).toBe(title);
});

test("of a failing host the top says what is wrong, since when, and which clients were answered so", async () => {
  const text = await textOf(FAILING, VERDICT);
  expect(text).toContain("UNHEALTHY web-1");
  expect(text).toContain("for 4 min 12 s, since 12:05:48 UTC");
  expect(text).toContain("database timeout: connected; no answer to the login within 5s");
  expect(text).toContain("replication lag exit: ended with status 2");
  expect(text).toContain("504 unhealthy 10.0.1.12, 10.0.2.7 ELB-HealthChecker/2.0");
  expect(text).toContain("gave up before the answer 10.0.9.40 Consul Health Check");
  expect(text).toContain("unhealthy, 5 of 8 up: database (timeout), replication lag (exit)");
});

test("what does not make the host unhealthy is named for what it is", async () => {
  const text = await textOf(FAILING, VERDICT);
  expect(text).toContain("Not critical backup age stale: changed 36h2m ago, longer than 26h for 10 h 2 min Last run");
  expect(text).toContain("Last run failed web mismatch: expected a status of 2xx, got 502 failed 1/3 Endpoints");
  expect(text).toContain("Endpoints unhealthy /orders (database) healthy /queue");
  const warns = checkStatus("one", { warning: "expires in 9 days", ranAt: "2026-01-31T12:09:00.000Z" });
  expect(await textOf(hostStatus({ checks: [warns] }), VERDICT)).toContain("Warnings one warning: expires in 9 days");
});

test.each([
  [
    { seconds: 5.0004, ranAt: "2026-01-31T12:09:00.000Z", runningSeconds: 3 },
    "5 s (timeout 5 s) 1 min ago running for 3 s",
  ],
  [
    { seconds: 0.0124, ranAt: "2026-01-31T12:09:00.000Z", intervalSeconds: 10 },
    "12 ms (timeout 5 s) 1 min ago, every 10 s",
  ],
  [{ status: "unknown", runningSeconds: 2 }, "timeout 5 s running for 2 s"],
] as const)("how long the last run took, of a check that is %j: %s", async (given, text) => {
  const status = hostStatus({ checks: [checkStatus("one", given)] });
  expect(await textOf(status, ".checks td:nth-child(4), .checks td:nth-child(4) *")).toBe(text);
});

test.each([
  [0, ""],
  [1, ""],
  [3, "went up or down 3 times in the last hour"],
])("%d changes in the last hour: %j", async (changesLastHour, text) => {
  const status = hostStatus({ checks: [checkStatus("one", { changesLastHour })] });
  expect(await textOf(status, ".checks td:nth-child(5) small, .checks td:nth-child(5) small *")).toBe(text);
});

test("the rows: what makes the host unhealthy, what is only reported, warnings, the rest in its order", async () => {
  expect(await attributesOf(FAILING, ".checks tbody tr", "data-key")).toEqual([
    "database",
    "replication lag",
    "backup age",
    "web",
    "cache",
    "queue",
    "disk /var",
    "certificate",
  ]);
});

test("a check without a result is no warning", async () => {
  const checks = ["one", "two"].map((name) => checkStatus(name, { status: "unknown", lastRuns: "" }));
  const text = await textOf(hostStatus({ state: "unknown", checks }), VERDICT);
  expect(text).toContain("No result yet one, two");
  expect(text).not.toContain("Not critical");
});

test("a drain and a maintenance show their reasons, and how long they last", async () => {
  expect(await textOf(DRAINED, VERDICT)).toContain(
    "Drained since 11:48:10 UTC, until undrain: kernel upgrade, ticket OPS-1482",
  );
  expect(await textOf(IN_MAINTENANCE, VERDICT)).toContain(
    "until 13:04:50 UTC (54 min left), since 12:04:50 UTC: restore of the orders database",
  );
});

test.each([
  [{ status: "up", stale: true }, "stale"],
  [{ status: "unknown", streak: 0, runningSeconds: 2 }, "unknown"],
  [{ status: "up", countsAs: "deadline", ranAt: "2026-01-31T12:09:00.000Z" }, "up counts as failed: deadline"],
  [{ status: "up", reason: "exit", streak: 2, fall: 5, ranAt: "2026-01-31T12:09:00.000Z" }, "up failed 2/5"],
  [
    { status: "down", streak: 1, rise: 2, ranAt: "2026-01-31T12:09:00.000Z", severity: "warning" },
    "down passed 1/2, not critical",
  ],
  [{ status: "down", reason: "exit", severity: "endpoint", forSeconds: 60 }, "down for 1 min endpoint only"],
] as const)("the state of a check that is %j: %s", async (given, text) => {
  const status = hostStatus({ checks: [checkStatus("one", given)] });
  expect(await textOf(status, ".checks td:nth-child(2), .checks td:nth-child(2) *")).toBe(text);
});

test.each([
  ["web", "checks/web"],
  ["tcp 127.0.0.1:80/a?b#c", "checks/tcp%20127.0.0.1%3A80%2Fa%3Fb%23c"],
  ["\ud800", "checks/%EF%BF%BD"],
  ["..", undefined],
  ["x".repeat(5000), undefined],
])("the link of check %j is %j", async (name, link) => {
  const status = hostStatus({ checks: [checkStatus(name)] });
  expect(await attributesOf(status, ".checks a", "href")).toEqual(link === undefined ? [] : [link]);
});

test("whatever texts hold, the page has the same elements, and no attribute that runs anything", async () => {
  const elementsOf = async (text: string): Promise<readonly string[]> => {
    const replaced: HostStatus = JSON.parse(JSON.stringify(HOSTILE), (_, value) =>
      typeof value === "string" && value.includes("<script>") ? text : value,
    );
    const found: string[] = [];
    const element = ({ tagName, attributes }: HTMLRewriterTypes.Element) =>
      void found.push(`${tagName} ${[...attributes].map(([name]) => name).join(" ")}`);
    await new HTMLRewriter()
      .on("*:not(wbr)", { element })
      .transform(new Response(renderPage(replaced).html))
      .text();
    return found;
  };
  const found = await elementsOf(HOSTILE.host);
  expect(found).toEqual(await elementsOf("harmless"));
  expect(found.filter((element) => /\b(?:on\w+|style|src)\b/.test(element.replace(/^style $/, "")))).toEqual([]);
  for (const control of ["\u202e", "\u0007", "\u001b"]) expect(renderPage(HOSTILE).html).not.toContain(control);
});

test("the policy allows the style and the script of the page by their hashes, and nothing from elsewhere", () => {
  const { html, csp } = renderPage(HOSTILE);
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const [, style = ""] = /<style>(.*?)<\/style>/s.exec(html) ?? [];
  const [, script = ""] = /<script type="module">(.*?)<\/script>/s.exec(html) ?? [];
  expect(style.length).toBeGreaterThan(1000);
  expect(script).toContain("fetch(");
  expect(csp).toBe(
    `default-src 'none'; style-src ${hash(style)}; script-src ${hash(script)}; connect-src 'self'; img-src data:; ` +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  expect(html.match(/(?:src|href|url\()=?"?(?:https?:)?\/\//g)).toBeNull();
});

test("a host without clients, endpoints, changes and a config file shows no empty sections", async () => {
  const headings = await textOf(hostStatus({ checks: [checkStatus("one")] }), "h2");
  expect(headings).toBe("Checks 1 of 1 up Daemon");
  expect(await textOf(hostStatus(), VERDICT)).toContain("no request since the daemon started");
});
