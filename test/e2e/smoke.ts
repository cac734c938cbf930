// Runs a release binary on the system that it is for: it starts, answers for a port and a script, and stops.
//
//   bun test/e2e/smoke.ts BINARY [VERSION]
//
// The release workflow runs it on each system before anything is published. So it needs nothing but Bun and the
// binary, has no shell, and imports nothing of this project. It prints a line a step, and exits with 1 at the first that fails.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

/** For whatever a slow machine delays. */
const LIMIT_MS = 60_000;

const UP = "200 OK";
const DOWN = "504 At least one health check failed";

const [binary = "", version] = process.argv.slice(2);

if (process.argv[2] === "--exists") process.exit(existsSync(process.argv[3] ?? "") ? 0 : 1);
if (!existsSync(binary)) {
  console.error("usage: bun test/e2e/smoke.ts BINARY [VERSION]");
  process.exit(2);
}
const overdue = setTimeout(() => fail("it took too long"), 3 * LIMIT_MS);
await smoke(resolve(binary));
clearTimeout(overdue);

async function smoke(program: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "health-checker-smoke-"));
  const flag = join(folder, "flag file");
  await writeFile(flag, "");
  const service = await listen();
  try {
    const said = await run(program, ["--version"]);
    const expected = version === undefined ? "health-checker version v" : `health-checker version ${version}\n`;
    step("--version", `${said.out}\n`.startsWith(expected), said.out.split("\n")[0]);

    const script = [process.execPath, resolve(import.meta.filename), "--exists", flag].map(quote).join(" ");
    const checks = ["--port", `127.0.0.1:${service.port}`, "--script", script];
    await daemon(program, checks, flag, service);

    const check = await run(program, ["check", ...checks]);
    step("check exits with 1, since both are down", check.status === 1, check.out);
  } finally {
    service.server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function daemon(program: string, checks: readonly string[], flag: string, service: Service): Promise<void> {
  const child = spawn(program, ["--listener", "127.0.0.1:0", ...checks], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const url = await addressOf(child);
    step("it listens", true, url);
    step("port and script are up", (await ask(url)) === UP);
    await rm(flag);
    step("the script is down", (await ask(url)) === DOWN);
    await writeFile(flag, "");
    step("the script is up again", (await ask(url)) === UP);
    await new Promise((closed) => service.server.close(closed));
    step("the port is down", (await ask(url)) === DOWN);
    await rm(flag);

    const ended = new Promise<number | null>((exit) => child.once("exit", exit));
    child.kill("SIGTERM");
    const status = await ended;
    // Windows has no signals: there it is ended from outside.
    step("it stops", process.platform === "win32" || status === 0, `exit status ${status}`);
  } finally {
    child.kill("SIGKILL");
  }
}

/** Of the line in the log that names the address. */
async function addressOf(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("no stdout");
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(`  ${line}`);
    const address = /\blistening\b.*?(127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (address === undefined) continue;
    child.stdout.resume();
    return `http://${address}/`;
  }
  return fail("it ended before it listened");
}

async function ask(url: string): Promise<string> {
  const response = await fetch(url, { headers: { connection: "close" }, signal: AbortSignal.timeout(LIMIT_MS) });
  return `${response.status} ${await response.text()}`;
}

function run(program: string, words: readonly string[]): Promise<{ readonly status: number; readonly out: string }> {
  return new Promise((done) => {
    execFile(program, [...words], { timeout: LIMIT_MS }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      done({ status, out: `${stdout}${stderr}`.trim() });
    });
  });
}

interface Service {
  readonly server: Server;
  readonly port: number;
}

async function listen(): Promise<Service> {
  const server = createServer((socket) => socket.on("error", () => {}).end());
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  return { server, port: typeof address === "object" && address ? address.port : fail("no port") };
}

/** As --script splits words: a POSIX shell's, on every system. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function step(name: string, holds: boolean, detail = ""): void {
  if (!holds) fail(`${name}${detail && `: ${detail}`}`);
  console.log(`ok: ${name}${detail && `: ${detail}`}`);
}

function fail(why: string): never {
  console.error(`failed: ${why}`);
  process.exit(1);
}
