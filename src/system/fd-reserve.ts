// Holds a few descriptors in reserve, so that checks still work when clients have taken all others. They are closed just
// before a probe opens its own, and opened again as soon as the probe has closed its own.

import { libc, O_CLOEXEC, RLIMIT_NOFILE } from "./libc.ts";

/** The start of a script needs up to six at a time, a connection one. */
const RESERVED = 12;

const DEV_NULL = Buffer.from("/dev/null\0");

const reserve: number[] = [];
let closing: number[] = [];

let isHeld = false;

/** Whether a call that failed with this code lacked a descriptor. */
export const lacksDescriptor = (code: string): boolean => code === "EMFILE" || code === "ENFILE";

/** How many descriptors this process may have; undefined if that is not known. */
export function descriptorLimit(): number | undefined {
  const limits = new BigUint64Array(2);
  return libc?.getrlimit(RLIMIT_NOFILE, limits) === 0 ? Number(limits[0]) : undefined;
}

/** Fills the reserve as far as the limit allows; only on Linux. Call it once before listening. */
export function holdReserve(): void {
  isHeld = true;
  refillReserve();
}

/** Fills the reserve. Call it in the turn in which a probe closes its descriptor, or waiting clients take that one. */
export function refillReserve(): void {
  while (isHeld && libc && reserve.length < RESERVED) {
    const fd = libc.open(DEV_NULL, O_CLOEXEC);
    // Out of descriptors: the reserve stays smaller until some are closed.
    if (fd < 0) return;
    reserve.push(fd);
  }
}

/** Runs `open`, which has just failed for lack of a descriptor, with the reserve closed. Nothing else runs in between. */
export function withReserve<T>(open: () => T): T {
  closeAll();
  for (const fd of reserve.splice(0)) libc?.close(fd);
  const opened = open();
  refillReserve();
  return opened;
}

/** Whether `count` descriptors can be opened now without the reserve. True if that is not known. */
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
 * Closes `fd` after the answer that is being made: closing a connection takes a tenth of the time of a probe, and the
 * request need not wait for it.
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
