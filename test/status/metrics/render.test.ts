// A scrape has what the status has, under stable names, and promtool finds nothing to complain of.

import { expect, test } from "bun:test";
import { METRICS } from "../../../src/status/metrics/metrics.ts";
import { METRICS_TYPE, renderMetrics, renderMetricsFile } from "../../../src/status/metrics/render.ts";
import type { HostStatus } from "../../../src/status/schema.ts";
import { fullHost, type Known, NO_GAUGES, noCounts, ODD_NAME, parseScrape, seriesOf } from "../../support/metrics.ts";
import { needs } from "../../support/needs.ts";
import { checkStatus, hostStatus } from "../../support/status.ts";

const render = ({ status, counts, gauges }: Known) => renderMetrics(status, counts, gauges);
const scrape = async (known: Known) => seriesOf(await render(known));
const scrapeStatus = (status: HostStatus) => scrape({ status, counts: noCounts(), gauges: NO_GAUGES });

/** As the text format escapes it. */
const ODD = 'a \\"b\\" \\\\ c\\nd|é 🙂';

test("a host with everything has every metric of the table, with its help, its type and its labels, and no other", async () => {
  const scraped = parseScrape(await render(fullHost()));
  const labelsOf = (series: string) => [...series.matchAll(/[{,](\w+)="/g)].map(([, name = ""]) => name);
  expect(
    scraped.map(({ name, type, help, series }) => ({
      name,
      type,
      help,
      labels: [...new Set([...series.keys()].flatMap(labelsOf))].sort(),
    })),
  ).toEqual(METRICS.map(({ name, type, help, labels }) => ({ name, type, help, labels: [...labels].sort() })));
});

test("the values are those of the status and of what was counted", async () => {
  const series = await scrape(fullHost());
  const own = [...series].filter(([name]) => !/^process_(?!start)/.test(name));
  const check = `check="${ODD}"`;
  expect(Object.fromEntries(own)).toEqual({
    health_checker_healthy: 0,
    'health_checker_drained{kind="drain"}': 0,
    'health_checker_drained{kind="maintenance"}': 1,
    health_checker_drained_until_timestamp_seconds: Date.UTC(2026, 0, 31, 13) / 1000,
    health_checker_config_last_reload_successful: 1,
    'health_checker_config_info{sha256="0123abcd"}': 1,
    [`health_checker_build_info{version="1.0.0",bun="${Bun.version}"}`]: 1,
    [`health_checker_check_up{${check}}`]: 0,
    [`health_checker_check_info{kind="certificate",severity="critical",${check}}`]: 1,
    'health_checker_check_info{kind="tcp",severity="critical",check="new"}': 1,
    [`health_checker_check_stale{${check}}`]: 0,
    [`health_checker_check_duration_seconds{${check}}`]: 0.25,
    [`health_checker_check_timeout_seconds{${check}}`]: 5,
    'health_checker_check_timeout_seconds{check="new"}': 5,
    [`health_checker_check_last_run_timestamp_seconds{${check}}`]: Date.UTC(2026, 0, 31, 12, 10) / 1000,
    [`health_checker_check_last_success_timestamp_seconds{${check}}`]: Date.UTC(2026, 0, 31, 12, 5) / 1000,
    [`health_checker_check_runs_total{outcome="ok",reason="",${check}}`]: 5,
    [`health_checker_check_runs_total{outcome="failed",reason="expired",${check}}`]: 2,
    'health_checker_check_runs_total{outcome="ok",reason="",check="new"}': 0,
    [`health_checker_check_transitions_total{${check}}`]: 3,
    'health_checker_check_transitions_total{check="new"}': 0,
    [`health_checker_certificate_expiry_timestamp_seconds{${check}}`]: Date.UTC(2026, 1, 14) / 1000,
    'health_checker_requests_total{code="200",endpoint="/"}': 7,
    'health_checker_requests_total{code="504",endpoint="/"}': 1,
    'health_checker_requests_total{code="200",endpoint="/replica"}': 2,
    'health_checker_request_duration_seconds_bucket{le="0.005"}': 4,
    'health_checker_request_duration_seconds_bucket{le="0.05"}': 7,
    'health_checker_request_duration_seconds_bucket{le="0.5"}': 7,
    'health_checker_request_duration_seconds_bucket{le="1"}': 8,
    'health_checker_request_duration_seconds_bucket{le="2"}': 8,
    'health_checker_request_duration_seconds_bucket{le="4.5"}': 8,
    'health_checker_request_duration_seconds_bucket{le="5"}': 8,
    'health_checker_request_duration_seconds_bucket{le="10"}': 9,
    'health_checker_request_duration_seconds_bucket{le="+Inf"}': 10,
    health_checker_request_duration_seconds_sum: 20.5,
    health_checker_request_duration_seconds_count: 10,
    health_checker_requests_aborted_total: 6,
    'health_checker_requests_refused_total{why="proxy_protocol"}': 0,
    'health_checker_requests_refused_total{why="tls"}': 8,
    'health_checker_requests_refused_total{why="http2"}': 0,
    'health_checker_requests_refused_total{why="too_large"}': 0,
    'health_checker_requests_refused_total{why="malformed"}': 0,
    'health_checker_requests_refused_total{why="not_http"}': 0,
    'health_checker_requests_refused_total{why="too_many_connections"}': 0,
    health_checker_clients: 0,
    health_checker_open_connections: 6,
    health_checker_rounds_running: 1,
    health_checker_rounds_shared_total: 2,
    health_checker_scripts_running: 3,
    health_checker_orphans_total: 4,
    health_checker_log_lines_dropped_total: 5,
    process_start_time_seconds: Date.UTC(2026, 0, 31, 12) / 1000,
  });
});

test("the process has its own CPU time, memory and descriptors", async () => {
  const series = await scrapeStatus(hostStatus());
  const value = (name: string) => series.get(name) ?? 0;
  expect(value("process_cpu_seconds_total")).toBeGreaterThan(0);
  expect(value("process_resident_memory_bytes")).toBeGreaterThan(10e6);
  expect(value("process_max_fds")).toBeGreaterThanOrEqual(value("process_open_fds"));
  const before = value("process_open_fds");
  const listeners = Array.from({ length: 5 }, () =>
    Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } }),
  );
  const after = (await scrapeStatus(hostStatus())).get("process_open_fds") ?? 0;
  for (const listener of listeners) listener.stop();
  expect(after - before).toBe(listeners.length);
});

