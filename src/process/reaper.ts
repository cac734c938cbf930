// Children that this program has not started are reaped once they have ended. PID 1 of a container inherits the orphans
// of its scripts, and a shell that becomes this program by exec leaves its own children to it. Without a reaper they stay
// zombies until no process can be started.
//
// The runtime reaps its own children: if they were reaped here, the exit status of a script would be lost.

import { ECHILD, errno, type Libc, libc, P_ALL, WEXITED, WNOHANG, WNOWAIT } from "../system/libc.ts";
import { isLeader } from "./group.ts";

/** Many end at once: one pass reaps all of them. */
const REAP_AFTER_MS = 50;

/** Call before the first script starts. Does nothing where no such child can come. */
export function reapStrangers(): void {
  if (!libc || !mayHaveStrangers(libc)) return;
  const system = libc;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const reapSoon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      if (!reapAll(system)) reapSoon();
    }, REAP_AFTER_MS);
    timer.unref();
  };
  process.on("SIGCHLD", reapSoon);
  reapSoon();
}

const PR_GET_CHILD_SUBREAPER = 37;

/** At the start every existing child is a stranger. */
function mayHaveStrangers(system: Libc): boolean {
  const isSubreaper = new Int32Array(1);
  system.prctl(PR_GET_CHILD_SUBREAPER, isSubreaper);
  return process.pid === 1 || isSubreaper[0] !== 0 || firstEnded(system) !== NO_CHILD;
}

const NO_CHILD = -1;
const NONE_ENDED = 0;

/** siginfo_t; `si_pid` is its fifth number on every 64-bit Linux. */
const info = new Int32Array(32);
const SI_PID = 4;

/** The number of a child that has ended, without reaping it. */
function firstEnded(system: Libc): number {
  info.fill(0);
  // By ECHILD alone: where the call is forbidden, another pass does no harm.
  if (system.waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) !== 0)
    return errno() === ECHILD ? NO_CHILD : NONE_ENDED;
  return info[SI_PID] ?? NONE_ENDED;
}

/** False where a child of the runtime is in the way: it is reaped by the runtime first. */
function reapAll(system: Libc): boolean {
  for (let pid = firstEnded(system); pid > 0; pid = firstEnded(system)) {
    if (isLeader(pid)) return false;
    system.waitpid(pid, null, WNOHANG);
  }
  return true;
}
