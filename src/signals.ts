// The signals that end the daemon: the first asks it to stop, the second insists.

/**
 * A closed terminal ends the daemon as an interrupt does, so that no script
 * outlives it; unless it was started to ignore that, as by nohup.
 */
const ENDING = { SIGTERM: 15, SIGINT: 2, SIGHUP: 1, SIGQUIT: 3 } as const;

/** What log rotation and the like send to any daemon. By default they would end it and leave its scripts. */
const IGNORED = ["SIGUSR1", "SIGUSR2"] as const;

export type EndingSignal = keyof typeof ENDING;

export interface SignalHandlers {
  readonly first: (signal: EndingSignal) => void;
  /** `exitCode` is 128 + the signal's number, as a shell reports it. */
  readonly second: (signal: EndingSignal, exitCode: number) => void;
}

export async function onEndingSignals({ first, second }: SignalHandlers): Promise<void> {
  const hangUpIgnored = await ignoredFromStart(ENDING.SIGHUP);
  let asked = false;
  for (const [signal, number] of Object.entries(ENDING) as [EndingSignal, number][]) {
    if (signal === "SIGHUP" && hangUpIgnored) continue;
    process.on(signal, () => {
      if (asked) return second(signal, 128 + number);
      asked = true;
      first(signal);
    });
  }
  for (const signal of IGNORED) process.on(signal, () => {});
}

/** Whether whoever started this process had it ignore the signal. Only Linux tells. */
async function ignoredFromStart(signalNumber: number): Promise<boolean> {
  const status = await Bun.file("/proc/self/status")
    .text()
    .catch(() => "");
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return (BigInt(`0x${mask}`) >> BigInt(signalNumber - 1)) % 2n === 1n;
}
