// `bun bench/start.ts [--starts 40] [--binary FILE]`: from exec to the first 200, the daemon with one port and a bare
// `Bun.serve` that is compiled in the same way. It exits with 1 if the daemon takes more than MOST_START_MS longer.
//
// They start in turn, on one core, and a goal is a difference of two starts in turn: the speed of a machine changes from
// minute to minute. Both are fresh copies, so neither has pages in memory that the other has not.

import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compile } from "./compile.ts";
import { firstAnswer, freePort } from "./load.ts";
import { allowedCores, killAll, type Pinned, pinSelf, startPinned, threadsOf } from "./process.ts";
import { median } from "./statistics.ts";

export const MOST_START_MS = 12;

export interface Start {
  readonly ms: number;
  /** All threads, until the first answer. */
  readonly cpuMs: number;
}

export interface Command {
  readonly argv: readonly string[];
  readonly port: number;
}

/** Starts all commands in turn, `count` times, in the other order every second time. `look` is called before each is ended. */
export async function measureStarts<Name extends string>(
  core: number,
  commands: Readonly<Record<Name, Command>>,
  count: number,
  look: (name: Name, server: Pinned, run: number) => Promise<void> = async () => {},
): Promise<Readonly<Record<Name, readonly Start[]>>> {
  const names = Object.keys(commands) as Name[];
  const starts = Object.fromEntries(names.map((name) => [name, [] as Start[]])) as Record<Name, Start[]>;
  for (let run = 0; run < count; run++) {
    for (const name of run % 2 === 0 ? names : names.toReversed()) {
      const { argv, port } = commands[name];
      const startedAt = performance.now();
      const server = startPinned(core, argv);
      await firstAnswer(server, port, 200);
      const ms = performance.now() - startedAt;
      const cpuMs = threadsOf(server.pid).reduce((sum, thread) => sum + thread.cpuMs, 0);
      starts[name].push({ ms, cpuMs });
      await look(name, server, run);
      await server.end();
    }
  }
  return starts;
}

/** By how much more, in the median of all turns. */
export const moreThan = (ours: readonly number[], theirs: readonly number[]): number =>
  median(ours.map((value, turn) => value - (theirs[turn] ?? Number.NaN)));

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      starts: { type: "string", default: "40" },
      binary: { type: "string", default: join(import.meta.dir, "../dist/health-checker") },
    },
  });
  const folder = await mkdtemp(join(tmpdir(), "health-checker-start-"));
  const checked = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    process.exitCode = (await main(folder, resolve(values.binary), checked.port, Number(values.starts))) ? 0 : 1;
  } finally {
    killAll();
    checked.stop(true);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether the goal is met. */
async function main(folder: string, binary: string, checked: number, count: number): Promise<boolean> {
  const cores = allowedCores();
  pinSelf(cores[0] ?? 0);
  const [daemon, bare] = [join(folder, "health-checker"), join(folder, "bare")];
  await copyFile(binary, daemon);
  await copyFile(await compile("floor", folder), bare);
  const port = freePort();
  const config = join(folder, "config.yaml");
  await Bun.write(config, `checks: [{ name: port, tcp: ${checked} }]\n`);
  const options = ["--listener", `127.0.0.1:${port}`, "--log-level", "error"];
  const starts = await measureStarts(
    cores.at(-1) ?? 0,
    {
      "bare Bun.serve": { argv: [bare, String(port)], port },
      "one port": { argv: [daemon, ...options, "--port", String(checked)], port },
      "the same in a config file": { argv: [daemon, ...options, "--config", config], port },
    },
    count,
  );
  const { "bare Bun.serve": floor } = starts;
  for (const [name, samples] of Object.entries(starts)) {
    const figure = (of: keyof Start) => {
      const [ours, theirs] = [samples.map((start) => start[of]), floor.map((start) => start[of])];
      return `${median(ours).toFixed(1)} (+ ${moreThan(ours, theirs).toFixed(1)})`;
    };
    console.log(`${name}: ${figure("ms")} ms to the first 200, ${figure("cpuMs")} ms of CPU time`);
  }
  const moreMs = moreThan(
    starts["one port"].map(({ ms }) => ms),
    floor.map(({ ms }) => ms),
  );
  const met = moreMs <= MOST_START_MS;
  console.log(
    `goal: one port takes at most ${MOST_START_MS} ms more than a bare Bun.serve; ${met ? "met" : "NOT met"}`,
  );
  return met;
}
