// One connect to one address, and nothing sent: connected or why not.
//
// A completed handshake counts, whatever the peer does next; a socket that is
// connected to itself does not. The connection is closed as a polite client does (FIN),
// or kept for the caller, and an abort leaves nothing of it, not even a SYN on its way.

import { findSocketCause } from "../fs/cause.ts";
import { whyHidden } from "../fs/hidden.ts";
import { type Failure, failed } from "../outcome.ts";
import { type Abortable, hasAborted } from "../system/abort.ts";
import { closeSoon, withReserve } from "../system/fd-reserve.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EINPROGRESS,
  EMFILE,
  ENFILE,
  errno,
  errnoName,
  type Libc,
  libc,
  MSG_DONTWAIT,
  MSG_PEEK,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  SO_ERROR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../system/libc.ts";
import { pollOnce } from "../system/poll.ts";
import { isLacking, retryWhileLacking } from "../system/retry.ts";
import { untilTurn } from "../system/turn.ts";
import { type Address, formatAddress, isIPv4 } from "./address.ts";
import { awaitConnect } from "./await-connect.ts";

/** One numeric address, prepared once for all probes. */
export interface Peer {
  readonly address: Address;
  /** struct sockaddr for the system call; absent where only node's API can reach the peer. */
  readonly sockaddr?: Uint8Array;
  /** How it failed last: a peer that stays down fails in the same way each time. */
  last?: { readonly code: string; readonly failure: Failure };
}

/** `host` must be numeric; names are for `resolve`. */
export function preparePeer(address: Address): Peer {
  const sockaddr = libc && encodeSockaddr(libc, address);
  return sockaddr ? { address, sockaddr } : { address };
}

/**
 * Undefined once connected, and closed again; else why not. Not a promise where the first look tells, as on this host.
 * Want of a resource here is tried again until the signal aborts.
 */
export function connect(peer: Peer, limit: Abortable): Failure | undefined | Promise<Failure | undefined> {
  const turn = untilTurn();
  return turn ? turn.then(() => connectNow(peer, limit)) : connectNow(peer, limit);
}

function connectNow(peer: Peer, limit: Abortable): Failure | undefined | Promise<Failure | undefined> {
  const first = attempt(peer, limit);
  if (first instanceof Promise) return first.then((code) => conclude(peer, limit, code));
  return conclude(peer, limit, first);
}

function conclude(
  peer: Peer,
  limit: Abortable,
  first: string | undefined,
): Failure | undefined | Promise<Failure | undefined> {
  if (!isLackingCode(first)) return explainOnce(peer, first);
  const again = (last: string | undefined) => (last === undefined ? first : attempt(peer, limit));
  return retryWhileLacking(limit.signal, again, isLackingCode).then((code) => explainOnce(peer, code));
}

function explainOnce(peer: Peer, code: string | undefined): Failure | undefined {
  if (code === CONNECTED) return undefined;
  // What is wrong with the file of a socket may change.
  if (peer.address.family === "unix") return explainConnect(peer.address, code);
  if (peer.last?.code !== code) peer.last = { code, failure: explainConnect(peer.address, code) };
  return peer.last.failure;
}

/** A connection that is kept; `received` was read from it before. */
export interface Dialled {
  /** The caller must close it, and after it refill the reserve. */
  readonly fd: number;
  readonly received: Uint8Array | undefined;
}

/** The same with the connection kept, for a peer with a `sockaddr`. */
export async function dial(
  { address, sockaddr }: Required<Pick<Peer, "address" | "sockaddr">>,
  system: Libc,
  signal: AbortSignal,
): Promise<Dialled | Failure> {
  const attemptToKeep = () => (signal.aborted ? ABORTED : attemptDirectly(system, sockaddr, { signal }, keep));
  const connected = await retryWhileLacking(signal, attemptToKeep, isLackingCode);
  return typeof connected === "string" ? explainConnect(address, connected) : connected;
}

const CONNECTED = undefined;
const ABORTED = "aborted";
const MET_ITSELF = "met itself";

