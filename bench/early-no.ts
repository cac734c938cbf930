// `bun bench/early-no.ts [--bursts 6] [--binary FILE]`: how soon a request is answered if a port is refused and a
// script takes 4 s: the first request alone, then bursts of 50 requests at once. Every
// answer must be 504. A burst starts when the scripts of the one before have ended.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { firstAnswer, freePort } from "./load.ts";
import { allowedCores, killAll, pinSelf, startPinned } from "./process.ts";
import { median, quantile } from "./statistics.ts";

const AT_ONCE = 50;
const SCRIPT_S = 4;

const { values } = parseArgs({
  options: {
    bursts: { type: "string", default: "6" },
    binary: { type: "string", default: join(import.meta.dir, "../dist/health-checker") },
  },
});
process.on("exit", killAll);
const cores = allowedCores();
pinSelf(cores[0] ?? 0);

const [port, refused] = [freePort(), freePort()];
const options = ["--listener", `127.0.0.1:${port}`, "--log-level", "error"];
const checks = ["--port", `${refused}`, "--script", `sleep ${SCRIPT_S}`];
const start = performance.now();
const daemon = startPinned(cores.at(-1) ?? 0, [values.binary, ...options, ...checks]);
await firstAnswer(daemon, port, 504);
console.log(`first answer ${(performance.now() - start).toFixed(1)} ms after exec`);

const p99s: number[] = [];
const alone: number[] = [];
for (let burst = 0; burst < Number(values.bursts); burst++) {
  await Bun.sleep((SCRIPT_S + 0.5) * 1000);
  alone.push(await ask());
  const waited = await Promise.all(Array.from({ length: AT_ONCE }, ask));
  p99s.push(quantile(waited, 0.99));
  console.log(
    `one: ${alone.at(-1)?.toFixed(1)} ms; ${AT_ONCE} at once: p50 ${median(waited).toFixed(1)} ms, p99 ${p99s.at(-1)?.toFixed(1)} ms`,
  );
}
console.log(`medians: one ${median(alone).toFixed(1)} ms, p99 of ${AT_ONCE} at once ${median(p99s).toFixed(1)} ms`);
await daemon.end();
process.exit(0);

/** In milliseconds, on a connection of its own. */
async function ask(): Promise<number> {
  const sentAt = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}/`, { keepalive: false });
  if (response.status !== 504) throw new Error(`expected 504, got ${response.status}`);
  await response.arrayBuffer();
  return performance.now() - sentAt;
}
