// Reads the configuration again: whole or not at all. One at a time; who asks while one
// is under way gets the next, which all share who came by then.

import type { Options } from "./config/load.ts";
import type { ReloadReport } from "./status.ts";

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
}

export interface Reloader {
  /** Resolves with what came of it; never rejects. */
  reload(): Promise<ReloadReport>;
  /** Of the last one. */
  readonly last: ReloadReport | undefined;
}

export function createReloader({ reread, apply, onStart, onEnd, onFault }: ReloaderOptions): Reloader {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<ReloadReport> | undefined;
  let last: ReloadReport | undefined;

  async function reloadNow(): Promise<ReloadReport> {
    next = undefined;
    onStart();
    last = { at: new Date().toISOString(), ...(await attempt()) };
    onEnd(last);
    return last;
  }

  async function attempt(): Promise<Omit<ReloadReport, "at">> {
    try {
      const options = await reread();
      return "listener" in options ? { taken: true, problems: [], ...apply(options) } : refused(options);
    } catch (error) {
      onFault(error);
      return refused(["health-checker: a fault of its own; its log has it"]);
    }
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
