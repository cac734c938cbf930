// A config that is wrong on every host at once takes none of them out: ten daemons behind a real
// HAProxy, for which a single 504 is enough, refuse it while clients send requests.

import { expect } from "bun:test";
import { join } from "node:path";
import type { HostStatus } from "../../src/status/schema.ts";
import { askAt } from "../support/ask.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { startFleetHaproxy } from "../support/haproxy.ts";
import { needs } from "../support/needs.ts";
import { run } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const test = await needs("haproxy");

const HOSTS = 10;
const CLIENTS = 8;

/** Between the requests of a client. Without it they would take all processors from what they ask. */
const PAUSE_MS = 5;

const NOBODY_LISTENS = 1;

/** HAProxy has asked every daemon so often since the reload, so that it would know of a 504. */
const CHECKS_AFTER = 3;

interface Host {
  readonly address: string;
  readonly servicePort: number;
  readonly daemon: Daemon;
  readonly socket: string;
  /** Writes the config file with these checks; the odd hosts run theirs in the background. */
  push(checks: readonly object[]): Promise<unknown>;
}

async function startHost(index: number, folder: TempFolder, opened: AsyncDisposableStack): Promise<Host> {
  const address = `127.0.0.${index + 1}`;
  const service = Bun.serve({ hostname: address, port: 0, fetch: () => new Response(address) });
  opened.defer(() => service.stop(true));
  const servicePort = service.port ?? 0;
  const socket = join(folder.path, `control${index}.sock`);
  const interval = index % 2 === 0 ? undefined : "500ms";
  const push = (checks: readonly object[]) =>
    folder.write(`host${index}.yaml`, JSON.stringify({ "log-level": "debug", interval, checks }));
  await push([serviceAt(address, servicePort)]);
  const config = join(folder.path, `host${index}.yaml`);
  const daemon = await startDaemon(["--listener", `${address}:0`, "--config", config, "--control-socket", socket]);
  opened.use(daemon);
  return { address, servicePort, daemon, socket, push };
}

const serviceAt = (address: string, port: number) => ({ name: "service", tcp: `${address}:${port}` });

/** What clients get through HAProxy, until `stop`. */
function sendRequests(front: string) {
  const answers = new Map<string, number>();
  let stopped = false;
  const client = async () => {
    while (!stopped) {
      const answer = await askAt("http://fleet/", { unix: front }).then(
        ({ status, body }) => (status === 200 ? body : `${status} ${body}`),
        (error) => String(error),
      );
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
      await Bun.sleep(PAUSE_MS);
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, client));
  return {
    async stop(): Promise<ReadonlyMap<string, number>> {
      stopped = true;
      await clients;
      return answers;
    },
  };
}

/** Reloads them all at once: half over the control socket, half by SIGHUP. Resolves with what each said. */
function reloadAll(hosts: readonly Host[]) {
  return Promise.all(
    hosts.map(async ({ socket, daemon }, index) => {
      if (index < HOSTS / 2) return run(["reload", "--control-socket", socket]);
      const lines = daemon.log().length;
      process.kill(daemon.pid, "SIGHUP");
      return until(
        () =>
          daemon
            .log()
            .slice(lines)
            .find((line) => / (INFO configuration reloaded|ERROR reload refused)/.test(line)),
        10_000,
        `${daemon.url} to reload`,
      );
    }),
  );
}

const isCheckByHaproxy = (line: string): boolean => line.includes(" DEBUG request method=OPTIONS ");

async function haproxyAsksAll(hosts: readonly Host[]): Promise<void> {
  await Promise.all(
    hosts.map(({ daemon }) => {
      const lines = daemon.log().length;
      const asked = () => daemon.log().slice(lines).filter(isCheckByHaproxy).length >= CHECKS_AFTER;
      return until(asked, 10_000, `HAProxy to ask ${daemon.url}`);
    }),
  );
}

async function statusOf({ socket }: Host): Promise<HostStatus> {
  return JSON.parse((await run(["status", "--json", "--control-socket", socket])).out) as HostStatus;
}

