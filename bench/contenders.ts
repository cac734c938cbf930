// Who is measured: the daemon in each of its ways to answer, and its peers. All
// of them run from the start of the benchmark to its end, and idle but in turn.

import { firstAnswer, freePort, type Load } from "./load.ts";
import { type Pinned, startPinned } from "./process.ts";

export interface Programs {
  readonly daemon: string;
  readonly floor: string;
  readonly spawnLoop: string;
  readonly blackboxConfig: string;
}

export interface Surroundings {
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

interface Plan {
  readonly name: string;
  readonly connections: number;
  /** Options of the daemon. */
  readonly options: (surroundings: Surroundings) => readonly string[];
  /** What the daemon is to answer; true unless said. */
  readonly healthy?: boolean;
}

const onePort = ({ targets }: Surroundings) => ["--port", String(targets[0])];
const allPorts = ({ targets }: Surroundings) => targets.flatMap((port) => ["--port", String(port)]);

export const PLANS = {
  "one-port": { name: "one port", connections: 1, options: onePort },
  "five-ports-unshared": {
    name: "five ports, --max-rounds 64",
    connections: 64,
    options: (surroundings) => [...allPorts(surroundings), "--max-rounds", "64"],
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
    options: (surroundings) => [...onePort(surroundings), "--singleflight"],
  },
  background: {
    name: "five ports, --interval 1s",
    connections: 64,
    options: (surroundings) => [...allPorts(surroundings), "--interval", "1s"],
  },
  // As many at a time as the bare loop runs: one alone would measure the way between client and server, not the spawn.
  script: { name: "script /bin/true", connections: 4, options: () => ["--script", "/bin/true"] },
} as const satisfies Readonly<Record<string, Plan>>;

export type Scenario = keyof typeof PLANS;

export async function startDaemon(scenario: Scenario, surroundings: Surroundings): Promise<Contender> {
  const { name, connections, options, healthy = true }: Plan = PLANS[scenario];
  const port = freePort();
  const server = startPinned(surroundings.serverCore, [
    surroundings.programs.daemon,
    "--listener",
    `127.0.0.1:${port}`,
    "--log-level",
    "error",
    ...options(surroundings),
  ]);
  await firstAnswer(server, port, healthy ? 200 : 504);
  return { name, ours: true, server, load: { url: `http://127.0.0.1:${port}/`, connections, healthy } };
}

export async function startFloor({ programs, serverCore }: Surroundings): Promise<Contender> {
  const port = freePort();
  const server = startPinned(serverCore, [programs.floor, String(port)]);
  await firstAnswer(server, port, 200);
  const load = { url: `http://127.0.0.1:${port}/`, connections: 64, healthy: true };
  return { name: "floor: bare Bun.serve", ours: false, server, load };
}

/** Its answer is 200 whatever the probe says, so that is looked at once here. */
export async function startBlackbox({ programs, serverCore, targets }: Surroundings): Promise<Contender> {
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
