// `bun bench/background.ts [--checks 1000] [--interval 1000] [--seconds 20] [--binary FILE]`:
// what background checks cost the compiled daemon, whether they run on time, as seen by the target,
// and how soon a request is answered: each check is a TCP check of an address of its own on this host.

import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { firstAnswer, freePort } from "./load.ts";
import { allowedCores, killAll, pinSelf, startPinned } from "./process.ts";
import { quantile } from "./statistics.ts";

const MIB = 1024 * 1024;

const { values } = parseArgs({
  options: {
    checks: { type: "string", default: "1000" },
    interval: { type: "string", default: "1000" },
    seconds: { type: "string", default: "20" },
    binary: { type: "string", default: join(import.meta.dir, "../dist/health-checker") },
  },
});
const [count = 0, intervalMs = 0, seconds = 0] = [values.checks, values.interval, values.seconds].map(Number);

const folder = await mkdtemp(join(tmpdir(), "health-checker-bench-"));
process.on("exit", () => {
  killAll();
  Bun.spawnSync(["rm", "-rf", folder]);
});
const cores = allowedCores();
pinSelf(cores[0] ?? 0);

/** When each address was connected to, by performance.now(). */
const arrivals = new Map<string, number[]>();
const target = createServer((socket) => {
  arrivals.get(socket.localAddress ?? "")?.push(performance.now());
  socket.on("error", () => {});
  socket.resume();
});
await new Promise<void>((listening) => target.listen(0, "0.0.0.0", 4096, listening));
const bound = target.address();
const targetPort = typeof bound === "object" && bound ? bound.port : 0;

const addresses = Array.from({ length: count }, (_, index) => `127.1.${index >> 8}.${index & 255}`);
for (const address of addresses) arrivals.set(address, []);
const config = join(folder, "checks.json");
const checks = addresses.map((address) => ({ tcp: `${address}:${targetPort}` }));
await Bun.write(config, JSON.stringify({ interval: `${intervalMs}ms`, defaults: { rise: 2, fall: 3 }, checks }));

const port = freePort();
const started = performance.now();
const daemon = startPinned(cores.at(-1) ?? 0, [
  values.binary,
  ...["--config", config, "--listener", `127.0.0.1:${port}`, "--log-level", "error"],
]);
await firstAnswer(daemon, port, 200);
const firstMs = performance.now() - started;
await Bun.sleep(2 * intervalMs); // the first runs start at once, not on the schedule
const asking = startPinned(cores[0] ?? 0, [
  process.execPath,
  join(import.meta.dir, "latency.ts"),
  `${port}`,
  values.seconds,
]);
const answers = JSON.parse(await asking.printed) as readonly number[];
for (const times of arrivals.values()) times.length = 0;
const cpuBefore = daemon.cpuMs();
await Bun.sleep(seconds * 1000);
const cpuMs = daemon.cpuMs() - cpuBefore;
const { peak } = daemon.memoryBytes();
await daemon.end();

// The schedule of a check starts at an unknown time. The run with the least delay shows it best.
const delays = [...arrivals.values()].flatMap((times) => {
  const starts = times.map((time, index) => time - index * intervalMs);
  const earliest = Math.min(...starts);
  return starts.map((start) => start - earliest);
});
const ran = [...arrivals.values()].map(({ length }) => length);
const late = (share: number) => `${quantile(delays, share).toFixed(1)} ms`;

console.log(`first 200      after ${firstMs.toFixed(0)} ms, the file read and every check run once`);
console.log(`runs a check   ${Math.min(...ran)} to ${Math.max(...ran)} in ${seconds} s`);
console.log(`late by        p50 ${late(0.5)}, p99 ${late(0.99)}, worst ${late(1)}`);
console.log(`answered after p50 ${quantile(answers, 0.5).toFixed(2)} ms, p99 ${quantile(answers, 0.99).toFixed(2)} ms`);
console.log(`CPU            ${((cpuMs / 1000 / seconds) * 100).toFixed(1)} % of a core`);
console.log(`memory, peak   ${(peak / MIB).toFixed(0)} MB`);
process.exit(0);
