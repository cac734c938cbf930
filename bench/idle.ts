// `bun bench/idle.ts [--checks 100] [--interval 10] [--seconds 60] [--warm-up 60] [--binary FILE …]`: what the compiled
// daemon costs that only runs its checks, as a service of systemd with a control socket: CPU and wake-ups, by thread.
//
// Builds run side by side, so that what else the machine does affects them alike.

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startReceiver } from "../test/support/receiver.ts";
import { firstAnswer, freePort } from "./load.ts";
import { allowedCores, killAll, type Pinned, startPinned, type Thread, threadsOf } from "./process.ts";

/** The checks of one interval start at so many times (src/monitor/scheduler.ts). */
const TURNS = 10;

const { values } = parseArgs({
  options: {
    checks: { type: "string", default: "100" },
    interval: { type: "string", default: "10" },
    seconds: { type: "string", default: "60" },
    "warm-up": { type: "string", default: "60" },
    binary: { type: "string", multiple: true, default: [join(import.meta.dir, "../dist/health-checker")] },
  },
});
const [checks = 0, intervalS = 0, seconds = 0, warmUpS = 0] = [
  values.checks,
  values.interval,
  values.seconds,
  values["warm-up"],
].map(Number);

const folder = await mkdtemp(join(tmpdir(), "health-checker-idle-"));
process.on("exit", () => {
  killAll();
  Bun.spawnSync(["rm", "-rf", folder]);
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));

const cores = allowedCores();
const targets = startPinned(cores[0] ?? 0, [process.execPath, join(import.meta.dir, "targets.ts"), values.checks]);
const ports = JSON.parse(await targets.firstLine) as readonly number[];
const config = join(folder, "checks.json");
await Bun.write(config, JSON.stringify({ interval: `${intervalS}s`, checks: ports.map((tcp) => ({ tcp })) }));

await using systemd = await startReceiver(join(folder, "notify"));
const daemons = await Promise.all(values.binary.map((file, index) => startService(resolve(file), index)));
await Bun.sleep(warmUpS * 1000);
const before = daemons.map(usedBy);
await Bun.sleep(seconds * 1000);
const after = daemons.map(usedBy);
for (const [index, file] of values.binary.entries()) report(file, before[index], after[index]);
await Promise.all(daemons.map(({ end }) => end()));
process.exit(0);

async function startService(binary: string, index: number) {
  const listener = freePort();
  const daemon = startPinned(cores.at(-1) ?? 0, [
    ...["env", `NOTIFY_SOCKET=${systemd.socket}`, "WATCHDOG_USEC=60000000", binary],
    ...["--config", config, "--listener", `127.0.0.1:${listener}`],
    ...["--control-socket", join(folder, `control-${index}`)],
  ]);
  await firstAnswer(daemon, listener, 200);
  await systemd.received("READY=1", 10_000, index);
  return daemon;
}

interface Used {
  /** Also the number of its main thread. */
  readonly pid: number;
  /** With the threads that have ended. */
  readonly cpuMs: number;
  readonly threads: readonly Thread[];
}

function usedBy({ pid, cpuMs }: Pinned): Used {
  return { pid, cpuMs: cpuMs(), threads: threadsOf(pid) };
}

const NONE: Used = { pid: 0, cpuMs: 0, threads: [] };

function report(file: string, before = NONE, after = NONE): void {
  const threads = after.threads.map(({ id, name, cpuMs, wakeUps }) => {
    const earlier = before.threads.find((thread) => thread.id === id);
    return { id, name, cpuMs: cpuMs - (earlier?.cpuMs ?? 0), wakeUps: wakeUps - (earlier?.wakeUps ?? 0) };
  });
  console.log(`${file}: ${checks} tcp checks, each once in ${intervalS} s, over ${seconds} s`);
  console.log(`  ${share(after.cpuMs - before.cpuMs)} of a core`);
  for (const { name, cpuMs, wakeUps } of threads) {
    if (wakeUps > 0) console.log(`    ${name.padEnd(16)} ${share(cpuMs)}, ${perSecond(wakeUps)} wake-ups a second`);
  }
  const ofChecks = Math.min(checks, TURNS) / intervalS;
  const beside = (threads.find(({ id }) => id === after.pid)?.wakeUps ?? 0) - ofChecks * seconds;
  console.log(`  ${perSecond(beside)} wake-ups a second of its main thread beside the ${ofChecks} for the checks`);
}

function share(cpuMs: number): string {
  return `${(cpuMs / 10 / seconds).toFixed(3)} %`;
}

function perSecond(count: number): string {
  return (count / seconds).toFixed(2);
}
