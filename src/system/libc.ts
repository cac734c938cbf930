// The system calls that Bun has no API for, straight from the C library of Linux.
// Everywhere else, and where code may not be generated (a service under
// MemoryDenyWriteExecute), `libc` is undefined and callers use node's API.

import { dlopen, type Pointer, read } from "bun:ffi";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const F_SETFL = 4;
export const F_DUPFD_CLOEXEC = 1030;
export const SOL_SOCKET = 1;
export const SO_PEERCRED = 17;
export const IPPROTO_TCP = 6;
export const TCP_INFO = 11;
export const TCP_CLOSE_WAIT = 8;
export const TCP_LISTEN = 10;
export const SHUT_RDWR = 2;
export const SO_ERROR = 4;
export const MSG_PEEK = 0x02;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;
export const POLLNVAL = 32;
export const RLIMIT_NOFILE = 7;
export const SIGKILL = 9;
export const SIGCHLD = 17;
export const SIG_SETMASK = 2;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const P_ALL = 0;
export const WNOHANG = 1;
export const WEXITED = 4;
export const WNOWAIT = 0x01000000;
export const ECHILD = 10;
export const ENFILE = 23;
export const EMFILE = 24;
export const EINPROGRESS = 115;

const SIGNATURES = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64"], returns: "i32" },
  open: { args: ["ptr", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  kill: { args: ["i32", "i32"], returns: "i32" },
  sigaction: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  pthread_sigmask: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getrlimit: { args: ["i32", "ptr"], returns: "i32" },
  setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  prlimit: { args: ["i32", "i32", "ptr", "ptr"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  syscall: { args: ["i64", "i64", "i64", "i64", "i64"], returns: "i64" },
  prctl: { args: ["i32", "ptr"], returns: "i32" },
  waitid: { args: ["i32", "u32", "ptr", "i32"], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  inet_ntop: { args: ["i32", "ptr", "ptr", "u32"], returns: "ptr" },
  inet_pton: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
} as const;

/** As in the manual pages; -1 and errno where a call fails. */
export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  connect(fd: number, sockaddr: Uint8Array, sizeBytes: number): number;
  poll(pollfds: Int32Array, count: number, timeoutMs: number): number;
  recv(fd: number, into: Uint8Array, sizeBytes: number, flags: number): number;
  sendto(
    fd: number,
    from: Uint8Array,
    sizeBytes: number,
    flags: number,
    sockaddr: Uint8Array,
    sockaddrBytes: number,
  ): number;
  read(fd: number, into: Uint8Array, sizeBytes: number): number;
  open(path: Uint8Array, flags: number): number;
  close(fd: number): number;
  kill(pid: number, signal: number): number;
  sigaction(signal: number, action: BigUint64Array | null, old: BigUint64Array | null): number;
  pthread_sigmask(how: number, mask: BigUint64Array, old: null): number;
  /** Limits are the soft one and the hard one. */
  getrlimit(resource: number, limits: BigUint64Array): number;
  setrlimit(resource: number, limits: BigUint64Array): number;
  prlimit(pid: number, resource: number, limits: BigUint64Array, old: null): number;
  flock(fd: number, operation: number): number;
  /** One that takes numbers alone. */
  syscall(call: number, first: number, second: number, third: number, fourth: number): number | bigint;
  prctl(option: number, value: Int32Array): number;
  waitid(which: number, id: number, info: Int32Array, options: number): number;
  waitpid(pid: number, status: null, options: number): number;
  pipe2(ends: Int32Array, flags: number): number;
  fcntl(fd: number, command: number, value: number): number;
  getsockopt(fd: number, level: number, option: number, value: Int32Array, sizeBytes: Uint32Array): number;
  getsockname(fd: number, name: Uint8Array, sizeBytes: Uint32Array): number;
  getpeername(fd: number, name: Uint8Array, sizeBytes: Uint32Array): number;
  shutdown(fd: number, how: number): number;
  inet_ntop(family: number, address: Uint8Array, into: Uint8Array, sizeBytes: number): Pointer | bigint | null;
  inet_pton(family: number, text: Uint8Array, into: Uint8Array): number;
  clock_gettime(clock: number, timespec: Uint32Array): number;
  __errno_location(): Pointer | bigint | null;
}

function open(): Libc | undefined {
  if (process.platform !== "linux") return undefined;
  // glibc, then musl under the name it has on every architecture, then whatever the linker finds.
  for (const name of ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`, "libc.so"]) {
    try {
      return dlopen(name, SIGNATURES).symbols;
    } catch {}
  }
  return undefined;
}

/** Opened when this module is first loaded: 0.5 ms. */
export const libc = open();

const errnoAddress = libc?.__errno_location() as Pointer | null | undefined;

/**
 * errno of this thread's last failed call. Only to be read right after the call:
 * the runtime makes calls of its own in between turns.
 */
export function errno(): number {
  return errnoAddress ? read.i32(errnoAddress, 0) : 0;
}

/** Numbers that mean the same on every Linux architecture that Bun runs on. */
const NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  20: "ENOTDIR",
  23: "ENFILE",
  24: "EMFILE",
  32: "EPIPE",
  40: "ELOOP",
  91: "EPROTOTYPE",
  97: "EAFNOSUPPORT",
  99: "EADDRNOTAVAIL",
  100: "ENETDOWN",
  101: "ENETUNREACH",
  104: "ECONNRESET",
  105: "ENOBUFS",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  112: "EHOSTDOWN",
  113: "EHOSTUNREACH",
  115: "EINPROGRESS",
};

/** The symbolic name, as in Node's `error.code`. */
export const errnoName = (number: number): string => NAMES[number] ?? `errno ${number}`;
