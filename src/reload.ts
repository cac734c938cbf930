// Reads the configuration again: whole or not at all. One at a time; who asks while one
// is under way gets the next, which all share who came by then. A reading that hangs is
// refused, and none is begun beside it.

import { type Clock, clock as hostClock } from "./clock.ts";
import type { Options } from "./config/load.ts";
import { formatDuration, roundDuration } from "./duration.ts";
import type { ReloadReport } from "./status.ts";
import { within } from "./within.ts";

/** The options anew, or why there are none, whole lines. */
export type Reread = () => Promise<Options | readonly string[]>;

export interface ReloaderOptions {
  readonly reread: Reread;
  /** Puts the options in force, at once and whole. */
  readonly apply: (options: Options) => Omit<ReloadReport, "at" | "taken" | "problems">;
  readonly onStart: () => void;
  readonly onEnd: (report: ReloadReport) => void;
  /** Something was thrown, which is a fault of ours. */
  readonly onFault: (error: unknown) => void;
  /** For tests. */
  readonly clock?: Clock;
}

/** Less than `health-checker reload` waits for, so that it hears why. */
const LONGEST_READING_MS = 20_000;

export interface Reloader {
  /** Resolves with what came of it; never rejects. */
  reload(): Promise<ReloadReport>;
  /** Of the last one. */
  readonly last: ReloadReport | undefined;
}

export function createReloader(options: ReloaderOptions): Reloader {
  const { reread, apply, onStart, onEnd, onFault, clock = hostClock } = options;
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<ReloadReport> | undefined;
  let last: ReloadReport | undefined;
  /** When the reading began that was refused since it hangs, and still does. */
  let hangsSince: number | undefined;

  async function reloadNow(): Promise<ReloadReport> {
    next = undefined;
    onStart();
    last = { at: new Date().toISOString(), ...(await attempt()) };
    onEnd(last);
    return last;
  }

  async function attempt(): Promise<Omit<ReloadReport, "at">> {
    if (hangsSince !== undefined) {
      const age = roundDuration(clock.now() - hangsSince);
      return refused([`health-checker: a reading that began ${age} ago still hangs, so none is begun`]);
    }
    try {
      const options = await readInTime();
      if (!options) {
        const limit = formatDuration(LONGEST_READING_MS);
        return refused([
          `health-checker: the configuration could not be read within ${limit}; does a file system hang?`,
        ]);
      }
      return "listener" in options ? { taken: true, problems: [], ...apply(options) } : refused(options);
    } catch (error) {
      onFault(error);
      return refused(["health-checker: a fault of its own; its log has it"]);
    }
  }

  /** Undefined where it hangs; what comes of it then comes to nothing. */
  async function readInTime(): Promise<Awaited<ReturnType<Reread>> | undefined> {
    const startedAt = clock.now();
    const reading = reread();
    const options = await within(reading, LONGEST_READING_MS, clock);
    if (!options) {
      hangsSince = startedAt;
      const end = () => {
        hangsSince = undefined;
      };
      void reading.then(end, end);
    }
    return options;
  }

  return {
    reload() {
      if (next) return next;
      next = running.then(reloadNow);
      running = next;
      return next;
    },
    get last() {
      return last;
    },
  };
}

const refused = (problems: readonly string[]) =>
  ({ taken: false, problems, cautions: [], kept: 0, added: 0, removed: 0 }) as const;
