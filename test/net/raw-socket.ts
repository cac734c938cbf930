// A listener made by system calls, which does nothing by itself: it accepts when the test calls it, and shows exactly how a
// peer has closed.

import { dlopen, ptr, read } from "bun:ffi";

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_LINGER = 13;

const { symbols: system } = dlopen("libc.so.6", {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
});

const errnoAddress = system.__errno_location();
const errno = () => (errnoAddress ? read.i32(errnoAddress, 0) : 0);
const EAGAIN = 11;

/** The result of a read: bytes, nothing yet, a FIN, or an error such as ECONNRESET (104). */
export type Heard = { readonly bytes: number } | "nothing" | "fin" | { readonly errno: number };

export interface Accepted {
  send(text: string): void;
  hear(): Heard;
  /** Closes with a reset. */
  reset(): void;
  close(): void;
}

export interface RawListener extends Disposable {
  readonly port: number;
  /** The next connection, if there is one. */
  accept(): Accepted | undefined;
  /** Fills the backlog, so that a further handshake gets no answer. */
  fill(): void;
}

export type Where =
  | { readonly family: "v4" }
  | { readonly family: "v6" }
  | { readonly family: "unix"; readonly path: string };

export function listenRaw(where: Where, backlog = 128): RawListener {
  const name = encode(where);
  const family = new DataView(name.buffer).getUint16(0, true);
  const open = () => checked(system.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  const fd = open();
  checked(system.bind(fd, ptr(name), name.byteLength), "bind");
  checked(system.listen(fd, backlog), "listen");
  const length = new Uint32Array([name.byteLength]);
  if (where.family !== "unix") checked(system.getsockname(fd, ptr(name), ptr(length)), "getsockname");
  const fillers: number[] = [];
  return {
    port: new DataView(name.buffer).getUint16(2, false),
    accept() {
      const peer = system.accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
      return peer < 0 ? undefined : accepted(peer);
    },
    fill() {
      // The kernel takes one more than the backlog; further connects stay in SYN_SENT or fail at once.
      for (let count = 0; count < backlog + 1; count++) {
        const filler = open();
        fillers.push(filler);
        system.connect(filler, ptr(name), name.byteLength);
      }
    },
    [Symbol.dispose]() {
      for (const one of [...fillers, fd]) system.close(one);
    },
  };
}

/**
 * A port of 127.0.0.1 without a listener. It stays bound until this process ends, so that the kernel does not give it to a
 * program that asks for any free port; a test may still listen on it by its number.
 */
export function holdPort(): number {
  const name = encode({ family: "v4" });
  const fd = checked(system.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const on = new Int32Array([1]);
  checked(system.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ptr(on), on.byteLength), "setsockopt");
  checked(system.bind(fd, ptr(name), name.byteLength), "bind");
  const length = new Uint32Array([name.byteLength]);
  checked(system.getsockname(fd, ptr(name), ptr(length)), "getsockname");
  return new DataView(name.buffer).getUint16(2, false);
}

function accepted(fd: number): Accepted {
  const buffer = new Uint8Array(4096);
  return {
    send(text) {
      const bytes = Buffer.from(text);
      system.send(fd, ptr(bytes), bytes.byteLength, MSG_NOSIGNAL);
    },
    hear() {
      const count = Number(system.recv(fd, ptr(buffer), buffer.byteLength, 0));
      if (count > 0) return { bytes: count };
      if (count === 0) return "fin";
      const code = errno();
      return code === EAGAIN ? "nothing" : { errno: code };
    },
    reset() {
      const linger = new Int32Array([1, 0]);
      system.setsockopt(fd, SOL_SOCKET, SO_LINGER, ptr(linger), linger.byteLength);
      system.close(fd);
    },
    close: () => void system.close(fd),
  };
}

function encode(where: Where): Uint8Array {
  if (where.family === "unix") {
    const path = Buffer.from(`${where.path}\0`);
    const name = new Uint8Array(2 + path.byteLength);
    new DataView(name.buffer).setUint16(0, AF_UNIX, true);
    name.set(path, 2);
    return name;
  }
  const name = new Uint8Array(where.family === "v4" ? 16 : 28);
  new DataView(name.buffer).setUint16(0, where.family === "v4" ? AF_INET : AF_INET6, true);
  if (where.family === "v4") name.set([127, 0, 0, 1], 4);
  else name[23] = 1;
  return name;
}

function checked(result: number, call: string): number {
  if (result < 0) throw new Error(`${call} failed with errno ${errno()}`);
  return result;
}
