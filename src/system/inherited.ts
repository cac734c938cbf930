// Inherited signal settings and limits that a daemon with scripts cannot use are put right before the first script starts.
//
// With SIGCHLD ignored the kernel throws exit statuses away. A blocked signal stays blocked in every script, whose own
// timeout by alarm(2) then never comes. Other ignored signals do no harm: the runtime gives children the defaults.

import { type Libc, libc, POLLNVAL, RLIMIT_NOFILE, SIG_SETMASK, SIGCHLD } from "./libc.ts";

/** More than a struct sigaction and a sigset_t have, in words of 8 bytes; zeros are the default action and no signal. */
const WORDS = 32;

/** Call it first of all. Does nothing where the system calls are not at hand. */
export function resetSignals(): void {
  libc?.sigaction(SIGCHLD, new BigUint64Array(WORDS), null);
  libc?.pthread_sigmask(SIG_SETMASK, new BigUint64Array(WORDS), null);
}

/** So many free descriptors below the inherited limit are enough for a start, and for what threads open meanwhile. */
const LEAST_FREE = 16;
const LOOKED_AT = 64;

const inherited = new BigUint64Array(2);
const raised = new BigUint64Array(2);
let isRaised = false;

/** pollfds of the last numbers below the inherited limit. */
const last = new Int32Array(2 * LOOKED_AT);

/**
 * Gives this program all descriptors that the hard limit allows. Programs that are started by `withInheritedLimit` have
 * the soft limit that it was itself started with: those that close every possible descriptor first would take minutes with
 * a limit of a billion, and select(2) knows 1024.
 */
export function raiseDescriptorLimit(): void {
  if (libc?.getrlimit(RLIMIT_NOFILE, inherited) !== 0) return;
  const [soft = 0n, hard = 0n] = inherited;
  raised.fill(hard);
  isRaised = soft < hard && libc.setrlimit(RLIMIT_NOFILE, raised) === 0;
  const first = Math.max(0, Number(soft) - LOOKED_AT);
  for (let index = 0; index < LOOKED_AT; index++) last[2 * index] = first + index;
}

/**
 * Runs `start`, which starts a program and returns its number. The limit is lowered for as long as that takes, which
 * is for this program too: where it has too few descriptors free below it, the new program is given it right after instead.
 */
export function withInheritedLimit(start: () => number): void {
  if (!libc || !isRaised) return void start();
  const system = libc;
  const isLowered = areFreeBelow(system) && system.setrlimit(RLIMIT_NOFILE, inherited) === 0;
  try {
    const pid = start();
    if (!isLowered) system.prlimit(pid, RLIMIT_NOFILE, inherited, null);
  } finally {
    if (isLowered) system.setrlimit(RLIMIT_NOFILE, raised);
  }
}

function areFreeBelow(system: Libc): boolean {
  system.poll(last, LOOKED_AT, 0);
  let free = 0;
  for (let index = 0; index < LOOKED_AT; index++) if (((last[2 * index + 1] ?? 0) >>> 16) & POLLNVAL) free++;
  return free >= LEAST_FREE;
}
