// The signals that end the daemon: the first asks it to stop, the second insists.

/** A closed terminal ends the daemon as an interrupt does, so that no script outlives it. */
const ENDING = { SIGTERM: 15, SIGINT: 2, SIGHUP: 1 } as const;

export type EndingSignal = keyof typeof ENDING;

export interface SignalHandlers {
  readonly first: (signal: EndingSignal) => void;
  /** `exitCode` is 128 + the signal's number, as a shell reports it. */
  readonly second: (signal: EndingSignal, exitCode: number) => void;
}

export function onEndingSignals({ first, second }: SignalHandlers): void {
  let asked = false;
  for (const [signal, number] of Object.entries(ENDING) as [EndingSignal, number][]) {
    process.on(signal, () => {
      if (asked) return second(signal, 128 + number);
      asked = true;
      first(signal);
    });
  }
}
