// `bun bench/see.ts [--checks 200] [--samples 100] [--warm-up 50] [--rounds 8] [--pages 20] [--binary FILE]`: what it costs
// to look at the compiled daemon. First the CPU time of a scrape, of a page and of its refresh; then the rate of health
// requests, and their CPU time, beside a scraper at 1 Hz and open pages, as a ratio to those without, measured in turn.

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { firstAnswer, freePort, runWrk } from "./load.ts";
import { allowedCores, killAll, pinSelf, startPinned } from "./process.ts";
import { median } from "./statistics.ts";

/** An answer is used again for up to 20 times as long as it took to make. */
const APART_MS = 150;
/** How often an open page asks. */
const REFRESH_MS = 5000;
const LOOKS = { "a scrape": "/metrics", "a page": "/", "a refresh": "/status" } as const;

const { values } = parseArgs({
  options: {
    checks: { type: "string", default: "200" },
    samples: { type: "string", default: "100" },
    // The runtime goes on compiling what is used most, on threads of its own, for some hundreds.
    "warm-up": { type: "string", default: "50" },
    rounds: { type: "string", default: "8" },
    pages: { type: "string", default: "20" },
    binary: { type: "string", default: join(import.meta.dir, "../dist/health-checker") },
  },
});
const [checkCount = 0, samples = 0, warmUp = 0, rounds = 0, pages = 0] = [
  values.checks,
  values.samples,
  values["warm-up"],
  values.rounds,
  values.pages,
].map(Number);
const cores = allowedCores();
const [loadCore = 0] = cores;
const folder = await mkdtemp(join(tmpdir(), "health-checker-bench-"));
process.on("exit", () => {
  killAll();
  Bun.spawnSync(["rm", "-rf", folder]);
});
pinSelf(loadCore);

const target = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
const checks = Array.from({ length: checkCount }, (_, index) => ({
  name: `service ${index}`,
  tcp: `127.0.0.1:${target.port}`,
}));
const config = join(folder, "checks.json");
await Bun.write(config, JSON.stringify({ interval: "10s", checks }));
const [port, adminPort] = [freePort(), freePort()];
const daemon = startPinned(cores.at(-1) ?? 0, [
  values.binary,
  ...["--config", config, "--listener", `127.0.0.1:${port}`, "--log-level", "error"],
  ...["--admin-listener", `127.0.0.1:${adminPort}`],
]);
await firstAnswer(daemon, port, 200);
const unseenMiB = daemon.memoryBytes().now / 1024 / 1024;

for (const [name, path] of Object.entries(LOOKS)) {
  await look(path, warmUp);
  const idleMs = await cpuOf(() => Bun.sleep(samples * APART_MS));
  const cpuMs = await cpuOf(() => look(path, samples));
  const { length } = await fetchText(path);
  const each = ((cpuMs - idleMs) / samples).toFixed(1);
  console.log(`${name.padEnd(12)} ${each} ms of CPU, ${(length / 1000).toFixed(0)} kB, ${checkCount} checks`);
}
console.log(
  `memory       ${unseenMiB.toFixed(0)} MiB before, ${(daemon.memoryBytes().now / 1024 / 1024).toFixed(0)} after`,
);

if (rounds > 0) await measureBeside();
target.stop(true);
await daemon.end();
process.exit(0);

async function measureBeside(): Promise<void> {
  const [rates, costs]: [number[], number[]] = [[], []];
  const load = { url: `http://127.0.0.1:${port}/`, connections: 64, healthy: true };
  const windowS = REFRESH_MS / 1000;
  await runWrk(loadCore, daemon, load, windowS);
  for (let round = 0; round < rounds; round++) {
    const alone = await runWrk(loadCore, daemon, load, windowS);
    const stop = keepLooking();
    const seen = await runWrk(loadCore, daemon, load, windowS);
    await stop();
    rates.push(seen.rate / alone.rate);
    costs.push(alone.cpuMs / seen.cpuMs);
  }
  const percent = (ratio: number) => `${((1 - ratio) * 100).toFixed(1)} %`;
  const lost = (ratios: readonly number[]) =>
    `${percent(median(ratios))} (${percent(Math.max(...ratios))} to ${percent(Math.min(...ratios))})`;
  console.log(`beside them  to a scraper at 1 Hz and ${pages} pages, health requests lose`);
  console.log(`             ${lost(rates)} of their rate; ${lost(costs)} by the daemon's CPU time a request`);
}

async function cpuOf(what: () => Promise<unknown>): Promise<number> {
  const before = daemon.cpuMs();
  await what();
  return daemon.cpuMs() - before;
}

async function look(path: string, times: number): Promise<void> {
  for (let count = 0; count < times; count++) await Promise.all([fetchText(path), Bun.sleep(APART_MS)]);
}

async function fetchText(path: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}${path}`, { proxy: "" });
  if (answer.status !== 200) throw new Error(`expected 200 from ${path}, got ${answer.status}`);
  return answer.text();
}

/** What an open page does where a result has come since the last time: the page again, in its new state. */
async function refresh(): Promise<void> {
  await fetchText(LOOKS["a refresh"]);
  await fetchText(LOOKS["a page"]);
}

/** The scraper and the pages, each at its own moment; stops once all have their answers. */
function keepLooking(): () => Promise<void> {
  const answers: Promise<unknown>[] = [];
  const every = (ms: number, what: () => Promise<unknown>) => setInterval(() => answers.push(what()), ms);
  const timers = [every(1000, () => fetchText(LOOKS["a scrape"]))];
  const starts = Array.from({ length: pages }, (_, index) =>
    setTimeout(
      () => {
        answers.push(refresh());
        timers.push(every(REFRESH_MS, refresh));
      },
      (index * REFRESH_MS) / pages,
    ),
  );
  return async () => {
    for (const timer of [...starts, ...timers]) clearInterval(timer);
    await Promise.all(answers);
  };
}
