// The signals that end the daemon: the first starts an orderly stop, the second ends it at once. SIGHUP reloads the
// configuration, unless it means that the terminal was closed.

import { killAllGroups } from "../process/group.ts";
import { nodeFs } from "../system/builtins.ts";
import { codeOf } from "../system/errors.ts";
import { lacksDescriptor } from "../system/fd-reserve.ts";
import { errno, errnoName, libc, O_CLOEXEC } from "../system/libc.ts";

const ENDING = { SIGTERM: 15, SIGINT: 2, SIGHUP: 1, SIGQUIT: 3 } as const;

/** Log rotation sends these to any daemon. By default they would end it and leave its scripts running. */
const IGNORED = ["SIGUSR1", "SIGUSR2"] as const;

export type EndingSignal = keyof typeof ENDING;

export interface SignalHandlers {
  /** `exitCode` is 128 + the signal's number, as a shell reports it. */
  readonly first: (signal: EndingSignal, exitCode: number) => void;
  readonly second: (signal: EndingSignal, exitCode: number) => void;
  /** What SIGHUP does if it does not end the daemon. */
  readonly reload?: () => void;
}

/**
 * Returns a function that restores the default actions: each signal ends the process at once.
 *
 * A closed terminal ends the process as an interrupt does, so that no script outlives it, unless the process was
 * started with SIGHUP ignored, as by nohup.
 */
export function onEndingSignals({ first, second, reload }: SignalHandlers): () => void {
  const hangUpIgnored = ignoredFromStart(ENDING.SIGHUP);
  const hadTerminal = hasTerminal();
  let isStopping = false;
  for (const [signal, number] of Object.entries(ENDING) as [EndingSignal, number][]) {
    if (signal === "SIGHUP" && hangUpIgnored) continue;
    process.on(signal, () => {
      if (signal === "SIGHUP" && reload && (!hadTerminal || hasTerminal())) return reload();
      if (isStopping) return second(signal, 128 + number);
      isStopping = true;
      first(signal, 128 + number);
    });
  }
  for (const signal of IGNORED) process.on(signal, () => {});
  return () => {
    for (const signal of Object.keys(ENDING)) process.removeAllListeners(signal);
  };
}

/** For a second signal: waits for nothing, and leaves no process of a script. */
export function endAtOnce(exitCode: number): never {
  killAllGroups();
  process.exit(exitCode);
}

const TERMINAL = Buffer.from("/dev/tty\0");

/** The kernel detaches the terminal from its processes before it signals them. True if there is no descriptor to find out. */
function hasTerminal(): boolean {
  if (libc) {
    const fd = libc.open(TERMINAL, O_CLOEXEC);
    if (fd < 0) return lacksDescriptor(errnoName(errno()));
    libc.close(fd);
    return true;
  }
  const { closeSync, openSync } = nodeFs();
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch (error) {
    return lacksDescriptor(codeOf(error));
  }
}

/** Whether the process was started with the signal ignored; false if system calls are not available. */
function ignoredFromStart(signalNumber: number): boolean {
  // struct sigaction begins with the handler, a pointer; SIG_IGN is 1.
  const action = new BigUint64Array(32);
  return libc?.sigaction(signalNumber, null, action) === 0 && action[0] === 1n;
}
