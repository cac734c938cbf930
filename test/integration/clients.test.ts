// What the compiled binary remembers of its clients and of its checks, as its status shows it.

import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { HostStatus } from "../../src/status/schema.ts";
import { startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import { run } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

/** The check `slow` runs until its gate is there. */
const configOf = (port: number, gate: string): string => `
log-level: debug
checks:
  - name: web
    tcp: 127.0.0.1:${port}
  - name: primary
    script: /bin/false
    severity: endpoint
  - name: slow
    script: ["/bin/sh", "-c", "until [ -e ${gate} ]; do sleep 0.02; done"]
    severity: endpoint
    timeout: 60s
endpoints:
  /primary: [primary]
  /slow: [slow]
`;

test("status shows who gets 200, who gets 504, and who disconnects before the answer", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const config = join(folder.path, "config.yaml");
  const socket = join(folder.path, "control.sock");
  const gate = join(folder.path, "gate");
  await writeFile(config, configOf(peer.port, gate));
  await using daemon = await startDaemon(["--config", config, "--control-socket", socket]);
  const ask = async (path: string, agent: string) =>
    (await daemon.ask(path, { headers: { "User-Agent": agent } })).status;

  expect(await ask("/", "ELB-HealthChecker/2.0")).toBe(200);
  expect(await ask("/primary", "curl/8.0")).toBe(504);
  for (let request = 0; request < 3; request++) expect(await ask("/", "ELB-HealthChecker/2.0")).toBe(200);
  expect(await ask("/primary", "curl/8.0")).toBe(504);
  const impatient = connect(daemon.port, "127.0.0.1");
  impatient.write("GET /slow HTTP/1.0\r\n\r\n");
  await daemon.logged(/ request .*\/slow/);
  impatient.resetAndDestroy();
  await daemon.logged("client disconnected before the response");
  await writeFile(gate, "");

  const { out } = await run(["status", "--json", "--control-socket", socket]);
  const { clients, checks } = JSON.parse(out) as HostStatus;
  const client = { address: "127.0.0.1", lastAt: expect.any(String), lastSeconds: expect.any(Number) };
  const intervalSeconds = expect.any(Number);
  expect(clients).toEqual([
    { ...client, userAgent: "", requests: 1, codes: {}, disconnected: 1 },
    { ...client, userAgent: "curl/8.0", requests: 2, lastCode: 504, codes: { 504: 2 }, disconnected: 0 },
    {
      ...client,
      userAgent: "ELB-HealthChecker/2.0",
      requests: 4,
      lastCode: 200,
      codes: { 200: 4 },
      disconnected: 0,
      intervalSeconds,
    },
  ]);
  const [web, primary] = checks;
  expect(web?.lastRuns).toMatch(/^\+{4,}$/);
  expect(primary).toMatchObject({ lastFailure: { reason: "exit" }, lastRuns: expect.stringMatching(/^-{2,}$/) });
  expect(primary).not.toHaveProperty("lastSuccessAt");
});

test("a reload forgets the checks that it removes, and keeps what is remembered of the others", async () => {
  await using folder = await tempFolder();
  await using peer = await listener();
  const config = join(folder.path, "config.yaml");
  const socket = join(folder.path, "control.sock");
  const web = `checks: [{ name: web, tcp: "127.0.0.1:${peer.port}" }`;
  const other = "{ name: other, script: /bin/false, severity: warning }";
  const command = async (...argv: string[]) => (await run([...argv, "--control-socket", socket])).out;
  const reloadWith = async (text: string) => {
    await writeFile(config, text);
    expect(await command("reload")).toContain("reloaded");
  };
  const checksNow = async () => (JSON.parse(await command("status", "--json")) as HostStatus).checks;

  await writeFile(config, `${web}, ${other}]`);
  await using daemon = await startDaemon(["--config", config, "--control-socket", socket]);
  for (let request = 0; request < 10; request++) expect((await daemon.ask()).status).toBe(200);
  const [kept, removed] = await checksNow();
  expect(kept?.lastRuns).toMatch(/^\+{10,}$/);
  expect(removed).toMatchObject({ lastRuns: expect.stringMatching(/^-+$/), lastFailure: { reason: "exit" } });
  await reloadWith(`${web}]`);
  await reloadWith(`${web}, ${other.replace("/bin/false", "/bin/true")}]`);
  const [webNow, otherNow] = await checksNow();
  expect(webNow?.lastRuns).toStartWith(kept?.lastRuns ?? "nothing");
  expect(otherNow?.lastRuns).toMatch(/^\++$/);
  expect(otherNow).not.toHaveProperty("lastFailure");
});
