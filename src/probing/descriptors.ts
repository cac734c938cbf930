// A few descriptors are held in reserve, so that a daemon whose clients have
// taken all the others still tells the truth: they are let go just before a
// probe opens its own and taken back as soon as it has closed them.

import { closeSync, openSync } from "node:fs";
import { libc } from "./libc.ts";

/** A script's start needs up to six at a time, a connect one. */
const RESERVED = 12;

const reserve: number[] = [];
let closing: number[] = [];

let held = false;

/** Fills the reserve as far as the limit allows. Call once before listening. */
export function holdReserve(): void {
  held = true;
  refillReserve();
}

/** Takes back what the reserve lacks. To be called in the same turn as a descriptor of a probe was closed: clients wait for it too. */
export function refillReserve(): void {
  if (!held || reserve.length >= RESERVED) return;
  try {
    while (reserve.length < RESERVED) reserve.push(openSync("/dev/null", "r"));
  } catch {
    // Out of descriptors: what is held already is the reserve until some come free.
  }
}

/**
 * Runs `open`, which says whether it failed for want of a descriptor; then runs
 * it once more with the reserve let go. Nothing else can run in between.
 */
export function withReserve<T>(open: () => T, starved: (result: T) => boolean): T {
  const first = open();
  if (!starved(first) || (reserve.length === 0 && closing.length === 0)) return first;
  closeAll();
  for (const fd of reserve.splice(0)) closeSync(fd);
  const second = open();
  refillReserve();
  return second;
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
