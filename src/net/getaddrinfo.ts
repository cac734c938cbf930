// getaddrinfo(3) on the C library's own threads.
//
// The runtime does look-ups and file reads on one thread pool, which has as many threads as the host has processors. On two
// processors, two names that hang block every file read until the resolver gives up (measured on Bun 1.4.5). glibc has up to
// twenty threads of its own for look-ups.

import { dlopen, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import { AF_INET, AF_INET6, libc, SOCK_STREAM } from "../system/libc.ts";

/** Numeric addresses in the order in which to try them, or the code of the failure such as "EAI_AGAIN". */
export type LookUpResult = readonly string[] | string;

/** Never rejects. It cannot be cancelled. */
export type LookUp = (host: string) => Promise<LookUpResult>;

/** Undefined where the C library is not glibc. */
export function openLookUp(): LookUp | undefined {
  const system = libc && openResolver();
  return system && ((host) => lookUp(system, host));
}

/** From netdb.h. */
const CODES: Readonly<Record<number, string>> = {
  [-2]: "EAI_NONAME",
  [-3]: "EAI_AGAIN",
  [-4]: "EAI_FAIL",
  [-5]: "EAI_NODATA",
  [-6]: "EAI_FAMILY",
  [-8]: "EAI_SERVICE",
  [-9]: "EAI_ADDRFAMILY",
  [-10]: "EAI_MEMORY",
  [-11]: "EAI_SYSTEM",
};
const EAI_INPROGRESS = -100;
const GAI_NOWAIT = 1;

/** Sizes and offsets of struct gaicb and struct addrinfo on 64-bit systems. */
const GAICB_BYTES = 56;
const ADDRINFO_BYTES = 48;
const RESULT_AT = 24;
const NEXT_AT = 40;

/** For how many turns of the event loop to poll without a pause: at least 200 µs, while a name of the hosts file takes 100. */
const BUSY_TURNS = 100;
const MAX_PAUSE_MS = 10;

type Resolver = NonNullable<ReturnType<typeof openResolver>>;

function openResolver() {
  const pointers = {
    getaddrinfo_a: { args: ["i32", "ptr", "i32", "ptr"], returns: "i32" },
    gai_error: { args: ["ptr"], returns: "i32" },
  } as const;
  // Since glibc 2.34 they are in the C library itself.
  for (const name of ["libc.so.6", "libanl.so.1"]) {
    try {
      const { getaddrinfo_a, gai_error } = dlopen(name, pointers).symbols;
      const { calloc, free, freeaddrinfo, inet_ntop } = dlopen("libc.so.6", {
        calloc: { args: ["u64", "u64"], returns: "ptr" },
        free: { args: ["ptr"], returns: "void" },
        freeaddrinfo: { args: ["ptr"], returns: "void" },
        inet_ntop: { args: ["i32", "ptr", "ptr", "u32"], returns: "ptr" },
      }).symbols;
      // glibc loads this library when an idle thread ends, after a second. If it cannot (no descriptor is left, or the image
      // lacks the library), it aborts the process; so it is loaded here.
      dlopen("libgcc_s.so.1", { _Unwind_Resume: { args: ["ptr"], returns: "void" } });
      return { getaddrinfo_a, gai_error, calloc, free, freeaddrinfo, inet_ntop };
    } catch {}
  }
  return undefined;
}

async function lookUp(system: Resolver, host: string): Promise<LookUpResult> {
  const name = Buffer.from(`${host}\0`);
  // Not garbage-collected memory: threads of the C library read and write it.
  const block = system.calloc(1, GAICB_BYTES + ADDRINFO_BYTES + 8 + name.byteLength) as Pointer | null;
  if (!block) return "EAI_MEMORY";
  const hintsAt = GAICB_BYTES;
  const listAt = hintsAt + ADDRINFO_BYTES;
  const nameAt = listAt + 8;
  const bytes = new Uint8Array(toArrayBuffer(block, 0, nameAt + name.byteLength));
  const view = new DataView(bytes.buffer);
  bytes.set(name, nameAt);
  // One entry per address, not one for each socket type.
  view.setInt32(hintsAt + 8, SOCK_STREAM, true);
  view.setBigUint64(0, BigInt(block + nameAt), true);
  view.setBigUint64(16, BigInt(block + hintsAt), true);
  view.setBigUint64(listAt, BigInt(block), true);
  const refused = system.getaddrinfo_a(GAI_NOWAIT, (block + listAt) as Pointer, 1, null);
  const code = refused === 0 ? await waitForEnd(system, block) : refused;
  const first = read.ptr(block, RESULT_AT) as Pointer;
  const found = code === 0 ? addressesOf(system, first) : (CODES[code] ?? `EAI ${code}`);
  if (code === 0 && first) system.freeaddrinfo(first);
  system.free(block);
  return found;
}

/** Polls at growing intervals, so that the result is late by at most an eighth of the wait. Does not keep the process alive. */
function waitForEnd(system: Resolver, block: Pointer): Promise<number> {
  const since = performance.now();
  let busyTurns = BUSY_TURNS;
  return new Promise((resolve) => {
    const pollOnce = () => {
      const code = system.gai_error(block);
      if (code !== EAI_INPROGRESS) return resolve(code);
      if (busyTurns-- > 0) return void setImmediate(pollOnce);
      const pauseMs = Math.min(MAX_PAUSE_MS, Math.max(1, (performance.now() - since) / 8));
      setTimeout(pollOnce, pauseMs).unref();
    };
    pollOnce();
  });
}

function addressesOf(system: Resolver, first: Pointer): readonly string[] {
  const addresses = new Set<string>();
  for (let entry = first; entry; entry = read.ptr(entry, NEXT_AT) as Pointer) {
    const sockaddr = read.ptr(entry, 24) as Pointer;
    const family = read.u16(sockaddr, 0);
    if (family !== AF_INET && family !== AF_INET6) continue;
    const text = new Uint8Array(64);
    system.inet_ntop(family, (sockaddr + (family === AF_INET ? 4 : 8)) as Pointer, ptr(text), text.byteLength);
    const numeric = Buffer.from(text).toString("latin1", 0, text.indexOf(0));
    const zone = family === AF_INET6 ? read.u32(sockaddr, 24) : 0;
    addresses.add(zone === 0 ? numeric : `${numeric}%${zone}`);
  }
  return [...addresses];
}
