// `bun bench/upgrade.ts`: how long a host is without an answer while the daemon's binary is replaced and restarted, as by
// `systemctl restart`: SIGINT, which does not drain, and the new binary as soon as the old one has ended. The time that
// systemd itself needs is not included.

import { copyFile, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { freePort } from "./load.ts";
import { median } from "./statistics.ts";

const USAGE = `bun bench/upgrade.ts [options]
  --runs N        (default 30)
  --binary FILE   the daemon (default dist/health-checker)
  --interval      checks run in the background; else on request`;

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "30" },
    binary: { type: "string", default: "dist/health-checker" },
    interval: { type: "boolean", default: false },
    help: { type: "boolean" },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

interface Gap {
  /** From the last answer of the old daemon to the first of the new one. */
  readonly gapMs: number;
  /** The part of it until the old daemon had ended. */
  readonly stopMs: number;
}

/** An upgrade that takes longer has failed. */
const LONGEST_UPGRADE_MS = 10_000;

/** How many answers are awaited before a restart, and after it. */
const ANSWERS = 50;

const folder = await mkdtemp(join(tmpdir(), "health-checker-upgrade-"));
const checked = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
const program = join(folder, "health-checker");
const port = freePort();
let daemon: Bun.Subprocess | undefined;

try {
  await copyFile(resolve(values.binary), program);
  const gaps: Gap[] = [];
  for (let run = 0; run < Number(values.runs); run++) gaps.push(await upgrade());
  console.log(`${gaps.length} upgrades, ${values.interval ? "checks in the background" : "checks on request"}`);
  for (const [what, key] of [
    ["without an answer, ms", "gapMs"],
    ["of that until the old one had ended, ms", "stopMs"],
  ] as const) {
    const figures = gaps.map((gap) => gap[key]);
    console.log(`${what}: median ${median(figures).toFixed(1)}, most ${Math.max(...figures).toFixed(1)}`);
  }
} finally {
  daemon?.kill("SIGKILL");
  checked.stop(true);
  await rm(folder, { recursive: true, force: true });
}

async function upgrade(): Promise<Gap> {
  const old = startDaemon();
  daemon = old;
  await answers(ANSWERS);
  // A running program cannot be written to; its name can be given to another file.
  await copyFile(program, `${program}.new`);
  await rename(`${program}.new`, program);
  let asking = true;
  const answeredAt: number[] = [];
  const client = (async () => {
    while (asking) {
      if (await ask()) answeredAt.push(performance.now());
    }
  })();
  await until(() => answeredAt.length >= ANSWERS);
  const signalledAt = performance.now();
  old.kill("SIGINT");
  await old.exited;
  const endedAt = performance.now();
  daemon = startDaemon();
  await until(() => answeredAt.filter((at) => at > endedAt).length >= ANSWERS);
  asking = false;
  await client;
  const last = Math.max(...answeredAt.filter((at) => at <= endedAt));
  const first = Math.min(...answeredAt.filter((at) => at > endedAt));
  daemon.kill("SIGINT");
  await daemon.exited;
  return { gapMs: first - last, stopMs: endedAt - Math.max(last, signalledAt) };
}

function startDaemon(): Bun.Subprocess {
  const background = values.interval ? ["--interval", "10s"] : [];
  const checks = ["--port", String(checked.port), "--listener", `127.0.0.1:${port}`];
  return Bun.spawn([program, ...checks, ...background], { cwd: "/", stdio: ["ignore", "ignore", "inherit"] });
}

/** Whether there was an answer, on a connection of its own; any but 200 ends the benchmark. */
async function ask(): Promise<boolean> {
  let response: Response;
  try {
    response = await fetch(`http://127.0.0.1:${port}/`, { keepalive: false, proxy: false } as RequestInit);
    await response.text();
  } catch {
    // Not listening. Another request at once would take processor time from the daemon that starts.
    await Bun.sleep(1);
    return false;
  }
  if (response.status !== 200) throw new Error(`answered ${response.status}`);
  return true;
}

async function answers(count: number): Promise<void> {
  let got = 0;
  await until(async () => {
    if (await ask()) got++;
    return got >= count;
  });
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + LONGEST_UPGRADE_MS;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`not within ${LONGEST_UPGRADE_MS} ms`);
    await Bun.sleep(1);
  }
}
