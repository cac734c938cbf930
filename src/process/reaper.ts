// Reaps children that this program did not start. PID 1 of a container inherits the orphans of its scripts, and a shell that
// runs this program by exec leaves its own children to it. Without a reaper they stay zombies, until no process can start.
//
// The runtime reaps its own children: if they were reaped here, the exit status of a script would be lost.

import { ECHILD, errno, type Libc, libc, P_ALL, WEXITED, WNOHANG, WNOWAIT } from "../system/libc.ts";
import { isLeader } from "./group.ts";

/** Several children often end together: one pass reaps all of them. */
const REAP_AFTER_MS = 50;

/** Call before the first script starts. Does nothing if this process cannot have such children. */
export function reapInheritedChildren(): void {
  if (!libc || !mayInheritChildren(libc)) return;
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

/** Before the first script starts, any child is an inherited one. */
function mayInheritChildren(system: Libc): boolean {
  const isSubreaper = new Int32Array(1);
  system.prctl(PR_GET_CHILD_SUBREAPER, isSubreaper);
  return process.pid === 1 || isSubreaper[0] !== 0 || findEnded(system) !== NO_CHILDREN;
}

const NO_CHILDREN = -1;
const NONE_ENDED = 0;

/** A siginfo_t; `si_pid` is its fifth number on every 64-bit Linux. */
const info = new Int32Array(32);
const SI_PID = 4;

/** The pid of a child that has ended, without reaping it. */
function findEnded(system: Libc): number {
  info.fill(0);
  // Any code but ECHILD, as where the call is forbidden: another pass does no harm.
  if (system.waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) !== 0)
    return errno() === ECHILD ? NO_CHILDREN : NONE_ENDED;
  return info[SI_PID] ?? NONE_ENDED;
}

/** False if the next child is one of the runtime, which has to reap it first. */
function reapAll(system: Libc): boolean {
  for (let pid = findEnded(system); pid > 0; pid = findEnded(system)) {
    if (isLeader(pid)) return false;
    system.waitpid(pid, null, WNOHANG);
  }
  return true;
}
