// A few descriptors are held in reserve, so that a daemon whose clients have
// taken all the others still tells the truth: they are let go just before a
// probe opens its own and taken back as soon as it has closed them.

import { libc, O_CLOEXEC, RLIMIT_NOFILE } from "./libc.ts";

/** A script's start needs up to six at a time, a connect one. */
const RESERVED = 12;

const DEV_NULL = Buffer.from("/dev/null\0");

const reserve: number[] = [];
let closing: number[] = [];

let held = false;

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

/** Takes back what the reserve lacks. To be called in the same turn as a descriptor of a probe was closed: clients wait for it too. */
export function refillReserve(): void {
  while (held && libc && reserve.length < RESERVED) {
    const fd = libc.open(DEV_NULL, O_CLOEXEC);
    // Out of descriptors: what is held already is the reserve until some come free.
    if (fd < 0) return;
    reserve.push(fd);
  }
}

/** Runs `open`, which has just failed for want of a descriptor, with the reserve let go. Nothing else can run in between. */
export function withReserve<T>(open: () => T): T {
  closeAll();
  for (const fd of reserve.splice(0)) libc?.close(fd);
  const opened = open();
  refillReserve();
  return opened;
}

/** Whether so many can be opened at this moment, the reserve left out. True where that cannot be told. */
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
 * costs a tenth of a probe, which its asker need not wait for.
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
