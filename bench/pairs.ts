// `bun bench/pairs.ts --binary FILE --binary FILE… [--only SCENARIO] [--pairs 20] [--seconds 1]`: daemons against each
// other, and against the bare server that does the same (floor.ts). All run at once, and are measured in turn, in short
// windows, so that a slow moment of the machine hits all. Each ratio is the median over the windows, to the first binary, with
// the 95 % interval of it by resampling.

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compile } from "./compile.ts";
import { type Contender, PLANS, type Setup, startDaemon, startFloor } from "./contenders.ts";
import { freePort, type Measured, runWrk } from "./load.ts";
import { allowedCores, killAll, pinSelf, startPinned } from "./process.ts";
import { median, quantile } from "./statistics.ts";

const SCENARIOS = ["one-port", "five-ports-unshared", "five-ports", "refused"] as const;
const BARE = "bare";
const RESAMPLES = 2000;
/** Until the runtime has compiled what is used most, which costs more than the requests. */
const WARM_UP_S = 6;
const FIGURES = { rate: "rate", p50Ms: "p50", p99Ms: "p99", cpuMs: "CPU a request" } as const;

const { values } = parseArgs({
  options: {
    binary: { type: "string", multiple: true, default: [] },
    only: { type: "string", multiple: true },
    pairs: { type: "string", default: "20" },
    seconds: { type: "string", default: "1" },
  },
});
const cores = allowedCores();
const [loadCore = 0] = cores;
const serverCore = cores.at(-1) ?? 0;
const folder = await mkdtemp(join(tmpdir(), "health-checker-bench-"));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
process.on("exit", () => {
  killAll();
  Bun.spawnSync(["rm", "-rf", folder]);
});

const floor = await compile("floor", folder);
pinSelf(loadCore);
const targets = startPinned(loadCore, [process.execPath, join(import.meta.dir, "targets.ts"), "5"]);
const common = { serverCore, targets: JSON.parse(await targets.firstLine) as number[], closed: freePort() };
const setupOf = (daemon: string): Setup => ({
  ...common,
  programs: { daemon, floor, spawnLoop: "", blackboxConfig: "" },
});

for (const scenario of SCENARIOS) {
  if (values.only && !values.only.includes(scenario)) continue;
  const contenders = new Map<string, Contender>();
  for (const binary of values.binary) {
    contenders.set(binary, await startDaemon(scenario, setupOf(resolve(binary))));
  }
  contenders.set(BARE, await startFloor(setupOf(""), PLANS[scenario]));
  await compare(scenario, contenders);
}
process.exit(0);

async function compare(scenario: string, contenders: ReadonlyMap<string, Contender>): Promise<void> {
  const windows = new Map<string, Measured[]>([...contenders.keys()].map((name) => [name, []]));
  await measureOnce([...contenders], WARM_UP_S);
  const order = [...contenders];
  let dropped = 0;
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    // Now forwards, now backwards: what gets slower in a round hits both ends.
    const measured = await measureOnce(pair % 2 === 0 ? order : order.toReversed(), Number(values.seconds));
    if (!measured) dropped++;
    else for (const [name, figures] of measured) windows.get(name)?.push(figures);
  }
  if (dropped > 0) console.log(`${dropped} rounds were dropped`);
  const [[first, base = []] = ["", []]] = windows;
  console.log(`${scenario}, ${values.pairs} windows of ${values.seconds} s`);
  for (const [name, measured] of windows) {
    const cells = Object.entries(FIGURES).map(([key, title]) => {
      const figures = measured.map((one) => one[key as keyof Measured]);
      const ratios = measured.map(
        (one, window) => one[key as keyof Measured] / (base[window]?.[key as keyof Measured] ?? Number.NaN),
      );
      const ratio = name === first ? "" : ` ×${median(ratios).toFixed(2)} (${interval(ratios)})`;
      return `${title} ${median(figures).toPrecision(3)}${ratio}`;
    });
    console.log(`  ${name}: ${cells.join(", ")}`);
  }
  await Promise.all([...contenders.values()].map(({ server }) => server.end()));
}

function interval(ratios: readonly number[]): string {
  const resample = () => median(ratios.map(() => ratios[Math.floor(Math.random() * ratios.length)] ?? Number.NaN));
  const medians = Array.from({ length: RESAMPLES }, resample);
  return `${quantile(medians, 0.025).toFixed(2)}–${quantile(medians, 0.975).toFixed(2)}`;
}

/** Undefined where a target has lost a SYN for a second: a window has no answer, or the bare server, which looks once, a wrong one. */
async function measureOnce(order: readonly (readonly [string, Contender])[], seconds: number) {
  const measured: (readonly [string, Measured])[] = [];
  for (const [name, { server, load }] of order) {
    try {
      measured.push([name, await runWrk(loadCore, server, load, seconds)]);
    } catch (error) {
      if (name !== BARE && !/\b0 requests in/.test(String(error))) throw error;
      return undefined;
    }
  }
  return measured;
}