test.each([
  ["up", { status: "up" }, 1],
  ["down", { status: "down" }, 0],
  ["up by a stale result", { status: "up", stale: true }, 0],
  ["unknown", { status: "unknown" }, undefined],
] as const)("a check that is %s", async (_, given, value) => {
  const series = await scrapeStatus(hostStatus({ checks: [checkStatus("db", given)] }));
  expect(series.get('health_checker_check_up{check="db"}')).toBe(value);
});

test.each([
  ["healthy", { state: "healthy", healthy: true }, 1],
  ["unhealthy", { state: "unhealthy", healthy: false }, 0],
  ["drained", { state: "drained", healthy: false }, 0],
  ["unknown", { state: "unknown", healthy: false }, undefined],
] as const)("a host that is %s", async (_, given, value) => {
  expect((await scrapeStatus(hostStatus(given))).get("health_checker_healthy")).toBe(value);
});

test("only a check in the background can be stale", async () => {
  const checks = [checkStatus("on request"), checkStatus("background", { intervalSeconds: 10, stale: true })];
  const series = await scrapeStatus(hostStatus({ checks }));
  expect([...series].filter(([name]) => name.includes("_stale"))).toEqual([
    ['health_checker_check_stale{check="background"}', 1],
  ]);
});

test("the file for node_exporter has all but the metrics of the process", async () => {
  const { status, counts, gauges } = fullHost();
  const [all, file] = await Promise.all([
    renderMetrics(status, counts, gauges),
    renderMetricsFile(status, counts, gauges),
  ]);
  const names = (text: string) => parseScrape(text).map(({ name }) => name);
  const left = names(all).filter((name) => !names(file).includes(name));
  expect(left).not.toEqual([]);
  expect(left.filter((name) => !name.startsWith("process_"))).toEqual([]);
  expect(names(file).filter((name) => !name.startsWith("health_checker_"))).toEqual([]);
});

test("no client is named", async () => {
  const known = fullHost();
  const client = { address: "192.0.2.7", userAgent: "ELB-HealthChecker/2.0", requests: 3, codes: {}, disconnected: 0 };
  const status = { ...known.status, clients: [{ ...client, lastAt: known.status.at }] };
  const text = await render({ ...known, status });
  expect(seriesOf(text).get("health_checker_clients")).toBe(1);
  expect(text).not.toMatch(/192\.0\.2\.7|ELB/);
});

test("the content type is that of the text format", () => {
  expect(METRICS_TYPE).toBe("text/plain; version=0.0.4; charset=utf-8");
});

const withPromtool = await needs("promtool");

withPromtool(
  "promtool finds nothing wrong with a host that has everything",
  async () => {
    const check = async (text: string) => {
      const child = Bun.spawn(["promtool", "check", "metrics"], {
        stdin: Buffer.from(text),
        stdout: "pipe",
        stderr: "pipe",
      });
      const printed = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
      return { printed, status: await child.exited };
    };
    const text = await render(fullHost());
    expect(text).toContain(ODD);
    expect(ODD_NAME).toContain("\n");
    expect(await check(text)).toEqual({ printed: "", status: 0 });
    expect((await check(text.replaceAll("_total", "_sum"))).status).not.toBe(0);
  },
  20_000,
);
