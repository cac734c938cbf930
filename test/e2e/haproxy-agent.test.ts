// A real HAProxy that asks the agent: the server goes down, drains and returns, and what an operator has
// told HAProxy himself is left alone.

import { expect } from "bun:test";
import { join } from "node:path";
import { clock } from "../../src/system/clock.ts";
import { binary } from "../support/binary.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { type AgentHaproxy, startAgentHaproxy } from "../support/haproxy.ts";
import { listener } from "../support/listeners.ts";
import { needs } from "../support/needs.ts";
import { relayTo } from "../support/relay.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const test = await needs("haproxy");

const DRAIN = "DRAIN (agent)";
const DOWN = "DOWN (agent)";

interface Host extends AsyncDisposable {
  /** What the daemon checks. HAProxy checks another port, which is always open, so that only the agent decides. */
  readonly database: ReturnType<typeof relayTo>;
  readonly haproxy: AgentHaproxy;
  readonly daemon: () => Daemon;
  /** `drain`, `undrain`, `maint --for 1h`, as an operator types them. */
  control(...words: readonly string[]): Promise<void>;
  restart(signal?: NodeJS.Signals): Promise<void>;
}

interface HostOptions {
  readonly args?: readonly string[];
  readonly agentInters?: readonly string[];
  readonly more?: string;
}

async function startHost({ args = [], agentInters = ["100ms"], more = "" }: HostOptions = {}): Promise<Host> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const controlSocket = join(folder.path, "control.sock");
  const target = stack.use(await listener());
  const service = stack.use(await listener());
  const database = stack.use(relayTo(target.port));
  const config = await folder.write("hc.yaml", `checks: [{ name: database, tcp: "${database.address}" }]\n`);
  const start = (agent: string) =>
    startDaemon(["--config", config, "--control-socket", controlSocket, "--agent-listener", agent, ...args], {
      env: { RUNTIME_DIRECTORY: folder.path },
    });
  let daemon = await start("127.0.0.1:0");
  stack.defer(() => daemon[Symbol.asyncDispose]());
  const line = await daemon.logged(/HAProxy agent listening address=/);
  const agentPort = Number(/:(\d+)$/.exec(line)?.[1]);
  const haproxy = stack.use(await startAgentHaproxy({ servicePort: service.port, agentPort, agentInters, more }));
  const others = stack.move();
  return {
    database,
    haproxy,
    daemon: () => daemon,
    async control(...words) {
      const child = Bun.spawn([await binary(), ...words, "--control-socket", controlSocket], { stderr: "pipe" });
      const said = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
      if ((await child.exited) !== 0) throw new Error(`${words.join(" ")}: ${said}`);
    },
    async restart(signal = "SIGTERM") {
      await daemon.stop(signal);
      await daemon[Symbol.asyncDispose]();
      daemon = await start(`127.0.0.1:${agentPort}`);
    },
    [Symbol.asyncDispose]: () => others.disposeAsync(),
  };
}

/** HAProxy has asked often enough that what is told to it has come to nothing. */
async function asksOn(daemon: Daemon, times = 5): Promise<void> {
  const asked = () => daemon.log().filter((line) => line.includes(" agent-check ")).length;
  const before = asked();
  await until(() => asked() >= before + times, 30_000, "HAProxy to ask on");
}

test("a server goes down with the reason, and comes back", async () => {
  await using host = await startHost();
  const { haproxy, database } = host;
  await haproxy.allSee("UP");
  database.close();
  await haproxy.allSee(DOWN);
  expect((await haproxy.states())[0]?.said).toBe("via agent : down (database refused)");
  database.open();
  await haproxy.allSee("UP");
}, 120_000);

test("a server drains and returns, and then an operator's own drain and maintenance are left alone", async () => {
  await using host = await startHost({ args: ["--log-level", "debug"] });
  const { haproxy, control, database, daemon } = host;
  await haproxy.allSee("UP");
  await control("drain");
  await haproxy.allSee(DRAIN);
  database.close();
  await asksOn(daemon());
  await haproxy.allSee(DRAIN); // what its checks say is of no matter now
  database.open();
  await control("undrain");
  await haproxy.allSee("UP");
  await control("maint", "--for", "1h");
  await haproxy.allSee("MAINT");
  await control("undrain");
  await haproxy.allSee("UP");
  await daemon().logged("sent ready to HAProxy", 30_000);
  for (const [state, status] of [
    ["drain", DRAIN],
    ["maint", "MAINT"],
  ] as const) {
    await haproxy.command(`set server SERVER state ${state}`);
    await asksOn(daemon());
    await haproxy.allSee(status);
    await haproxy.command("set server SERVER state ready");
    await haproxy.allSee("UP");
  }
}, 120_000);

