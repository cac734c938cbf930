// The programs that are measured: the daemon with different options, and its peers. All of them run for the whole
// benchmark, and one at a time is under load.

import { firstAnswer, freePort, type Load } from "./load.ts";
import { type Pinned, startPinned } from "./process.ts";

export interface Programs {
  readonly daemon: string;
  readonly floor: string;
  readonly spawnLoop: string;
  readonly blackboxConfig: string;
}

export interface Setup {
  readonly programs: Programs;
  readonly serverCore: number;
  /** Ports that accept. */
  readonly targets: readonly number[];
  /** A port that refuses. */
  readonly closed: number;
}

export interface Contender {
  readonly name: string;
  readonly ours: boolean;
  readonly server: Pinned;
  readonly load: Load;
}

export interface Plan {
  readonly name: string;
  readonly connections: number;
  /** Options of the daemon. */
  readonly options: (setup: Setup) => readonly string[];
  /** Whether the daemon must answer 200; by default true. */
  readonly healthy?: boolean;
}

const onePort = ({ targets }: Setup) => ["--port", String(targets[0])];
const allPorts = ({ targets }: Setup) => targets.flatMap((port) => ["--port", String(port)]);

export const PLANS = {
  "one-port": { name: "one port", connections: 1, options: onePort },
  "five-ports-unshared": {
    name: "five ports, --max-rounds 64",
    connections: 64,
    options: (setup) => [...allPorts(setup), "--max-rounds", "64"],
  },
  "five-ports": { name: "five ports", connections: 64, options: allPorts },
  refused: {
    name: "a refused port",
    connections: 16,
    options: ({ closed }) => ["--port", String(closed)],
    healthy: false,
  },
  singleflight: {
    name: "one port, --singleflight",
    connections: 64,
    options: (setup) => [...onePort(setup), "--singleflight"],
  },
  background: {
    name: "five ports, --interval 1s",
    connections: 64,
    options: (setup) => [...allPorts(setup), "--interval", "1s"],
  },
  // As many at a time as the bare loop runs: one connection would measure the network, not the spawn.
  script: { name: "script /bin/true", connections: 4, options: () => ["--script", "/bin/true"] },
} as const satisfies Readonly<Record<string, Plan>>;

export type Scenario = keyof typeof PLANS;

export async function startDaemon(scenario: Scenario, setup: Setup): Promise<Contender> {
  const { name, connections, options, healthy = true }: Plan = PLANS[scenario];
  const port = freePort();
  const server = startPinned(setup.serverCore, [
    setup.programs.daemon,
    "--listener",
    `127.0.0.1:${port}`,
    "--log-level",
    "error",
    ...options(setup),
  ]);
  await firstAnswer(server, port, healthy ? 200 : 504);
  return { name, ours: true, server, load: { url: `http://127.0.0.1:${port}/`, connections, healthy } };
}

/** With a plan it checks the same ports as the daemon. */
export async function startFloor({ programs, serverCore, ...around }: Setup, plan?: Plan): Promise<Contender> {
  const port = freePort();
  const options = plan?.options({ programs, serverCore, ...around }) ?? [];
  const checked = options.flatMap((option, index) => (option === "--port" ? [options[index + 1] ?? ""] : []));
  const { connections = 64, healthy = true } = plan ?? {};
  const server = startPinned(serverCore, [programs.floor, String(port), ...checked]);
  await firstAnswer(server, port, healthy ? 200 : 504);
  const load = { url: `http://127.0.0.1:${port}/`, connections, healthy };
  return { name: "floor: bare Bun.serve", ours: false, server, load };
}

/** It answers 200 even if the probe fails, so the result of the probe is checked here once. */
export async function startBlackbox({ programs, serverCore, targets }: Setup): Promise<Contender> {
  const port = freePort();
  const server = startPinned(serverCore, [
    "prometheus-blackbox-exporter",
    `--config.file=${programs.blackboxConfig}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=error",
  ]);
  await firstAnswer(server, port, 200);
  const url = `http://127.0.0.1:${port}/probe?module=tcp_connect&target=127.0.0.1:${targets[0]}`;
  const report = await (await fetch(url, { proxy: false })).text();
  if (!/^probe_success 1$/m.test(report)) throw new Error(`expected probe_success 1 from ${url}, got:\n${report}`);
  return { name: "blackbox_exporter, one port", ours: false, server, load: { url, connections: 1, healthy: true } };
}
