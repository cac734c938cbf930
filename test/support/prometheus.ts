// A real Prometheus of a test's own, from the system's package, and promtool.

import { join } from "node:path";
import { startChild } from "./child.ts";
import { freePort } from "./loopback.ts";
import { tempFolder } from "./temp.ts";
import { until } from "./until.ts";

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus extends AsyncDisposable {
  /** The series of an expression now. */
  query(expression: string): Promise<readonly Series[]>;
  /** Waits until the expression has one series, of this value. */
  has(expression: string, value: number): Promise<void>;
}

interface Answer {
  readonly data?: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
    }[];
  };
}

/** Scrapes /metrics of `target` on 127.0.0.1 five times a second. */
export async function startPrometheus(target: number): Promise<Prometheus> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const config = await folder.write(
    "prometheus.yml",
    `global: { scrape_interval: 200ms, scrape_timeout: 200ms }
scrape_configs: [{ job_name: health-checker, static_configs: [{ targets: ["127.0.0.1:${target}"] }] }]
`,
  );
  const port = freePort("127.0.0.1");
  const server = stack.use(
    startChild([
      "prometheus",
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder.path, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn",
    ]),
  );
  const query = async (expression: string): Promise<readonly Series[]> => {
    const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const { data } = (await (await fetch(url, { proxy: "" })).json()) as Answer;
    return (data?.result ?? []).map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  };
  await until(async () => server.hasExited() || (await query("vector(1)")).length === 1, 60_000, "Prometheus to start");
  if (server.hasExited()) throw new Error(["Prometheus exited", ...server.out, ...server.err].join("\n"));
  const others = stack.move();
  return {
    query,
    async has(expression, value) {
      const isSo = async () => {
        const series = await query(expression);
        return series.length === 1 && series[0]?.value === value;
      };
      await until(isSo, 30_000, `Prometheus to have ${expression} = ${value}`);
    },
    [Symbol.asyncDispose]: () => others.disposeAsync(),
  };
}

/** What promtool printed, and its exit status. */
export async function promtool(words: readonly string[], stdin = ""): Promise<{ out: string; status: number }> {
  const child = Bun.spawn(["promtool", ...words], { stdin: Buffer.from(stdin), stdout: "pipe", stderr: "pipe" });
  const [out, err, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out: out + err, status };
}
