// What a parent process hands on and a daemon with scripts cannot use is put right once, before the first one starts.
//
// With SIGCHLD ignored the kernel throws exit statuses away. A blocked signal stays blocked in every script, whose own
// timeout by alarm(2) then never comes. Other ignored signals do no harm: the runtime gives children the defaults.

import { libc, SIG_SETMASK, SIGCHLD } from "./libc.ts";

/** More than a struct sigaction and a sigset_t have, in words of 8 bytes; zeros are the default action and no signal. */
const WORDS = 32;

/** Call it first of all. Does nothing where the system calls are not at hand. */
export function resetSignals(): void {
  libc?.sigaction(SIGCHLD, new BigUint64Array(WORDS), null);
  libc?.pthread_sigmask(SIG_SETMASK, new BigUint64Array(WORDS), null);
}
