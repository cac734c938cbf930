// `bun run bench`: what the daemon costs, compared with prometheus-blackbox-exporter and with the least that this runtime
// can do, all in one run. The speed of a machine changes from minute to minute, so a goal is a ratio of two figures of
// the same round.

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compile } from "./compile.ts";
import {
  type Contender,
  PLANS,
  type Programs,
  type Scenario,
  type Setup,
  startBlackbox,
  startDaemon,
  startFloor,
} from "./contenders.ts";
import { freePort, type Measured, runWrk } from "./load.ts";
import { allowedCores, killAll, pinSelf, startPinned } from "./process.ts";
import { measureStarts } from "./start.ts";
import { median, quantile } from "./statistics.ts";
import { type Figures, printTable, type Row, type StartFigures } from "./table.ts";

const SCENARIOS = [...(Object.keys(PLANS) as Scenario[]), "start"] as const;
const TARGETS = 5;
const MIB = 1024 * 1024;

/** A process is idle when its resident memory has not changed for this long. */
const UNCHANGED_MS = 1000;

const USAGE = `bun run bench [options]
  --seconds N       of load at a time (default 3)
  --rounds N        in which everything is measured once (default 5)
  --starts N        of the daemon and of the floor (default 40)
  --only SCENARIO   repeatable: ${SCENARIOS.join(", ")}
  --binary FILE     the daemon (default: build it)`;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
    starts: { type: "string", default: "40" },
    only: { type: "string", multiple: true },
    binary: { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help) quit(USAGE, 0);
const [seconds, rounds, starts] = [values.seconds, values.rounds, values.starts].map(Number);
const chosen: readonly string[] = values.only ?? SCENARIOS;
const unknown = chosen.find((name) => !SCENARIOS.some((scenario) => scenario === name));
if (unknown !== undefined) quit(`--only: expected one of ${SCENARIOS.join(", ")}, got ${unknown}`, 2);
if (![seconds, rounds, starts].every((count) => Number.isInteger(count) && Number(count) > 0)) {
  quit("--seconds, --rounds, --starts: expected a whole number above zero", 2);
}
const missing = [
  { program: "wrk", from: "wrk" },
  { program: "prometheus-blackbox-exporter", from: "prometheus-blackbox-exporter" },
  { program: "taskset", from: "util-linux" },
].filter(({ program }) => Bun.which(program) === null);
if (missing.length > 0) quit(`missing; on Debian: apt-get install ${missing.map(({ from }) => from).join(" ")}`, 2);
const cores = allowedCores();
const [loadCore = 0] = cores;
const serverCore = cores.at(-1) ?? 0;
if (loadCore === serverCore) quit("two cores are needed: one for the server, one for the load and the targets", 2);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
process.on("exit", killAll);

const folder = await mkdtemp(join(tmpdir(), "health-checker-bench-"));
process.on("exit", () => Bun.spawnSync(["rm", "-rf", folder]));
const programs = await build(folder);
pinSelf(loadCore);
const targets = startPinned(loadCore, [process.execPath, join(import.meta.dir, "targets.ts"), String(TARGETS)]);
const setup: Setup = {
  programs,
  serverCore,
  targets: JSON.parse(await targets.firstLine) as number[],
  closed: freePort(),
};
const startFigures = chosen.includes("start") ? await measureStartsAndIdle(setup, Number(starts)) : undefined;
const rows = await measureLoads(setup);
printTable(rows, startFigures);
process.exit(0);

