// A real HAProxy of a test's own, from the system's package, that asks a daemon
// in two ways, as its users configure it.

import { startChild } from "./child.ts";
import { converse } from "./converse.ts";
import { tempFolder } from "./temp.ts";
import { until } from "./until.ts";

/** How HAProxy sees the daemon: "UP", "DOWN", "UP 1/3"…, its last check such as "L7OK" and the HTTP code. */
export interface ServerState {
  readonly status: string;
  readonly check: string;
  readonly code: string;
}

export const BACKENDS = ["httpchk", "http-check-send"] as const;
export type Backend = (typeof BACKENDS)[number];

export interface Haproxy extends AsyncDisposable {
  /** One entry a backend, by its name. */
  states(): Promise<Record<Backend, ServerState>>;
  /** Waits until both backends see the daemon like this. */
  bothSee(state: ServerState): Promise<void>;
}

export const UP: ServerState = { status: "UP", check: "L7OK", code: "200" };
export const DOWN: ServerState = { status: "DOWN", check: "L7STS", code: "504" };

const CHANGE_MS = 30_000;

/** Asks the daemon on 127.0.0.1:`daemonPort` every 100 ms. */
export async function startHaproxy(daemonPort: number): Promise<Haproxy> {
  const folder = await tempFolder();
  const socket = `${folder.path}/stats.sock`;
  const config = await folder.write(
    "haproxy.cfg",
    `global
  stats socket ${socket} mode 600 level admin
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  timeout check 10s
  default-server inter 100ms rise 2 fall 2
frontend front
  bind unix@${folder.path}/front.sock
  default_backend httpchk
backend httpchk
  option httpchk
  server daemon 127.0.0.1:${daemonPort} check
backend http-check-send
  option httpchk
  http-check send meth GET uri /health ver HTTP/1.1 hdr Host x
  server daemon 127.0.0.1:${daemonPort} check
`,
  );
  const proxy = startChild(["haproxy", "-f", config, "-db"], { cwd: folder.path });
  const states = async () => parseStates(await converse({ unix: socket }, "show stat\n"));
  const end = async () => {
    await proxy[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await until(async () => proxy.hasExited() || (await states()), CHANGE_MS, "HAProxy to start");
    if (proxy.hasExited()) throw new Error(`haproxy exited with ${await proxy.exited}`);
  } catch (error) {
    await end();
    throw new Error([error instanceof Error ? error.message : error, ...proxy.out, ...proxy.err].join("\n"));
  }
  return {
    states,
    async bothSee(wanted) {
      let seen: Record<Backend, ServerState> | undefined;
      try {
        await until(
          async () => {
            seen = await states();
            return BACKENDS.every((backend) => Bun.deepEquals(seen?.[backend], wanted));
          },
          CHANGE_MS,
          `HAProxy to see ${JSON.stringify(wanted)}`,
        );
      } catch (error) {
        throw new Error(`${error instanceof Error ? error.message : error}; it sees ${JSON.stringify(seen)}`);
      }
    },
    [Symbol.asyncDispose]: end,
  };
}

/** HAProxy's CSV: a header that begins with "# ", then a line a frontend, server and backend. */
function parseStates(csv: string): Record<Backend, ServerState> {
  const [header = "", ...lines] = csv.split("\n");
  const names = header.replace(/^# /, "").split(",");
  const rows = lines.map((line) => line.split(","));
  const stateOf = (backend: Backend): ServerState => {
    const row = rows.find(([proxy, server]) => proxy === backend && server === "daemon");
    if (!row) throw new Error(`HAProxy has no backend ${backend}: ${csv}`);
    const field = (name: string) => row[names.indexOf(name)] ?? "";
    return { status: field("status"), check: field("check_status"), code: field("check_code") };
  };
  return { httpchk: stateOf("httpchk"), "http-check-send": stateOf("http-check-send") };
}
