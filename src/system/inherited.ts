// Corrects inherited signal settings and limits that a daemon with scripts cannot use, before the first script starts.
//
// If SIGCHLD is ignored, the kernel discards exit statuses. A blocked signal stays blocked in every script, and a script's
// own timeout by alarm(2) never fires. Other ignored signals do no harm: the runtime restores their defaults in children.

import { type Libc, libc, POLLNVAL, RLIMIT_NOFILE, SIG_SETMASK, SIGCHLD } from "./libc.ts";

/** More than a struct sigaction and a sigset_t have, in words of 8 bytes; zeros are the default action and no signal. */
const WORDS = 32;

/** Call it before everything else. Does nothing if system calls are not available. */
export function resetSignals(): void {
  libc?.sigaction(SIGCHLD, new BigUint64Array(WORDS), null);
  libc?.pthread_sigmask(SIG_SETMASK, new BigUint64Array(WORDS), null);
}

/** How many free descriptors below the inherited limit suffice for a start, and for what threads open meanwhile. */
const LEAST_FREE = 16;
const EXAMINED = 64;

const inherited = new BigUint64Array(2);
const raised = new BigUint64Array(2);
let isRaised = false;

/** pollfds of the last numbers below the inherited limit. */
const last = new Int32Array(2 * EXAMINED);

/**
 * Gives this program all descriptors that the hard limit allows. Programs that `withInheritedLimit` starts get the soft
 * limit that this program was started with: with a limit of a billion, programs that close every possible descriptor
 * would take minutes, and select(2) supports 1024.
 */
export function raiseDescriptorLimit(): void {
  if (libc?.getrlimit(RLIMIT_NOFILE, inherited) !== 0) return;
  const [soft = 0n, hard = 0n] = inherited;
  raised.fill(hard);
  isRaised = soft < hard && libc.setrlimit(RLIMIT_NOFILE, raised) === 0;
  const first = Math.max(0, Number(soft) - EXAMINED);
  for (let index = 0; index < EXAMINED; index++) last[2 * index] = first + index;
}

/**
 * Runs `start`, which starts a program and returns its pid. Meanwhile the limit is lowered, for this program too. If this
 * program has too few free descriptors below that limit, the new program gets it right after its start instead.
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
  system.poll(last, EXAMINED, 0);
  let free = 0;
  for (let index = 0; index < EXAMINED; index++) if (((last[2 * index + 1] ?? 0) >>> 16) & POLLNVAL) free++;
  return free >= LEAST_FREE;
}
