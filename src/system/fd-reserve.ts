// A few descriptors are held in reserve, so that checks still work when clients
// have taken all the others: they are released just before a probe opens its own,
// and taken back as soon as the probe has closed them.

import { libc, O_CLOEXEC, RLIMIT_NOFILE } from "./libc.ts";

/** A script's start needs up to six at a time, a connect one. */
const RESERVED = 12;

const DEV_NULL = Buffer.from("/dev/null\0");

const reserve: number[] = [];
let closing: number[] = [];

let held = false;

/** Whether a call that failed with this code lacked a descriptor. */
export const lacksDescriptor = (code: string): boolean => code === "EMFILE" || code === "ENFILE";

/** How many this process may have; undefined where that is not known. */
export function descriptorLimit(): number | undefined {
  const limits = new BigUint64Array(2);
  return libc?.getrlimit(RLIMIT_NOFILE, limits) === 0 ? Number(limits[0]) : undefined;
}

/** Fills the reserve as far as the limit allows; on Linux alone. Call once before listening. */
export function holdReserve(): void {
  held = true;
  refillReserve();
}

/** Fills the reserve up. Call it in the turn in which a probe's descriptor was closed: clients wait for descriptors too. */
export function refillReserve(): void {
  while (held && libc && reserve.length < RESERVED) {
    const fd = libc.open(DEV_NULL, O_CLOEXEC);
    // Out of descriptors: what is held already is the reserve until some come free.
    if (fd < 0) return;
    reserve.push(fd);
  }
}

/** Runs `open`, which has just failed for lack of a descriptor, with the reserve released. Nothing else can run in between. */
export function withReserve<T>(open: () => T): T {
  closeAll();
  for (const fd of reserve.splice(0)) libc?.close(fd);
  const opened = open();
  refillReserve();
  return opened;
}

/** Whether so many can be opened at this moment without the reserve. True where that is not known. */
export function areFree(count: number): boolean {
  if (!libc) return true;
  const opened: number[] = [];
  while (opened.length < count) {
    const fd = libc.open(DEV_NULL, O_CLOEXEC);
    if (fd < 0) break;
    opened.push(fd);
  }
  for (const fd of opened) libc.close(fd);
  return opened.length === count;
}

/**
 * Closes soon, but after the answer that is on its way: closing a connection
 * takes a tenth of the time of a probe, and the request need not wait for it.
 */
export function closeSoon(fd: number): void {
  if (closing.push(fd) === 1) setImmediate(closeAll);
}

function closeAll(): void {
  const fds = closing;
  closing = [];
  for (const fd of fds) libc?.close(fd);
  refillReserve();
}
