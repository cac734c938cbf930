// docs/metrics.md and docs/prometheus/: Prometheus takes the rules, each alert is tested, and nothing names a metric that
// does not exist.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { METRICS } from "../../src/status/metrics/metrics.ts";
import { ROOT } from "../support/binary.ts";
import { blocksOf, readPage } from "../support/documents.ts";
import { needs } from "../support/needs.ts";
import { promtool } from "../support/prometheus.ts";
import { tempFolder } from "../support/temp.ts";

const FOLDER = join(ROOT, "docs/prometheus");
const [PAGE, ALERTS, ALERT_TESTS, DASHBOARD] = await Promise.all([
  readPage("docs/metrics.md"),
  readPage("docs/prometheus/alerts.yaml"),
  readPage("docs/prometheus/alerts.test.yaml"),
  readPage("docs/prometheus/grafana.json"),
]);

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly Alert[] }[];
}

interface RuleTests {
  readonly tests: readonly {
    readonly promql_expr_test: readonly { readonly expr: string; readonly exp_samples: readonly unknown[] }[];
  }[];
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource: { readonly uid: string };
  readonly targets: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
}

const alerts = (Bun.YAML.parse(ALERTS) as RuleFile).groups.flatMap(({ rules }) => rules);
const dashboard = JSON.parse(DASHBOARD) as Dashboard;

/** The series that a histogram has under its name. */
const KNOWN = new Set(
  METRICS.flatMap(({ name, type }) =>
    type === "histogram" ? ["", "_bucket", "_sum", "_count"].map((part) => `${name}${part}`) : [name],
  ),
);

test.each(Object.entries({ PAGE, ALERTS, ALERT_TESTS, DASHBOARD }))(
  "%s names no metric that does not exist",
  (_, text) => {
    const named = [...text.matchAll(/\b(?:health_checker|process)_[a-z0-9_]+[a-z0-9]\b/g)].map(([name]) => name);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !KNOWN.has(name))).toEqual([]);
  },
);

test("each alert has a test in which it fires and one in which it does not, a severity, and says what to do", () => {
  const cases = (Bun.YAML.parse(ALERT_TESTS) as RuleTests).tests.flatMap(({ promql_expr_test }) => promql_expr_test);
  const testedWith = (fires: boolean) =>
    cases
      .filter(({ exp_samples }) => exp_samples.length > 0 === fires)
      .map(({ expr }) => /alertname="(\w+)"/.exec(expr)?.[1])
      .sort();
  const names = alerts.map(({ alert }) => alert).sort();
  expect(names.length).toBeGreaterThan(12);
  expect([...new Set(testedWith(true))]).toEqual(names);
  expect([...new Set(testedWith(false))]).toEqual(names);
  for (const { labels, annotations } of alerts) {
    expect(labels["severity"]).toMatch(/^(page|ticket)$/);
    expect(Object.keys(annotations)).toEqual(["summary", "description"]);
  }
});

test("the panels of the dashboard have their own places and ids, and take the data source that was chosen", () => {
  const { panels, templating } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(templating.list.map(({ name, type }) => `${name}: ${type}`)).toEqual([
    "datasource: datasource",
    "job: query",
    "instance: query",
  ]);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  const sources = panels.flatMap(({ datasource, targets }) => [
    datasource,
    ...targets.map((target) => target.datasource),
  ]);
  expect(sources.filter(({ uid }) => !/^\$\{datasource\}$/.test(uid))).toEqual([]);
});

const withPromtool = await needs("promtool");

withPromtool(
  "promtool accepts the alert rules, and their tests pass",
  async () => {
    const checked = await promtool(["check", "rules", join(FOLDER, "alerts.yaml")]);
    expect(checked).toMatchObject({ out: expect.stringContaining(`SUCCESS: ${alerts.length} rules`), status: 0 });
    const tested = await promtool(["test", "rules", join(FOLDER, "alerts.test.yaml")]);
    expect(tested).toMatchObject({ out: expect.stringContaining("SUCCESS"), status: 0 });
  },
  60_000,
);

withPromtool(
  "a rule that is changed fails its test",
  async () => {
    await using folder = await tempFolder();
    await folder.write("alerts.yaml", ALERTS.replace("for: 4h", "for: 5h"));
    const file = await folder.write("alerts.test.yaml", ALERT_TESTS);
    expect(await promtool(["test", "rules", file])).toMatchObject({
      out: expect.stringContaining("DrainedTooLong"),
      status: 1,
    });
  },
  60_000,
);

withPromtool(
  "Prometheus can read each expression of the dashboard",
  async () => {
    const expressions = [...dashboard.panels.flatMap(({ targets }) => targets), ...dashboard.annotations.list];
    const rules = expressions.map(({ expr }, index) => ({
      record: `panel:${index}`,
      expr: expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(job|instance)/g, ".*"),
    }));
    await using folder = await tempFolder();
    const file = await folder.write("rules.yaml", JSON.stringify({ groups: [{ name: "panels", rules }] }));
    const { out, status } = await promtool(["check", "rules", file]);
    expect({ out, status }).toMatchObject({
      out: expect.stringContaining(`SUCCESS: ${rules.length} rules`),
      status: 0,
    });
  },
  60_000,
);

withPromtool(
  "Prometheus accepts the configuration of docs/metrics.md, and the agent's is JSON",
  async () => {
    await using folder = await tempFolder();
    const yaml = blocksOf(PAGE).flatMap(({ language, text }) => (language === "yaml" ? [text] : []));
    const configs = yaml.filter((text) => text.includes("scrape_configs:"));
    expect(configs).toHaveLength(2);
    for (const text of configs) {
      const checked = await promtool(["check", "config", await folder.write("prometheus.yml", text)]);
      expect(checked).toMatchObject({ out: expect.stringContaining("SUCCESS"), status: 0 });
    }
    const [rule = ""] = yaml.filter((text) => text.includes("alert:"));
    const rules = Bun.YAML.parse(rule);
    const file = await folder.write("rules.yaml", JSON.stringify({ groups: [{ name: "file", rules }] }));
    expect(await promtool(["check", "rules", file])).toMatchObject({ status: 0 });
    const [agent = ""] = blocksOf(PAGE).flatMap(({ language, text }) => (language === "json" ? [text] : []));
    expect(Object.keys(JSON.parse(agent))).toEqual(["logs"]);
  },
  60_000,
);
