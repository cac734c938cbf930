// What the kernel says of a process: the proof that nothing was left behind.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Of a process: state, parent and group, or undefined when there is none. */
export function statOf(
  pid: number,
): { readonly state: string; readonly parent: number; readonly group: number } | undefined {
  try {
    // The name in parentheses may hold anything, so what follows the last one counts.
    const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(/\) (?!.*\) )/s);
    const [state = "", parent = "", group = ""] = fields.split(" ");
    return { state, parent: Number(parent), group: Number(group) };
  } catch {
    return undefined;
  }
}

/** Alive and not a zombie. */
export function isAlive(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.state !== "Z" && stat.state !== "X";
}

/** Every living process whose whole command line, words joined with spaces, is `command`. */
export function processesRunning(command: string): readonly number[] {
  return allProcesses().filter((pid) => commandLine(pid) === `${command} ` && isAlive(pid));
}

/** Every process whose working folder is `folder` or below it. */
export function processesIn(folder: string): readonly number[] {
  return allProcesses().filter((pid) => {
    try {
      return `${readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${folder}/`);
    } catch {
      return false;
    }
  });
}

/** Direct children, zombies included. */
export function childrenOf(pid: number): readonly number[] {
  return allProcesses().filter((child) => statOf(child)?.parent === pid);
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Resident memory now, or its peak, in MB. */
export function memoryOf(pid: number, which: "now" | "peak" = "now"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const line = which === "now" ? /VmRSS:\s+(\d+)/ : /VmHWM:\s+(\d+)/;
  return Number(line.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** TCP sockets to this port of 127.0.0.1 whose handshake has not been answered. */
export const handshakesTo = (port: number): number =>
  connectionsTo(port).filter(({ state }) => state === SYN_SENT).length;

/** TCP sockets to this port of 127.0.0.1 that are not closed. */
export const connectionsTo = (port: number): readonly TcpSocket[] =>
  tcpSockets(port).filter(({ isAtPort }) => !isAtPort);

/** Connections to this port of 127.0.0.1 that its server has accepted and not closed. */
export const connectionsAt = (port: number): readonly TcpSocket[] =>
  tcpSockets(port).filter(({ isAtPort, isAccepted, state }) => isAtPort && isAccepted && state !== LISTEN);

/** How many requests the daemon at this port of 127.0.0.1 has read and not answered. It accepts what has sent something. */
export const requestsReadAt = (port: number): number =>
  connectionsAt(port).filter(({ state, unreadBytes }) => state === ESTABLISHED && unreadBytes === 0).length;

interface TcpSocket {
  /** The port is its own, and not that of its peer. */
  readonly isAtPort: boolean;
  /** The kernel's number of it. */
  readonly state: string;
  /** What has come and was not read. */
  readonly unreadBytes: number;
  /** False while it waits for its server. */
  readonly isAccepted: boolean;
}

const ESTABLISHED = "01";
const SYN_SENT = "02";
const LISTEN = "0A";

/** Those that have to do with this port of 127.0.0.1. */
function tcpSockets(port: number): readonly TcpSocket[] {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .filter((line) => line.includes(address)) // of thousands; the rest of each need not be read
    .map((line) => {
      const [, local, , state = "", queues = "", , , , , inode] = line.trim().split(/\s+/);
      const unreadBytes = Number.parseInt(queues.split(":")[1] ?? "", 16);
      return { isAtPort: local === address, state, unreadBytes, isAccepted: inode !== "0" };
    });
}

const allProcesses = (): readonly number[] => readdirSync("/proc").map(Number).filter(Number.isInteger);

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
