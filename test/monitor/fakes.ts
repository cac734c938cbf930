// Checks that do nothing, and a clock that goes when it is told to.

import type { Check } from "../../src/checks/check.ts";
import type { Clock } from "../../src/system/clock.ts";

export const fakeCheck = (given: Partial<Check> = {}): Check => ({
  name: "it",
  kind: "test",
  target: "nothing",
  timeoutMs: 10_000,
  rise: 1,
  fall: 1,
  severity: "critical",
  staleAfterMs: 60_000,
  probe: async () => ({ ok: true }),
  ...given,
});

/** Everything that is going to happen without anything else happening has happened. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

interface Timer {
  /** What is left of it, by the time that timers count. */
  readonly due: number;
  readonly then: () => void;
}

export interface FakeClock extends Clock {
  /** As `now`, but stands still while the host is suspended, as timers do. */
  awake(): number;
  /** Time passes, and each timer comes when it is due. */
  pass(ms: number): Promise<void>;
  /** The loop stands still for so long; what was due meanwhile comes late, all of it. */
  stall(ms: number): Promise<void>;
  /** The host is suspended, in which timers do not count down. */
  suspend(ms: number): Promise<void>;
}

/** `look` is called whenever timers were called and all that follows from them has happened. */
export function fakeClock(look: () => void = () => {}): FakeClock {
  /** As a boot clock and a monotonic one: they part when the host is suspended. One is the sum, lest a rounding stop it. */
  let awake = 0;
  let asleep = 1000;
  const timers = new Set<Timer>();

  const due = (): readonly Timer[] =>
    [...timers].filter((timer) => timer.due <= awake).sort((one, other) => one.due - other.due);

  async function ring(): Promise<void> {
    do {
      for (const timer of due()) if (timers.delete(timer)) timer.then();
      await settle();
    } while (due().length > 0);
    look();
  }

  return {
    now: () => awake + asleep,
    awake: () => awake,
    after(ms, then) {
      const timer = { due: awake + ms, then };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async pass(ms) {
      const end = awake + ms;
      for (;;) {
        const next = Math.min(...[...timers].map(({ due }) => due));
        if (!(next <= end)) break;
        awake = Math.max(awake, next);
        await ring();
      }
      awake = end;
    },
    async stall(ms) {
      awake += ms;
      await ring();
    },
    async suspend(ms) {
      asleep += ms;
      await ring();
    },
  };
}