/** Measures everything under load, a round at a time, so that a slow minute of the machine affects all alike. */
async function measureLoads(setup: Setup): Promise<readonly Row[]> {
  const scenarios = (Object.keys(PLANS) as Scenario[]).filter((scenario) => chosen.includes(scenario));
  if (scenarios.length === 0) return [];
  const contenders = new Map<string, Contender>();
  contenders.set("blackbox", await startBlackbox(setup));
  contenders.set("floor", await startFloor(setup));
  for (const scenario of scenarios) contenders.set(scenario, await startDaemon(scenario, setup));
  const figures = new Map<string, Measured[]>([...contenders.keys(), "spawn-loop"].map((name) => [name, []]));

  for (const { server, load } of contenders.values()) await runWrk(loadCore, server, load, 1); // to warm up
  for (let round = 0; round < Number(rounds); round++) {
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    for (const [name, { server, load }] of contenders) {
      figures.get(name)?.push(await runWrk(loadCore, server, load, Number(seconds)));
    }
    if (scenarios.includes("script")) figures.get("spawn-loop")?.push(await runSpawnLoop(setup));
  }

  const measured = [...contenders].map(([id, { name, ours, server, load }]) => {
    const rounds: Figures = figures.get(id) ?? [];
    return { id, name, ours, connections: load.connections, rounds, peakMiB: server.memoryBytes().peak / MIB };
  });
  const loop = figures.get("spawn-loop") ?? [];
  if (loop.length > 0) {
    const name = "bare loop of Bun.spawn";
    measured.push({
      id: "spawn-loop",
      name,
      ours: false,
      connections: PLANS.script.connections,
      rounds: loop,
      peakMiB: Number.NaN,
    });
  }
  await Promise.all([...contenders.values()].map(({ server }) => server.end()));
  return measured;
}

async function runSpawnLoop({ programs, serverCore }: Setup): Promise<Measured> {
  const printed = await startPinned(serverCore, [programs.spawnLoop, String(seconds), String(PLANS.script.connections)])
    .printed;
  const { latenciesMs, cpuMs } = JSON.parse(printed) as { latenciesMs: number[]; cpuMs: number };
  return {
    rate: latenciesMs.length / Number(seconds),
    p50Ms: median(latenciesMs),
    p99Ms: quantile(latenciesMs, 0.99),
    cpuMs: (cpuMs / latenciesMs.length) * 1000,
  };
}

/** Measures from exec to the first 200, the daemon with one port and the floor in turn. */
async function measureStartsAndIdle(setup: Setup, count: number): Promise<StartFigures> {
  const idle = { daemon: [] as number[], floor: [] as number[] };
  const port = freePort();
  const daemon = [programs.daemon, "--listener", `127.0.0.1:${port}`, "--log-level", "error"];
  const commands = {
    daemon: { argv: [...daemon, "--port", String(setup.targets[0])], port },
    floor: { argv: [programs.floor, String(port)], port },
  };
  const starts = await measureStarts(setup.serverCore, commands, count, async (name, server, run) => {
    // This takes seconds, so only a few are measured.
    if (run < 3) idle[name].push(await idleMiB(server.memoryBytes));
  });
  return {
    daemonMs: starts.daemon.map(({ ms }) => ms),
    floorMs: starts.floor.map(({ ms }) => ms),
    daemonMiB: idle.daemon,
    floorMiB: idle.floor,
  };
}

async function idleMiB(memoryBytes: () => { readonly now: number }): Promise<number> {
  let last = memoryBytes().now;
  for (let since = performance.now(); performance.now() - since < UNCHANGED_MS; await Bun.sleep(50)) {
    const { now } = memoryBytes();
    if (now !== last) since = performance.now();
    last = now;
  }
  return last / MIB;
}

async function build(into: string): Promise<Programs> {
  const root = join(import.meta.dir, "..");
  const daemon = values.binary ? resolve(values.binary) : join(root, "dist/health-checker");
  if (!values.binary) await run(root, [process.execPath, "build.ts"]);
  const blackboxConfig = join(into, "blackbox.yml");
  await Bun.write(blackboxConfig, "modules: { tcp_connect: { prober: tcp, timeout: 5s } }\n");
  return { daemon, floor: await compile("floor", into), spawnLoop: await compile("spawn-loop", into), blackboxConfig };
}

async function run(cwd: string, argv: readonly string[]): Promise<void> {
  const child = Bun.spawn([...argv], { cwd, stdio: ["ignore", "ignore", "pipe"] });
  const errors = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")}: ${errors}`);
}

function quit(text: string, exitCode: number): never {
  (exitCode === 0 ? console.log : console.error)(text);
  process.exit(exitCode);
}
