// A real Prometheus that scrapes a daemon sees what the daemon answers, and a real node_exporter reads its metrics file.

import { expect } from "bun:test";
import { join } from "node:path";
import { MetricsFile } from "../../src/daemon/metrics-file.ts";
import { METRICS_TYPE, renderMetrics, renderMetricsFile } from "../../src/status/metrics/render.ts";
import { askAt } from "../support/ask.ts";
import { startChild } from "../support/child.ts";
import { startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import { freePort } from "../support/loopback.ts";
import { fullHost, ODD_NAME } from "../support/metrics.ts";
import { needs } from "../support/needs.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { relayTo } from "../support/relay.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const withPrometheus = await needs("prometheus");
const withNodeExporter = await needs("prometheus-node-exporter");

withPrometheus(
  "a host turns unhealthy when a service closes, and healthy again, under the name that its check has",
  async () => {
    await using folder = await tempFolder();
    const port = freePort("127.0.0.1");
    await using service = await listener();
    using relay = relayTo(service.port);
    const checks = [{ name: ODD_NAME.replace("\n", " "), tcp: relay.address, interval: "100ms" }];
    const config = await folder.write("hc.yaml", JSON.stringify({ checks }));
    await using _daemon = await startDaemon(["--config", config, "--admin-listener", `127.0.0.1:${port}`]);
    expect((await askAt(`http://127.0.0.1:${port}/metrics`)).headers.get("content-type")).toBe(METRICS_TYPE);
    await using prometheus = await startPrometheus(port);
    await prometheus.has("health_checker_healthy", 1);
    await prometheus.has("up", 1);
    relay.close();
    await prometheus.has("health_checker_healthy", 0);
    const [down] = await prometheus.query("health_checker_check_up == 0");
    expect(down?.labels["check"]).toBe(ODD_NAME.replace("\n", " "));
    relay.open();
    await prometheus.has("health_checker_healthy", 1);
    await prometheus.has("sum(health_checker_check_up)", 1);
  },
  120_000,
);

withPrometheus(
  "a label keeps every character of a name, and the histogram has its quantiles",
  async () => {
    const { status, counts, gauges } = fullHost();
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async () => new Response(await renderMetrics(status, counts, gauges)),
    });
    await using prometheus = await startPrometheus(server.port ?? 0);
    await prometheus.has("health_checker_check_up", 0);
    const [check] = await prometheus.query("health_checker_check_up");
    expect(check?.labels["check"]).toBe(ODD_NAME);
    await prometheus.has("histogram_quantile(0.4, health_checker_request_duration_seconds_bucket)", 0.005);
    await prometheus.has("count(health_checker_request_duration_seconds_bucket)", 9);
  },
  120_000,
);

withNodeExporter(
  "node_exporter reads the metrics file without an error",
  async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "health-checker.prom");
    const { status, counts, gauges } = fullHost();
    const logged: string[] = [];
    const log = (message: string) => void logged.push(message);
    const file = new MetricsFile({
      path,
      log: { info: log, warning: log },
      render: () => renderMetricsFile(status, counts, gauges),
    });
    const port = freePort("127.0.0.1");
    await using exporter = startChild([
      "prometheus-node-exporter",
      `--web.listen-address=127.0.0.1:${port}`,
      "--collector.disable-defaults",
      "--collector.textfile",
      `--collector.textfile.directory=${folder.path}`,
    ]);
    const read = async () => (await askAt(`http://127.0.0.1:${port}/metrics`)).body;
    const text = await until(async () => {
      const body = await read();
      return body.includes("health_checker_healthy") && body;
    });
    expect(text).toContain("\nhealth_checker_healthy 0\n");
    expect(text).toContain("\nnode_textfile_scrape_error 0\n");
    expect(text).toContain("\nhealth_checker_request_duration_seconds_count 10\n");
    expect(exporter.err.filter((line) => line.includes("error gathering"))).toEqual([]);
    await file.close();
    expect(await read()).not.toContain("health_checker_");
    expect(logged).toEqual([]);
    // One with the metrics of the process is an error, which is why they are left out.
    await folder.write("all.prom", await renderMetrics(status, counts, gauges));
    await until(async () => {
      await read();
      return exporter.err.some((line) => line.includes("error gathering"));
    });
  },
  60_000,
);