test("a bad config on ten hosts at once is refused by all, no request is lost and no server is down", async () => {
  await using folder = await tempFolder();
  await using opened = new AsyncDisposableStack();
  const indexes = Array.from({ length: HOSTS }, (_, index) => index);
  const hosts = await Promise.all(indexes.map((index) => startHost(index, folder, opened)));
  await using haproxy = await startFleetHaproxy(
    hosts.map(({ address, servicePort, daemon }) => ({ address, servicePort, daemonPort: daemon.port })),
  );
  await haproxy.see(hosts.map(() => "UP"));
  await haproxyAsksAll(hosts);
  const requests = sendRequests(haproxy.front);
  const allUp = hosts.map(() => ({ status: "UP", failedChecks: 0, downs: 0 }));

  const wrongPort = ({ address }: Host) => [serviceAt(address, NOBODY_LISTENS)];
  const missing = join(folder.path, "not-there");
  const missingFile = ({ address, servicePort }: Host) => [
    serviceAt(address, servicePort),
    { name: "marker", file: missing },
  ];
  for (const [bad, reason] of [
    [wrongPort, "check service would turn the host unhealthy: refused: "],
    [missingFile, `check marker would turn the host unhealthy: missing: ${missing}`],
  ] as const) {
    await Promise.all(hosts.map((host) => host.push(bad(host))));
    for (const said of await reloadAll(hosts)) {
      if (typeof said === "string") {
        expect(said).toContain(" ERROR reload refused; the running configuration is unchanged count=1 ");
        expect(said).toContain(`problems="health-checker: ${reason}`);
      } else {
        expect({ out: said.out, exitCode: said.exitCode }).toEqual({ out: "", exitCode: 1 });
        expect(said.err).toStartWith(`health-checker: ${reason}`);
        expect(said.err).toEndWith(
          "\nhealth-checker: reload refused; the running configuration is unchanged; reload --force applies it anyway\n",
        );
      }
    }
    await haproxyAsksAll(hosts);
    expect(await haproxy.servers()).toEqual(allUp);
    for (const host of hosts) {
      expect((await host.daemon.ask()).status).toBe(200);
      expect(await statusOf(host)).toMatchObject({
        healthy: true,
        lastReload: { taken: false, forcible: true, problems: [expect.stringContaining(reason)] },
        checks: [{ name: "service", status: "up" }],
      });
    }
  }

  const present = await folder.write("there", "");
  const good = ({ address, servicePort }: Host) => [
    { ...serviceAt(address, servicePort), interval: "3s", timeout: "3s" },
    { name: "marker", file: present },
  ];
  await Promise.all(hosts.map((host) => host.push(good(host))));
  for (const said of await reloadAll(hosts)) {
    if (typeof said === "string") expect(said).toEndWith("configuration reloaded kept=0 changed=service added=marker");
    else {
      expect(said).toEqual({
        out: "reloaded: 0 checks kept; 1 changed: service; 1 added: marker\n",
        err: "",
        exitCode: 0,
      });
    }
  }
  await haproxyAsksAll(hosts);
  expect(await haproxy.servers()).toEqual(allUp);

  const [one, ...others] = hosts;
  if (!one) throw new Error("no host");
  await one.push(wrongPort(one));
  const forced = await run(["reload", "--force", "--control-socket", one.socket]);
  expect(forced).toMatchObject({ exitCode: 0, out: expect.stringContaining("1 changed: service; 1 removed: marker") });
  expect(forced.err).toContain("check service turns the host unhealthy: refused: ");
  await haproxy.see(["DOWN", ...others.map(() => "UP")]);
  await haproxyAsksAll(others);
  expect(await haproxy.servers()).toEqual([{ status: "DOWN", failedChecks: 1, downs: 1 }, ...allUp.slice(1)]);
  expect((await one.daemon.ask()).status).toBe(504);

  const answers = await requests.stop();
  expect([...answers.keys()].sort()).toEqual(hosts.map(({ address }) => address).sort());
}, 120_000);