/** A unix socket whose backlog is full fails with EAGAIN, where TCP would stay silent: it is tried again too. */
export const isLackingCode = (result: unknown): boolean => typeof result === "string" && isLacking(result);

/** CONNECTED, or why not: ABORTED, MET_ITSELF or the code of the error. */
function attempt(peer: Peer, limit: Abortable): Promise<string | undefined> | string | undefined {
  if (hasAborted(limit)) return ABORTED;
  if (libc && peer.sockaddr) return attemptDirectly(libc, peer.sockaddr, limit, finish);
  return import("./connect-portable.ts")
    .then(({ attemptByNet }) => attemptByNet(peer.address, limit.signal))
    .then((code) => (code === "connected" ? CONNECTED : code));
}

/** For a socket that poll(2) has reported: either T, or why it is not connected; it is closed then. */
type Finish<T> = (system: Libc, fd: number, sockaddr: Uint8Array, revents: number, received?: Uint8Array) => T | string;

/** A handshake on this host is over before connect(2) returns, and one look finds it; what takes longer is waited for. */
function attemptDirectly<T>(
  system: Libc,
  sockaddr: Uint8Array,
  limit: Abortable,
  finish: Finish<T>,
): Promise<T | string> | T | string {
  const fd = openSocket(system, sockaddr);
  if (fd < 0) return errnoName(-fd);
  if (system.connect(fd, sockaddr, sockaddr.byteLength) === 0) return finish(system, fd, sockaddr, POLLOUT);
  const code = errno();
  if (code !== EINPROGRESS) {
    closeSoon(fd);
    return errnoName(code);
  }
  const seen = pollOnce(system, fd, POLLIN | POLLOUT);
  if (seen !== 0) return finish(system, fd, sockaddr, seen);
  return awaitConnect(system, fd, limit.signal, (own, revents, received) =>
    finish(system, own, sockaddr, revents, received),
  );
}

