// `bun bench/background.ts [--checks 1000] [--interval 1000] [--seconds 20]`: what the
// background costs, and whether it is on time: TCP checks of listeners of this host.

import { parseArgs } from "node:util";
import type { Check, CheckResult } from "../src/checks/check.ts";
import { tcp } from "../src/checks/tcp.ts";
import { clock } from "../src/clock.ts";
import { createMonitor } from "../src/core/monitor.ts";
import { quantile } from "./statistics.ts";

const MIB = 1024 * 1024;

const { values } = parseArgs({
  options: {
    checks: { type: "string", default: "1000" },
    interval: { type: "string", default: "1000" },
    seconds: { type: "string", default: "20" },
  },
});
const [count, intervalMs, seconds] = [values.checks, values.interval, values.seconds].map(Number) as [
  number,
  number,
  number,
];

const targets = Bun.spawn([process.execPath, `${import.meta.dir}/targets.ts`, String(count)], {
  stdio: ["ignore", "pipe", "inherit"],
});
process.on("exit", () => targets.kill("SIGKILL"));
let printed = "";
for await (const chunk of targets.stdout.pipeThrough(new TextDecoderStream())) {
  printed += chunk;
  if (printed.includes("\n")) break;
}

const context = { timeoutMs: 5000, env: {}, hide: (text: string) => text, onOrphan() {} };
const checks = (JSON.parse(printed) as number[]).map((port): Check => {
  const settings = { tcp: { family: "tcp" as const, host: "127.0.0.1", port } };
  const name = `tcp ${port}`;
  return {
    name,
    kind: "tcp",
    target: name,
    timeoutMs: context.timeoutMs,
    rise: 2,
    fall: 3,
    severity: "critical",
    intervalMs,
    staleAfterMs: 3 * intervalMs + context.timeoutMs,
    probe: tcp.probe(settings, { ...context, name }),
  };
});

/** When the runs of a check began, by performance.now(). */
const starts = new Map<Check, number[]>(checks.map((check) => [check, []]));
const durations: number[] = [];
const failures: CheckResult[] = [];
const monitor = createMonitor({
  groups: [checks],
  singleflight: false,
  maxRounds: 16,
  deadlineMs: 4500,
  onResult(result) {
    starts.get(result.check)?.push(result.start);
    durations.push(result.durationMs);
    if (!result.outcome.ok) failures.push(result);
  },
  onVerdict({ healthy }) {
    console.log(healthy ? "healthy" : "unhealthy");
  },
  onAbandoned() {},
  onStale() {},
  onFault(error) {
    throw error;
  },
});

const began = clock.now();
monitor.start();
const first = await monitor.ask({ signal: new AbortController().signal });
const firstMs = clock.now() - began;
const cpuBefore = process.cpuUsage();
let peakBytes = 0;
const sampler = setInterval(() => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
}, 100);
await Bun.sleep(seconds * 1000);
clearInterval(sampler);
const { user, system } = process.cpuUsage(cpuBefore);
monitor.abort();
targets.kill();

// The first tick of a check tells where its grid is, within the delay of that one: the least over all ticks is the truth.
const delays = [...starts.values()].flatMap(([, ...ticks]) => {
  const phases = ticks.map((start, index) => start - index * intervalMs);
  const grid = Math.min(...phases);
  return ticks.map((start, index) => start - index * intervalMs - grid);
});
const ran = [...starts.values()].map(({ length }) => length);

const reads = 1_000_000;
const readFrom = performance.now();
for (let index = 0; index < reads; index++) monitor.read();
const readNs = ((performance.now() - readFrom) * 1e6) / reads;

console.log(`first verdict        ${first.healthy ? "healthy" : "unhealthy"} after ${firstMs.toFixed(0)} ms`);
console.log(`runs a check         ${Math.min(...ran)} to ${Math.max(...ran)} in ${seconds} s`);
console.log(
  `late by              p50 ${ms(quantile(delays, 0.5))}, p99 ${ms(quantile(delays, 0.99))}, worst ${ms(quantile(delays, 1))}`,
);
console.log(
  `a run                p50 ${ms(quantile(durations, 0.5))}, p99 ${ms(quantile(durations, 0.99))}; ${failures.length} failed`,
);
console.log(`CPU                  ${((user + system) / 1e4 / seconds).toFixed(1)} % of a core`);
console.log(`memory, peak         ${(peakBytes / MIB).toFixed(0)} MB`);
console.log(`a read of the answer ${readNs.toFixed(0)} ns`);
process.exit(0);

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