test("an operator's own drain and maintenance outlive the daemon's failures and restarts", async () => {
  await using host = await startHost({ args: ["--log-level", "debug"] });
  const { haproxy, database, daemon } = host;
  await haproxy.allSee("UP");
  for (const [state, status] of [
    ["drain", DRAIN],
    ["maint", "MAINT"],
  ] as const) {
    await haproxy.command(`set server SERVER state ${state}`);
    database.close();
    await until(async () => (await haproxy.states())[0]?.said.includes("down"));
    database.open();
    await until(async () => (await haproxy.states())[0]?.said === "via agent : up");
    await host.restart();
    await asksOn(daemon());
    await haproxy.allSee(status);
    await haproxy.command("set server SERVER state ready");
    await haproxy.allSee("UP");
  }
}, 120_000);

test("HAProxy shows the reason of a drain and of a maintenance, and the state of the server is right", async () => {
  await using host = await startHost({ args: ["--log-level", "debug"] });
  const { haproxy, control, database, daemon } = host;
  const shows = (status: string, said: string) =>
    until(async () => Bun.deepEquals((await haproxy.states())[0], { status, said }), 30_000, `${status}, ${said}`);
  await haproxy.allSee("UP");
  await control("drain", "--reason", "new kernel, then up");
  await shows(DRAIN, "via agent : up (new kernel, then up)");
  await control("drain", "--reason", "down #maint");
  await shows(DRAIN, "via agent : up (down #maint)");
  await control("maint", "--for", "1h", "--reason", "disk swap");
  await shows("MAINT", "via agent : up (disk swap)");
  await host.restart();
  await asksOn(daemon());
  await shows("MAINT", "via agent : up (disk swap)");
  await control("undrain");
  await shows("UP", "via agent : up");
  // A server that was down stays down: persistence would send a server in DRAIN its sessions.
  database.close();
  await shows(DOWN, "via agent : down (database refused)");
  await control("drain", "--reason", "new disk");
  await shows(DOWN, "via agent : down (new disk)");
  database.open();
  await control("undrain");
  await shows("UP", "via agent : up");
}, 120_000);

test("every server line of a HAProxy returns, however differently they ask", async () => {
  await using host = await startHost({ agentInters: ["100ms", "100ms", "150ms", "700ms"] });
  const { haproxy, control } = host;
  await haproxy.allSee("UP");
  for (let turn = 0; turn < 2; turn++) {
    await control("drain");
    await haproxy.allSee(DRAIN);
    await control("undrain");
    await haproxy.allSee("UP");
  }
}, 120_000);

test("a drain outlives a restart and a kill of the daemon, and its end is told by the daemon after", async () => {
  await using host = await startHost();
  const { haproxy, control } = host;
  await haproxy.allSee("UP");
  await control("drain");
  await haproxy.allSee(DRAIN);
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await host.restart(signal);
    await host.daemon().logged("drain restored after a restart");
    await haproxy.allSee(DRAIN);
  }
  await control("undrain");
  await host.restart("SIGKILL"); // before HAProxy was told, perhaps
  await haproxy.allSee("UP");
}, 120_000);

test("maintenance ends by itself, while no daemon runs too", async () => {
  await using host = await startHost();
  const { haproxy, control } = host;
  await haproxy.allSee("UP");
  await control("maint", "--for", "2s");
  await haproxy.allSee("MAINT");
  await haproxy.allSee("UP");
  await control("maint", "--for", "1h");
  await haproxy.allSee("MAINT");
  await control("maint", "--for", "1s");
  const endMs = clock.now() + 1000;
  await host.daemon().stop("SIGKILL");
  await until(() => clock.now() > endMs);
  await host.restart();
  await haproxy.allSee("UP");
}, 120_000);

test("a daemon that stops after a drain delay says so, and its successor takes it back", async () => {
  await using host = await startHost({ args: ["--drain-delay", "30s"] });
  const { haproxy } = host;
  await haproxy.allSee("UP");
  process.kill(host.daemon().pid, "SIGTERM");
  await haproxy.allSee(DOWN);
  expect((await haproxy.states())[0]?.said).toBe("via agent : stopped (health-checker is stopping)");
  await host.restart(); // the second signal cuts the delay short
  await haproxy.allSee("UP");
}, 120_000);

test("what HAProxy sends the agent changes nothing", async () => {
  await using host = await startHost({ more: 'agent-send "app/host\\n"' });
  const { haproxy, database } = host;
  await haproxy.allSee("UP");
  database.close();
  await haproxy.allSee(DOWN);
}, 120_000);
