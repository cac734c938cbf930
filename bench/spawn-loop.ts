// The least that a run of a script can cost: one spawn after another with the stdio of a script check. Arguments: for how
// many seconds, and how many loops at a time. Prints the latency of each spawn and the CPU time of all as JSON.

import { dlopen } from "bun:ffi";

const O_CLOEXEC = 0o2000000;

const { symbols: libc } = dlopen("libc.so.6", {
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
});

const ends = new Int32Array(2);
const latenciesMs: number[] = [];
const end = performance.now() + Number(process.argv[2]) * 1000;
await Promise.all(Array.from({ length: Number(process.argv[3]) }, loop));
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ latenciesMs, cpuMs: (user + system) / 1000 }));

async function loop(): Promise<void> {
  for (let start = performance.now(); start < end; ) {
    await runOnce();
    const now = performance.now();
    latenciesMs.push(now - start);
    start = now;
  }
}

async function runOnce(): Promise<void> {
  if (libc.pipe2(ends, O_CLOEXEC) !== 0) throw new Error("pipe2 failed");
  const [readEnd = -1, writeEnd = -1] = ends;
  const child = Bun.spawn(["/bin/true"], { stdio: ["ignore", writeEnd, writeEnd], detached: true });
  libc.close(writeEnd);
  const exitCode = await child.exited;
  libc.close(readEnd);
  if (exitCode !== 0) throw new Error(`/bin/true exited with status ${exitCode}`);
}
