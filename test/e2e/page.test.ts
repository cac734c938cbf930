// The status page in a real Chromium: readable for everybody, and a page that is refreshed stays where its reader is.

import { afterAll, expect } from "bun:test";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import { renderPage } from "../../src/listeners/admin/page/render.ts";
import type { HostStatus } from "../../src/status/schema.ts";
import { ROOT } from "../support/binary.ts";
import { startChromium, type TabOptions } from "../support/chromium.ts";
import { startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import { freePort } from "../support/loopback.ts";
import { needs } from "../support/needs.ts";
import { DRAINED, FAILING, HEALTHY, HOSTILE, IN_MAINTENANCE, LARGE } from "../support/page-status.ts";
import { checkStatus } from "../support/status.ts";
import { until } from "../support/until.ts";

const test = await needs("chromium");
const TIMEOUT_MS = 60_000;

/** One for all tests: its start takes a second. */
let started: ReturnType<typeof startChromium> | undefined;
afterAll(async () => (await started)?.[Symbol.asyncDispose]());

async function open(url: string, options?: TabOptions) {
  started ??= startChromium();
  return (await started).open(url, options);
}

/** What the admin listener serves of a status that the test sets. Its page may be that of an older status. */
function serve(first: HostStatus, port = 0) {
  let status = first;
  let shown = first;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    fetch(request) {
      if (new URL(request.url).pathname === "/status") return Response.json(status);
      const { html, csp } = renderPage(shown);
      return new Response(html, { headers: { "Content-Type": "text/html", "Content-Security-Policy": csp } });
    },
  });
  return {
    url: server.url.href,
    port: server.port ?? 0,
    set(next: HostStatus, page = next) {
      status = next;
      shown = page;
    },
    stop: () => server.stop(true),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** The functions that are given to `evaluate` run in the page. */
const AXE = await Bun.file(join(ROOT, "node_modules/axe-core/axe.min.js")).text();

async function violations(page: Page): Promise<unknown> {
  await page.evaluate(AXE);
  return page.evaluate(
    `axe.run({ resultTypes: ["violations"] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => [html, failureSummary])]))`,
  );
}

const STATUSES = { HEALTHY, FAILING, DRAINED, IN_MAINTENANCE, HOSTILE, LARGE };
const PHONE_WIDTH = 320;

/** Axe takes up to a second a page: the states differ in their colours, the widths in their layout. */
const LOOKED_AT: readonly (readonly [keyof typeof STATUSES, TabOptions])[] = [
  ["HEALTHY", {}],
  ["FAILING", {}],
  ["DRAINED", {}],
  ["HEALTHY", { scheme: "dark" }],
  ["FAILING", { scheme: "dark" }],
  ["IN_MAINTENANCE", { scheme: "dark" }],
  ["FAILING", { width: PHONE_WIDTH }],
  ["HOSTILE", { width: PHONE_WIDTH, scheme: "dark" }],
  ["LARGE", {}],
];

test(
  "the page of a daemon shows a change without a reload",
  async () => {
    const port = freePort("127.0.0.1");
    await using service = await listener();
    await using _daemon = await startDaemon([
      ...["--port", `${service.port}`, "--interval", "100ms", "--admin-listener", `127.0.0.1:${port}`],
    ]);
    const { page, problems } = await open(`http://127.0.0.1:${port}/`);
    await until(async () => (await page.title()).startsWith("HEALTHY "));
    await service[Symbol.asyncDispose]();
    await until(async () => (await page.title()).startsWith("UNHEALTHY "), 20_000);
    expect(problems).toEqual([]);
    await page.close();
  },
  TIMEOUT_MS,
);

test(
  "axe finds nothing",
  async () => {
    await using served = serve(HEALTHY);
    for (const [name, options] of LOOKED_AT) {
      served.set(STATUSES[name]);
      const { page } = await open(served.url, options);
      expect([name, options, await violations(page)]).toEqual([name, options, []]);
      await page.close();
    }
  },
  TIMEOUT_MS,
);

test(
  "axe finds nothing on a page without an answer",
  async () => {
    for (const scheme of ["light", "dark"] as const) {
      await using served = serve(FAILING);
      const { page } = await open(served.url, { scheme });
      await served.stop();
      await refresh(page);
      await page.waitForSelector("#gone:not([hidden])");
      expect([scheme, await violations(page)]).toEqual([scheme, []]);
      await page.close();
    }
  },
  TIMEOUT_MS,
);

test(
  "in every state the browser blocks nothing and runs only the page's script, and nothing is wider than a phone",
  async () => {
    await using served = serve(HEALTHY);
    for (const [name, status] of Object.entries(STATUSES)) {
      served.set(status);
      const { page, problems } = await open(served.url, { width: PHONE_WIDTH });
      await page.waitForSelector(".filter:not([hidden])");
      const tooWide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
      const style = await page.evaluate("getComputedStyle(document.querySelector('.verdict')).borderLeftStyle");
      expect({ name, problems, tooWide, style }).toEqual({ name, problems: [], tooWide: false, style: "solid" });
      await page.close();
    }
  },
  TIMEOUT_MS,
);

test(
  "without JavaScript all is there, and no control that would do nothing",
  async () => {
    await using served = serve(FAILING);
    const { page } = await open(served.url, { javaScript: false });
    const text = await page.evaluate("document.body.innerText");
    for (const shown of ["UNHEALTHY web-1", "CRITICAL: replica is behind", "10.0.9.40", "Reload"])
      expect(text).toContain(shown);
    for (const hidden of ["Filter", "only failing", "refresh every"]) expect(text).not.toContain(hidden);
  },
  TIMEOUT_MS,
);

/** Switching it on again refreshes at once. */
const refresh = (page: Page) =>
  page.evaluate('document.getElementById("refresh").click(), document.getElementById("refresh").click()');
const headline = (page: Page, text: string) =>
  page.waitForFunction(`document.querySelector("h1").innerText === ${JSON.stringify(text)}`);

test(
  "a change is shown without a reload; filter, focus, open details and scroll position stay",
  async () => {
    await using served = serve(FAILING);
    const { page, problems } = await open(served.url);
    await page.evaluate(`window.isSame = true; document.querySelector("details").open = false; scrollTo(0, 300)`);
    await page.type("#words", "a");
    await page.focus(`tr[data-key="cache"] a`);
    const before = await page.evaluate("scrollY");

    // The row that has the focus moves to the top, and another check is new.
    const checks = [
      ...FAILING.checks.map((check) => (check.name === "cache" ? { ...check, status: "down" as const } : check)),
      checkStatus("added"),
    ];
    served.set({ ...FAILING, state: "maintenance", checks, failing: ["cache", ...FAILING.failing] });
    await refresh(page);
    await headline(page, "MAINTENANCE web-1");
    expect(await page.title()).toBe("MAINTENANCE web-1");
    expect(
      await page.evaluate(`({
        isSame: window.isSame,
        words: document.getElementById("words").value,
        focus: document.activeElement.closest("tr")?.dataset.key,
        open: document.querySelector("details").open,
        rows: [...document.querySelectorAll(".checks tbody tr:not([hidden])")].map((row) => row.dataset.key).sort(),
      })`),
    ).toEqual({
      isSame: true,
      words: "a",
      focus: "cache",
      open: false,
      rows: ["added", "backup age", "cache", "certificate", "database", "disk /var", "queue", "replication lag", "web"],
    });
    expect(Math.abs(Number(await page.evaluate("scrollY")) - Number(before))).toBeLessThan(300);
    // The page is now the one that a new tab gets, except what its user has set.
    const { page: other } = await open(served.url);
    const content = `document.querySelector("main").innerHTML.replaceAll(/ hidden=""| open=""|<span data-s.*?<.span>/g, "")`;
    expect(await page.evaluate(content)).toBe(await other.evaluate(content));
    expect(problems).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "a page that is older than the status is read again, even if the status stays the same",
  async () => {
    await using served = serve(HEALTHY);
    const { page } = await open(served.url);
    const later: HostStatus = { ...DRAINED, at: "2026-01-31T12:10:05.500Z" };
    served.set(later, HEALTHY);
    await refresh(page);
    await page.waitForFunction(`document.querySelector("#at time").textContent === "12:10:05 UTC"`);
    expect(await page.title()).toBe("HEALTHY web-1");
    served.set(later);
    await refresh(page);
    await headline(page, "DRAINED web-1");
  },
  TIMEOUT_MS,
);

test(
  "a daemon that does not answer is shown with its last time, until it answers again",
  async () => {
    await using served = serve(HEALTHY);
    const { page } = await open(served.url);
    await served.stop();
    await refresh(page);
    await page.waitForSelector("#gone:not([hidden])");
    expect(await page.$eval("#gone", (element) => element.textContent)).toStartWith("No answer since 12:10:00 UTC");
    expect(await page.title()).toBe("NO ANSWER web-1");

    await using again = serve(HEALTHY, served.port);
    await refresh(page);
    await page.waitForSelector("#gone[hidden]");
    expect(await page.title()).toBe("HEALTHY web-1");
    expect(again.port).toBe(served.port);
  },
  TIMEOUT_MS,
);

test(
  "a hidden tab asks nothing, and asks at once when it is shown again",
  async () => {
    await using served = serve(HEALTHY);
    const { page } = await open(served.url);
    const requestsAfter = (hidden: boolean) =>
      page.evaluate(`(() => {
        let requests = 0;
        const { fetch } = window;
        window.fetch = (...args) => (requests++, fetch(...args));
        Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} });
        document.dispatchEvent(new Event("visibilitychange"));
        window.fetch = fetch;
        return requests;
      })()`);
    expect(await requestsAfter(true)).toBe(0);
    expect(await requestsAfter(false)).toBe(1);
  },
  TIMEOUT_MS,
);

test(
  "200 checks: the filter and `only failing` leave the rows that match",
  async () => {
    await using served = serve(LARGE);
    const { page } = await open(served.url);
    const shown = () => page.$$eval(".checks tbody tr:not([hidden])", (rows) => rows.length);
    const count = () => page.$eval("#count", (element) => element.textContent);
    expect([await shown(), await count()]).toEqual([200, ""]);
    await page.click("#only");
    expect([await shown(), await count()]).toEqual([4, "4 of 200 shown"]);
    await page.type("#words", "REFUSED 081");
    expect([await shown(), await count()]).toEqual([1, "1 of 200 shown"]);
    await page.click("#only");
    expect([await shown(), await count()]).toEqual([1, "1 of 200 shown"]);
  },
  TIMEOUT_MS,
);

test(
  "the keyboard alone reaches the filter, the links and the outputs",
  async () => {
    await using served = serve(FAILING);
    const { page } = await open(served.url);
    const reached: string[] = [];
    while (!reached.at(-1)?.startsWith("output")) {
      await page.keyboard.press("Tab");
      reached.push(String(await page.evaluate("document.activeElement.id || document.activeElement.innerText")));
      expect(reached.length).toBeLessThan(20);
    }
    expect(reached).toEqual(["refresh", "Reload", "words", "only", "database", "replication lag", "output, 3 lines"]);
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
    await page.keyboard.press("Enter");
    expect(await page.$eval("details", ({ open }) => open)).toBe(false);
  },
  TIMEOUT_MS,
);
