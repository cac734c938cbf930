// A real HAProxy of a test's own, from the system's package, that asks a daemon as its users
// configure it: its health listener in two ways, or its agent.

import { join } from "node:path";
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
  const proxy = await startProxy(`default-server inter 100ms rise 2 fall 2
frontend front
  bind unix@front.sock
  default_backend httpchk
backend httpchk
  option httpchk
  server daemon 127.0.0.1:${daemonPort} check
backend http-check-send
  option httpchk
  http-check send meth GET uri /health ver HTTP/1.1 hdr Host x
  server daemon 127.0.0.1:${daemonPort} check
`);
  const states = async () => parseStates(await proxy.command("show stat"));
  return {
    states,
    bothSee: (wanted) =>
      untilSeen(states, (seen) => BACKENDS.every((backend) => Bun.deepEquals(seen[backend], wanted)), wanted),
    [Symbol.asyncDispose]: proxy[Symbol.asyncDispose],
  };
}

export interface EndpointHaproxy extends AsyncDisposable {
  /** Waits until each path is seen so, of the daemons in their order. */
  see(wanted: Readonly<Record<string, readonly ServerState[]>>): Promise<void>;
}

/** Asks each daemon on 127.0.0.1 for each path, in a backend of the path's own. */
export async function startEndpointHaproxy(
  daemonPorts: readonly number[],
  paths: readonly string[],
): Promise<EndpointHaproxy> {
  const backends = paths.map((path, index) => {
    const servers = daemonPorts.map((port, daemon) => `  server daemon${daemon} 127.0.0.1:${port} check\n`);
    return `backend path${index}\n  option httpchk GET ${path}\n${servers.join("")}`;
  });
  const proxy = await startProxy(`default-server inter 250ms rise 2 fall 2\n${backends.join("")}`);
  const states = async () => {
    const csv = await proxy.command("show stat");
    const statesOf = (index: number) => daemonPorts.map((_, daemon) => stateIn(csv, `path${index}`, `daemon${daemon}`));
    return Object.fromEntries(paths.map((path, index) => [path, statesOf(index)]));
  };
  return {
    see: (wanted) => untilSeen(states, (seen) => Bun.deepEquals(seen, wanted), wanted),
    [Symbol.asyncDispose]: proxy[Symbol.asyncDispose],
  };
}

export interface AgentHaproxy extends AsyncDisposable {
  /** Of each server line, such as "UP", "DOWN (agent)", "DRAIN (agent)", "MAINT", and the last line of the agent. */
  states(): Promise<readonly AgentState[]>;
  /** Waits until every server line has this status. */
  allSee(status: string): Promise<void>;
  /** As an operator does; `SERVER` stands for each server line in turn. */
  command(text: string): Promise<void>;
}

export interface AgentState {
  readonly status: string;
  readonly said: string;
}

export interface AgentHaproxyOptions {
  /** On which the service itself is checked. */
  readonly servicePort: number;
  readonly agentPort: number;
  /** A server line for each: how often it asks the agent, such as "100ms". */
  readonly agentInters: readonly string[];
  /** More keywords of each line, such as "agent-send x\\n". */
  readonly more?: string;
}

export async function startAgentHaproxy(options: AgentHaproxyOptions): Promise<AgentHaproxy> {
  const { servicePort, agentPort, agentInters, more = "" } = options;
  const agent = `agent-check agent-addr 127.0.0.1 agent-port ${agentPort} ${more}`;
  const backends = agentInters.map(
    (inter, index) => `backend app${index}
  server host 127.0.0.1:${servicePort} check inter 100ms rise 2 fall 2 ${agent} agent-inter ${inter}
`,
  );
  const proxy = await startProxy(`timeout queue 10s\n${backends.join("")}`);
  const states = async () => {
    const row = rowsOf(await proxy.command("show stat"));
    return agentInters.map((_, index) => {
      const field = row(`app${index}`, "host");
      return { status: field("status"), said: field("last_agt") };
    });
  };
  return {
    states,
    allSee: (status) => untilSeen(states, (seen) => seen.every((state) => state.status === status), status),
    async command(text) {
      for (const index of agentInters.keys()) {
        const answer = await proxy.command(text.replaceAll("SERVER", `app${index}/host`));
        if (answer.trim() !== "") throw new Error(`${text}: ${answer}`);
      }
    },
    [Symbol.asyncDispose]: proxy[Symbol.asyncDispose],
  };
}

/** A server of a fleet: "UP" or "DOWN", and how often a check of it failed and took it down, from the start on. */
export interface FleetServer {
  readonly status: string;
  readonly failedChecks: number;
  readonly downs: number;
}

export interface FleetHost {
  readonly address: string;
  /** Of what serves its requests, and of the daemon that answers for it. */
  readonly servicePort: number;
  readonly daemonPort: number;
}

