// The signals that end the daemon: the first asks it to stop, the second insists.

import { constants } from "node:os";

/** A closed terminal ends the daemon as an interrupt does, so that no script outlives it. */
const ENDING = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

export type EndingSignal = (typeof ENDING)[number];

export interface SignalHandlers {
  readonly first: (signal: EndingSignal) => void;
  /** `exitCode` is 128 + the signal's number, as a shell reports it. */
  readonly second: (signal: EndingSignal, exitCode: number) => void;
}

export function onEndingSignals({ first, second }: SignalHandlers): void {
  let asked = false;
  for (const signal of ENDING) {
    process.on(signal, () => {
      if (asked) return second(signal, 128 + constants.signals[signal]);
      asked = true;
      first(signal);
    });
  }
}
