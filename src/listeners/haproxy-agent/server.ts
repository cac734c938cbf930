// HAProxy's agent-check: each connection gets one line and is closed. The line is `drain` or `maint` while these are in
// force, with their reason, else the health of the host, with `ready` before it for peers that got one of them (ready-replies.ts).
//
// While the daemon stops, the line is `stopped`: the `up` of the next daemon ends it, whereas `drain` would need a `ready`.
//
// Whatever a peer does, or does not send or read, its connection costs little and is closed after a bounded time.

import type { Verdict } from "../../checks/check.ts";
import type { DrainState } from "../../drain/state.ts";
import type { Log } from "../../log/log.ts";
import { type Address, formatAddress } from "../../net/address.ts";
import { type Clock, clock as hostClock } from "../../system/clock.ts";
import { descriptorLimit } from "../../system/fd-reserve.ts";
import { listen } from "../listen.ts";
import { DOWN, drainLine, healthLine, STOPPED, UP } from "./line.ts";
import { ReadyReplies } from "./ready-replies.ts";

export interface AgentOptions {
  readonly address: Address;
  /** As for a health request, by the same deadline; `signal` aborts when the peer disconnects. Rarely called while the host is drained. */
  readonly verdict: (signal: AbortSignal) => Verdict | Promise<Verdict>;
  readonly drainState: () => DrainState | undefined;
  /** --state-directory, where the peers that got `drain` are saved; undefined: they are not saved. */
  readonly directory: string | undefined;
  readonly log: Pick<Log, "error" | "warning" | "info" | "debug" | "verbose">;
  /** `verdict` has thrown; the host counts as down. */
  readonly onFault: (error: Error) => void;
  /** For tests. */
  readonly clock?: Clock;
}

export interface Agent {
  /** With the port that was picked where 0 was requested. */
  readonly address: Address;
  /** Accepts no more connections and closes those that are open. */
  stop(): Promise<void>;
}

/** A HAProxy opens at most one for each of its server lines, and only for as long as the answer takes. */
export const MOST_CONNECTIONS = 256;

/** The part of the descriptor limit that its connections may use. */
const DESCRIPTOR_SHARE = 1 / 8;

/** How long a peer may take to close the connection after its answer. */
const LINGER_MS = 2000;

interface Connection {
  readonly peer: string;
  readonly gone: AbortController;
  cancelLinger: (() => void) | undefined;
}

type Socket = Bun.Socket<Connection>;

type Judged = Pick<Verdict, "healthy" | "failing">;

/** Throws ListenError, and then leaves nothing behind. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { address, log } = options;
  const connections = new Connections(mostConnections());
  const answer = answering(options, connections);
  const serveAt = (at: Address) =>
    withCode(() =>
      Bun.listen<Connection>({
        ...(at.family === "unix" ? { unix: at.path } : { hostname: at.host, port: at.port }),
        // A peer that has closed its sending side is still answered.
        allowHalfOpen: true,
        socket: {
          open(socket) {
            connections.add(socket);
            void answer(socket);
          },
          data() {},
          // Without this handler Bun closes the connection.
          end() {},
          close: (socket) => connections.remove(socket),
          error: (socket) => connections.remove(socket),
        },
      } as Bun.TCPSocketListenOptions<Connection>),
    );
  const listener = await listen(address, serveAt);
  const { server } = listener;
  const bound: Address = address.family === "tcp" ? { ...address, port: server.port } : address;
  log.info("HAProxy agent listening", { address: formatAddress(bound) });

  return {
    address: bound,
    async stop() {
      connections.removeAll();
      server.stop(true);
      await listener.close();
    },
  };
}

const mostConnections = (): number =>
  Math.max(
    1,
    Math.min(MOST_CONNECTIONS, Math.floor((descriptorLimit() ?? Number.POSITIVE_INFINITY) * DESCRIPTOR_SHARE)),
  );

/** The open connections, at most `most`. */
class Connections {
  readonly #most: number;
  /** In order of arrival. */
  readonly #open = new Set<Socket>();

  constructor(most: number) {
    this.#most = most;
  }

  add(socket: Socket): void {
    this.#makeRoom();
    socket.data = { peer: peerOf(socket), gone: new AbortController(), cancelLinger: undefined };
    this.#open.add(socket);
  }

  has(socket: Socket): boolean {
    return this.#open.has(socket);
  }

  remove(socket: Socket): void {
    if (!this.#open.delete(socket)) return;
    socket.data.cancelLinger?.();
    socket.data.gone.abort();
  }

  removeAll(): void {
    for (const socket of this.#open) this.remove(socket);
  }

  /** Evicts an answered connection, else the oldest of the peer with the most. */
  #makeRoom(): void {
    if (this.#open.size < this.#most) return;
    const evicted = [...this.#open].find(({ data }) => data.cancelLinger) ?? oldestOfMost(this.#open);
    if (!evicted) return;
    this.remove(evicted);
    evicted.terminate();
  }
}

function answering(
  { verdict, drainState, directory, log, onFault, clock = hostClock }: AgentOptions,
  connections: Connections,
): (socket: Socket) => Promise<void> {
  const readyReplies = new ReadyReplies({ directory, log, clock });

  async function judge(signal: AbortSignal): Promise<Judged> {
    try {
      return await verdict(signal);
    } catch (error) {
      onFault(error instanceof Error ? error : new Error(String(error)));
      return { healthy: false, failing: [] };
    }
  }

  /** The line needs a health and none is known. A drained host is judged only for that. */
  const lacksHealth = ({ drain, maintenance }: DrainState): boolean =>
    readyReplies.health === undefined && (maintenance ?? drain)?.reason !== undefined;

  function lineFor(peer: string, judged: Judged | undefined, state: DrainState | undefined): string {
    if (judged) readyReplies.health = judged.healthy ? UP : DOWN;
    const drained = drainLine(state, readyReplies.health);
    if (drained !== undefined) {
      readyReplies.noteDrain(peer);
      return drained;
    }
    const line = state?.stopping || !judged ? STOPPED : healthLine(judged);
    return readyReplies.shouldSayReady(peer) ? `ready ${line}` : line;
  }

  return async (socket) => {
    const { peer, gone } = socket.data;
    const before = drainState();
    const judged = before && !lacksHealth(before) ? undefined : await judge(gone.signal);
    if (!connections.has(socket)) return;
    // The host may have been drained, or undrained, meanwhile.
    const line = lineFor(peer, judged, judged ? drainState() : before);
    socket.write(`${line}\n`);
    // The socket still reads: if it were closed with unread data, the kernel would reset the connection, and the answer
    // might be lost.
    socket.shutdown();
    socket.data.cancelLinger = clock.after(LINGER_MS, () => socket.terminate());
    if (log.verbose) log.debug("agent-check", { peer, answer: line });
  };
}

function oldestOfMost(sockets: Iterable<Socket>): Socket | undefined {
  const groups = Map.groupBy(sockets, ({ data }) => data.peer);
  return [...groups.values()].reduce((most, group) => (group.length > most.length ? group : most), [])[0];
}

/** A listener on all addresses gives v4 peers as ::ffff:1.2.3.4. */
const peerOf = ({ remoteAddress }: Socket): string => remoteAddress?.replace(/^::ffff:(?=[\d.]+$)/, "") || "unix";

/** Adds the code ENOENT, which Bun leaves out if a host name has no address. */
function withCode<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw error instanceof Error && !("code" in error && error.code) ? Object.assign(error, { code: "ENOENT" }) : error;
  }
}