export interface FleetHaproxy extends AsyncDisposable {
  /** The unix socket on which it takes requests. */
  readonly front: string;
  /** In the order of the hosts. */
  servers(): Promise<readonly FleetServer[]>;
  /** Waits until the servers have these statuses. */
  see(statuses: readonly string[]): Promise<void>;
}

/** Spreads requests over the hosts. A single answer that is not 200 takes a host down, and no request is tried twice. */
export async function startFleetHaproxy(hosts: readonly FleetHost[]): Promise<FleetHaproxy> {
  const servers = hosts.map(
    ({ address, servicePort, daemonPort }, index) =>
      `  server host${index} ${address}:${servicePort} check port ${daemonPort}\n`,
  );
  const proxy = await startProxy(`default-server inter 50ms rise 1 fall 1
  retries 0
  option httpclose
frontend front
  bind unix@front.sock
  default_backend fleet
backend fleet
  option httpchk
${servers.join("")}`);
  const read = async () => {
    const row = rowsOf(await proxy.command("show stat"));
    return hosts.map((_, index): FleetServer => {
      const field = row("fleet", `host${index}`);
      return { status: field("status"), failedChecks: Number(field("chkfail")), downs: Number(field("chkdown")) };
    });
  };
  return {
    front: join(proxy.folder, "front.sock"),
    servers: read,
    see: (statuses) =>
      untilSeen(
        read,
        (seen) =>
          Bun.deepEquals(
            seen.map(({ status }) => status),
            statuses,
          ),
        statuses,
      ),
    [Symbol.asyncDispose]: proxy[Symbol.asyncDispose],
  };
}

export interface PageHaproxy extends AsyncDisposable {
  /** Waits until the server is seen like this. */
  see(backend: string, server: string, wanted: ServerState): Promise<void>;
}

/** Backends as a page shows them. */
export async function startPageHaproxy(backends: string): Promise<PageHaproxy> {
  const proxy = await startProxy(`timeout queue 10s\n${backends}`);
  return {
    see: (backend, server, wanted) =>
      untilSeen(
        async () => stateIn(await proxy.command("show stat"), backend, server),
        (seen) => Bun.deepEquals(seen, wanted),
        wanted,
      ),
    [Symbol.asyncDispose]: proxy[Symbol.asyncDispose],
  };
}

interface Proxy extends AsyncDisposable {
  /** Where it runs, and where its sockets are. */
  readonly folder: string;
  /** By its stats socket. */
  command(text: string): Promise<string>;
}

/** `sections` begins within the defaults. */
async function startProxy(sections: string): Promise<Proxy> {
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
  ${sections}`,
  );
  const proxy = startChild(["haproxy", "-f", config, "-db"], { cwd: folder.path });
  const command = (text: string) => converse({ unix: socket }, `${text}\n`);
  const end = async () => {
    await proxy[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await until(async () => proxy.hasExited() || (await command("show info")), CHANGE_MS, "HAProxy to start");
    if (proxy.hasExited()) throw new Error(`haproxy exited with ${await proxy.exited}`);
  } catch (error) {
    await end();
    throw new Error([error instanceof Error ? error.message : error, ...proxy.out, ...proxy.err].join("\n"));
  }
  return { folder: folder.path, command, [Symbol.asyncDispose]: end };
}

async function untilSeen<Seen>(look: () => Promise<Seen>, isIt: (seen: Seen) => boolean, wanted: unknown) {
  let seen: Seen | undefined;
  try {
    await until(
      async () => {
        seen = await look();
        return isIt(seen);
      },
      CHANGE_MS,
      `HAProxy to see ${JSON.stringify(wanted)}`,
    );
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}; it sees ${JSON.stringify(seen)}`);
  }
}

/** HAProxy's CSV: a header that begins with "# ", then a line a frontend, server and backend. */
function rowsOf(csv: string): (backend: string, server: string) => (field: string) => string {
  const [header = "", ...lines] = csv.split("\n");
  const names = header.replace(/^# /, "").split(",");
  const rows = lines.map((line) => [...line.matchAll(FIELD)].map(([, quoted, plain = ""]) => quoted ?? plain));
  return (backend, server) => {
    const row = rows.find(([itsBackend, itsServer]) => itsBackend === backend && itsServer === server);
    if (!row) throw new Error(`HAProxy has no server ${backend}/${server}: ${csv}`);
    return (name) => row[names.indexOf(name)] ?? "";
  };
}

/** In quotes where it holds a comma. */
const FIELD = /(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g;

function parseStates(csv: string): Record<Backend, ServerState> {
  const stateOf = (backend: Backend) => stateIn(csv, backend, "daemon");
  return { httpchk: stateOf("httpchk"), "http-check-send": stateOf("http-check-send") };
}

function stateIn(csv: string, backend: string, server: string): ServerState {
  const field = rowsOf(csv)(backend, server);
  return { status: field("status"), check: field("check_status"), code: field("check_code") };
}
