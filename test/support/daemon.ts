// Starts the compiled binary as its users do: alone in an empty folder, on a free port.

import { type Answer, askAt } from "./ask.ts";
import { binary } from "./binary.ts";
import { startChild } from "./child.ts";
import { tempFolder } from "./temp.ts";
import { until } from "./until.ts";

export interface Daemon extends AsyncDisposable {
  readonly pid: number;
  /** 0 on a unix socket. */
  readonly port: number;
  readonly url: string;
  /** Asks on a connection of its own. */
  ask(path?: string, init?: RequestInit): Promise<Answer>;
  /** The lines of stdout so far. */
  log(): readonly string[];
  /** The lines of stderr so far. */
  errors(): readonly string[];
  /** The first line of the log that matches, from its start on. */
  logged(pattern: RegExp | string, timeoutMs?: number): Promise<string>;
  /** Sends the signal and resolves with the exit code, 128 + N where signal N ended it. */
  stop(signal?: NodeJS.Signals): Promise<number>;
  /** Resolves with the exit code; sends nothing. */
  readonly exited: Promise<number>;
}

export interface DaemonOptions {
  /** On top of PATH and HOME; nothing else of the test's environment is handed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** An empty folder by default. */
  readonly cwd?: string;
  /** What to run instead of dist/health-checker. */
  readonly command?: readonly string[];
  /** How long the start may take. */
  readonly startMs?: number;
}

const LISTENING = /^\S+ INFO listening.* address=(\S+)/;

/** Runs on `--listener 127.0.0.1:0` unless `args` has a listener; rejects with what it said when it does not start. */
export async function startDaemon(args: readonly string[], options: DaemonOptions = {}): Promise<Daemon> {
  const command = options.command ?? [await binary()];
  const folder = options.cwd === undefined ? await tempFolder() : undefined;
  const listener = args.some((word) => /^--?listener\b/.test(word)) ? [] : ["--listener", "127.0.0.1:0"];
  const child = startChild([...command, ...listener, ...args], {
    cwd: options.cwd ?? folder?.path ?? "/",
    ...(options.env && { env: options.env }),
  });
  const { out, err, exited, hasExited, pid } = child;

  const end = async () => {
    await child[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  };
  const logged = (pattern: RegExp | string, timeoutMs = 10_000) => {
    const matches = (line: string) => (typeof pattern === "string" ? line.includes(pattern) : pattern.test(line));
    return until(() => out.find(matches), timeoutMs, `a log line that matches ${pattern}`).catch((error) => {
      throw new Error([error.message, "it logged:", ...out, ...err].join("\n"));
    });
  };

  let address: string;
  try {
    const listening = () => out.map((line) => LISTENING.exec(line)?.[1]).find(Boolean);
    await until(() => listening() ?? hasExited(), options.startMs, "the daemon to listen");
    address = listening() ?? "";
    if (address === "") {
      await child.ended;
      throw new Error(`the daemon exited with ${await exited}`);
    }
  } catch (error) {
    await end();
    throw new Error([error instanceof Error ? error.message : error, ...out, ...err].join("\n"));
  }

  const unix = address.startsWith("unix:") ? address.slice("unix:".length) : undefined;
  const [, host = "", port = "0"] = /^(.*):(\d+)$/.exec(address) ?? [];
  const url = unix ? "http://localhost" : `http://${host.replace("0.0.0.0", "127.0.0.1")}:${port}`;

  return {
    pid,
    port: Number(port),
    url,
    ask: (path = "/", init = {}) => askAt(`${url}${path}`, { ...init, unix }),
    log: () => [...out],
    errors: () => [...err],
    logged,
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return exited;
    },
    exited,
    [Symbol.asyncDispose]: end,
  };
}
