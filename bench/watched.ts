// `bun bench/watched.ts [--rounds 5] [--seconds 10] [--pages 20] [--checks 200] [--binary FILE]`: what those who watch the
// admin listener take from health requests: the rate of health requests alone, and beside a scraper at 1 Hz and open pages
// that refresh every 5 s. First the CPU time that these take of a daemon without health requests.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { firstAnswer, freePort, type Measured, runWrk } from "./load.ts";
import { allowedCores, killAll, pinSelf, startPinned } from "./process.ts";
import { median } from "./statistics.ts";

const SCRAPE_MS = 1000;
const REFRESH_MS = 5000;
const CONNECTIONS = 16;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "10" },
    pages: { type: "string", default: "20" },
    checks: { type: "string", default: "200" },
    binary: { type: "string", default: join(import.meta.dir, "../dist/health-checker") },
  },
});
process.on("exit", killAll);
const seconds = Number(values.seconds);
const pages = Number(values.pages);
const cores = allowedCores();
const core = cores[0] ?? 0;
pinSelf(core);

const targets = startPinned(core, [process.execPath, join(import.meta.dir, "targets.ts"), values.checks]);
const ports = JSON.parse(await targets.firstLine) as readonly number[];
const [port, adminPort] = [freePort(), freePort()];
const daemon = startPinned(cores.at(-1) ?? 0, [
  values.binary,
  ...["--listener", `127.0.0.1:${port}`, "--admin-listener", `127.0.0.1:${adminPort}`, "--log-level", "error"],
  ...["--interval", "10s", ...ports.flatMap((target) => ["--port", `${target}`])],
]);
await firstAnswer(daemon, port, 200);

const idle = await cpuShare();
const watching = watch();
const watched = (await cpuShare()) - idle;
watching.end();
console.log(`without health requests: ${pages} pages and a scraper take ${percent(watched)} of a core`);

const ratios: number[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const alone = await measure();
  const watchers = watch();
  const beside = await measure();
  watchers.end();
  ratios.push(beside.rate / alone.rate);
  console.log(
    `alone ${alone.rate.toFixed(0)}/s, p99 ${alone.p99Ms.toFixed(2)} ms; watched ${beside.rate.toFixed(0)}/s, p99 ${beside.p99Ms.toFixed(2)} ms; ratio ${ratios.at(-1)?.toFixed(3)}`,
  );
}
console.log(`median ratio ${median(ratios).toFixed(3)}`);
await Promise.all([daemon.end(), targets.end()]);
process.exit(0);

function measure(): Promise<Measured> {
  return runWrk(core, daemon, { url: `http://127.0.0.1:${port}/`, connections: CONNECTIONS, healthy: true }, seconds);
}

async function cpuShare(): Promise<number> {
  const before = daemon.cpuMs();
  await Bun.sleep(seconds * 1000);
  return (daemon.cpuMs() - before) / (seconds * 1000);
}

/** Each page is read whole once, then refreshed; they do not all come at once. */
function watch(): { end(): void } {
  const timers = Array.from({ length: pages }, (_, page) => {
    void read("/");
    return every(REFRESH_MS, (page * REFRESH_MS) / pages, "/status");
  });
  timers.push(every(SCRAPE_MS, 0, "/metrics"));
  return {
    end() {
      for (const cancel of timers) cancel();
    },
  };
}

function every(ms: number, after: number, path: string): () => void {
  let timer: ReturnType<typeof setInterval> | undefined;
  const start = setTimeout(() => {
    timer = setInterval(() => void read(path), ms);
  }, after);
  return () => {
    clearTimeout(start);
    clearInterval(timer);
  };
}

async function read(path: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${adminPort}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  await response.arrayBuffer();
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
