// The configuration that docs/load-balancers.md shows is taken by the programs that it is for, and its table agrees
// with the timeouts that the warnings name.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { LOAD_BALANCERS } from "../../src/config/deadline.ts";
import { formatDuration } from "../../src/text/duration.ts";
import { askAt } from "../support/ask.ts";
import { ROOT } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { startDaemon } from "../support/daemon.ts";
import { blocksOf } from "../support/documents.ts";
import { DOWN, startPageHaproxy, UP } from "../support/haproxy.ts";
import { freePort } from "../support/loopback.ts";
import { needs } from "../support/needs.ts";
import { relayTo } from "../support/relay.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const PAGE = await Bun.file(join(ROOT, "docs/load-balancers.md")).text();

const blocksIn = (language: string, title = ""): readonly string[] =>
  blocksOf(PAGE).flatMap((block) => (block.language === language && block.title === title ? [block.text] : []));

const withHaproxy = await needs("haproxy");
const withNginx = await needs("nginx");

withHaproxy(
  "HAProxy takes each of its blocks without a warning",
  async () => {
    const blocks = blocksIn("haproxy");
    expect(blocks).toHaveLength(3);
    await using folder = await tempFolder();
    for (const block of blocks) {
      const [, backend = ""] = /^backend (\w+)$/m.exec(block) ?? [];
      const config = await folder.write(
        "haproxy.cfg",
        `defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend front
    bind unix@front.sock
    default_backend ${backend}
${block}`,
      );
      await using haproxy = startChild(["haproxy", "-c", "-f", config], { cwd: folder.path });
      const [exitCode] = await Promise.all([haproxy.exited, haproxy.ended]);
      expect({ block, exitCode, err: haproxy.err }).toEqual({ block, exitCode: 0, err: [] });
    }
  },
  60_000,
);

withHaproxy(
  "HAProxy sees UP and DOWN by the first block",
  async () => {
    using target = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    using relay = relayTo(target.port);
    await using daemon = await startDaemon(["--port", relay.address]);
    const [block = ""] = blocksIn("haproxy");
    const backend = block
      .replace(/10\.0\.0\.\d+/g, "127.0.0.1")
      .replace("port 5000", `port ${daemon.port}`)
      .replace("inter 5s fastinter 1s", "inter 100ms fastinter 100ms");
    await using haproxy = await startPageHaproxy(backend);
    await haproxy.see("app", "app2", UP);
    relay.close();
    await haproxy.see("app", "app2", DOWN);
  },
  120_000,
);

withNginx(
  "nginx passes the path for Apache on to the daemon",
  async () => {
    await using daemon = await startDaemon(["--script", "false"]);
    const [location = ""] = blocksIn("nginx");
    await using folder = await tempFolder();
    const port = freePort("127.0.0.1");
    const config = await folder.write(
      "nginx.conf",
      `daemon off;
pid nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen 127.0.0.1:${port};
    ${location.replace(":5000/", `:${daemon.port}/`)}
  }
}
`,
    );
    await using _ = startChild(["nginx", "-e", "stderr", "-p", folder.path, "-c", config]);
    const answer = await until(() => askAt(`http://127.0.0.1:${port}/health-checker`), 30_000, "nginx to answer");
    expect(answer).toMatchObject({ status: 504, body: "At least one health check failed" });
  },
  60_000,
);

test("the service for Consul is JSON with a check of port 5000", () => {
  const [service = ""] = blocksIn("json");
  expect(JSON.parse(service)).toMatchObject({ service: { check: { http: "http://127.0.0.1:5000/" } } });
});

test("the blocks of Envoy and Kubernetes are YAML that asks port 5000", () => {
  const shown = [...blocksIn("yaml", "envoy"), ...blocksIn("yaml", "kubernetes")];
  expect(shown).toHaveLength(2);
  for (const block of shown) expect(JSON.stringify(Bun.YAML.parse(block))).toMatch(/"port(_value)?":5000\b/);
});

test("the table has the timeouts that the warnings name", () => {
  const rowOf: Readonly<Record<string, string>> = {
    kubelet: "[Kubernetes]",
    HAProxy: "without `timeout check`",
    "AWS ALB": "[AWS Application Load Balancer]",
    "AWS NLB": "[AWS Network Load Balancer]",
  };
  const rows = PAGE.split("\n").filter((line) => line.startsWith("| ["));
  for (const { name, timeoutMs } of LOAD_BALANCERS) {
    const row = rows.find((line) => line.includes(rowOf[name] ?? name));
    expect({ name, cell: row?.split(" | ")[1] }).toEqual({
      name,
      cell: expect.stringMatching(new RegExp(`(^|, )${formatDuration(timeoutMs).replace(/(?=s$)/, " ")}$`)),
    });
  }
});