/** A descriptor, or minus errno. */
function openSocket(system: Libc, sockaddr: Uint8Array): number {
  const open = () => {
    const fd = system.socket(sockaddr[0] ?? 0, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd >= 0 ? fd : -errno();
  };
  const fd = open();
  return fd === -EMFILE || fd === -ENFILE ? withReserve(open) : fd;
}

const optionValue = new Int32Array(1);
const optionLength = new Uint32Array(1);
const greeting = new Uint8Array(16 * 1024);
/** A peer that has already sent more than 256 KiB unasked may get a reset. */
const GREETING_READS = 16;

function finish(system: Libc, fd: number, sockaddr: Uint8Array, revents: number): string | undefined {
  const error = errorOf(system, fd, revents);
  // A peer that was connected and then reset had completed the handshake.
  const isConnected = error === CONNECTED || error === "ECONNRESET" || error === "EPIPE";
  // Unread bytes would turn the FIN of close(2) into a reset.
  if (isConnected && (revents & POLLIN) !== 0) drainGreeting(system, fd);
  closeSoon(fd);
  if (!isConnected) return error;
  return metItself(system, fd, sockaddr) ? MET_ITSELF : CONNECTED;
}

function keep(
  system: Libc,
  fd: number,
  sockaddr: Uint8Array,
  revents: number,
  received?: Uint8Array,
): Dialled | string {
  const error = errorOf(system, fd, revents);
  // What came before a reset is an answer, be it read already or not.
  const isAnswered = error === "ECONNRESET" && (received || system.recv(fd, greeting, 1, MSG_DONTWAIT | MSG_PEEK) > 0);
  const code = (isAnswered ? undefined : error) ?? (metItself(system, fd, sockaddr) ? MET_ITSELF : undefined);
  if (code === undefined) return { fd, received };
  closeSoon(fd);
  return code;
}

function errorOf(system: Libc, fd: number, revents: number): string | undefined {
  if ((revents & (POLLERR | POLLHUP)) === 0) return undefined;
  optionLength[0] = optionValue.byteLength;
  optionValue[0] = 0;
  system.getsockopt(fd, SOL_SOCKET, SO_ERROR, optionValue, optionLength);
  return optionValue[0] === 0 ? undefined : errnoName(optionValue[0]);
}

function drainGreeting(system: Libc, fd: number): void {
  for (let reads = 0; reads < GREETING_READS; reads++) {
    if (system.recv(fd, greeting, greeting.byteLength, MSG_DONTWAIT) <= 0) return;
  }
}

const localName = new Uint8Array(128);
const localNameLength = new Uint32Array(1);

/**
 * A connect to a free port of this host may be given that very port as its own,
 * and then TCP's simultaneous open connects the socket with itself.
 */
function metItself(system: Libc, fd: number, sockaddr: Uint8Array): boolean {
  if (sockaddr[0] === AF_UNIX) return false;
  localNameLength[0] = localName.byteLength;
  if (system.getsockname(fd, localName, localNameLength) !== 0) return false;
  // Family, port, then for IPv4 the address, for IPv6 the flow label and the address.
  const compared = sockaddr[0] === AF_INET ? 8 : 24;
  for (let index = 0; index < compared; index++) if (localName[index] !== sockaddr[index]) return false;
  return true;
}

function encodeSockaddr(system: Libc, address: Address): Uint8Array | undefined {
  if (address.family === "unix") {
    const path = Buffer.from(`${address.path}\0`);
    const sockaddr = new Uint8Array(2 + path.byteLength);
    new DataView(sockaddr.buffer).setUint16(0, AF_UNIX, true);
    sockaddr.set(path, 2);
    return sockaddr;
  }
  if (address.host.includes("%")) return undefined; // node finds the number of a zone
  const v4 = isIPv4(address.host);
  const sockaddr = new Uint8Array(v4 ? 16 : 28);
  const view = new DataView(sockaddr.buffer);
  view.setUint16(0, v4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, address.port, false);
  const bytes = sockaddr.subarray(v4 ? 4 : 8);
  return system.inet_pton(v4 ? AF_INET : AF_INET6, Buffer.from(`${address.host}\0`), bytes) === 1
    ? sockaddr
    : undefined;
}

/** `code` is that of the error, "aborted" or "met itself". */
export function explainConnect(address: Address, code: string): Failure {
  const peer = formatAddress(address);
  const why = address.family === "unix" ? explainSocketFile(address.path, code) : "";
  switch (code) {
    case ABORTED:
    case "EAGAIN":
      return failed("timeout", `${peer} did not accept`);
    case "ETIMEDOUT":
      return failed("timeout", `${peer} did not accept before the kernel gave up`);
    case MET_ITSELF:
      return failed("refused", `nothing listens on ${peer}; the probe connected to itself`);
    case "ECONNREFUSED":
      return failed("refused", `${peer} refused the connection${why}`);
    case "ENOENT":
    case "ENOTDIR":
      return failed("refused", `${peer} does not exist${why}`);
    case "EPROTOTYPE":
      return failed("refused", `${peer} accepts no connection${why}`);
    case "ECONNRESET":
    case "EPIPE":
      return failed("closed", `${peer} reset the connection`);
    case "EMFILE":
    case "ENFILE":
      return failed("resource", `no descriptor left to reach ${peer} (${code})`);
    case "EADDRNOTAVAIL":
    case "EADDRINUSE":
      return failed("resource", `no local port or address left to reach ${peer} (${code})`);
    case "ENOBUFS":
    case "ENOMEM":
      return failed("resource", `no memory left to reach ${peer} (${code})`);
    default:
      return failed("unreachable", `${peer} cannot be reached (${code})${why}`);
  }
}

/** The cause as far as a look along the path shows it, where the service's sandbox does not hide the file. */
function explainSocketFile(path: string, code: string): string {
  const hidden = whyHidden(path, code);
  const cause = hidden === "" ? findSocketCause(path, code) : undefined;
  return cause === undefined ? hidden : `: ${cause}`;
}
