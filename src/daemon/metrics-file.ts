// Keeps a file of metrics up to date, for the textfile collector of node_exporter. It is written at start, every 15 s, and
// when the state of the host changes, then at most once a second. A reader sees a whole file: it is replaced by rename.
//
// A clean stop removes the file, since node_exporter would go on showing the state of a daemon that has ended.
//
// A disk that hangs delays nothing else: writes are asynchronous, one at a time.

import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Log } from "../log/log.ts";
import type { HostState } from "../status/recorder.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { describeFileError } from "../system/errors.ts";
import { within } from "../system/event-loop.ts";

export const WRITE_EVERY_MS = 15_000;
export const CHANGES_APART_MS = 1000;

/** While it cannot be written this is logged again after so long. */
export const REMIND_MS = 5 * 60_000;

/** How long a stop waits for a write that is under way, and for the removal. */
const CLOSE_GRACE_MS = 500;

export interface MetricsFileOptions {
  readonly path: string;
  /** The whole content. */
  readonly render: () => string | Promise<string>;
  readonly log: Pick<Log, "info" | "warning">;
  /** For tests. */
  readonly clock?: Clock;
}

/** Writes for the first time at once. */
export class MetricsFile {
  readonly #options: MetricsFileOptions;
  readonly #clock: Clock;
  #state: HostState["state"] | undefined;
  #changed = false;
  #writing: Promise<void> | undefined;
  #beganAt = Number.NEGATIVE_INFINITY;
  #failureLoggedAt: number | undefined;
  #closed = false;
  #cancel = () => {};

  constructor(options: MetricsFileOptions) {
    this.#options = options;
    this.#clock = options.clock ?? hostClock;
    this.#begin();
  }

  /** Call it whenever the state of the host may have changed. */
  readonly onHostState = ({ state }: Pick<HostState, "state">): void => {
    if (state === this.#state) return;
    this.#state = state;
    if (this.#changed) return;
    this.#changed = true;
    if (!this.#writing) this.#schedule();
  };

  /** Removes the file. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await within(this.#remove(), CLOSE_GRACE_MS, this.#clock);
  }

  #schedule(): void {
    this.#cancel();
    if (this.#closed) return;
    const due = this.#beganAt + (this.#changed ? CHANGES_APART_MS : WRITE_EVERY_MS);
    this.#cancel = this.#clock.after(Math.max(0, due - this.#clock.now()), () => this.#begin());
  }

  #begin(): void {
    this.#changed = false;
    this.#beganAt = this.#clock.now();
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
      this.#schedule();
    });
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { path, render, log } = this.#options;
    try {
      const text = await render();
      if (this.#closed) return;
      await replaceFile(path, text);
      if (this.#failureLoggedAt !== undefined) log.info("metrics file is written again", { path });
      this.#failureLoggedAt = undefined;
    } catch (error) {
      const now = this.#clock.now();
      if (now - (this.#failureLoggedAt ?? Number.NEGATIVE_INFINITY) < REMIND_MS) return;
      this.#failureLoggedAt = now;
      log.warning("metrics file cannot be written", { path, cause: describeFileError(error) });
    }
  }

  async #remove(): Promise<void> {
    await this.#writing;
    await rm(this.#options.path, { force: true }).catch(() => {});
  }
}

/** Everyone may read it. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.new`);
  await rm(temporary, { force: true });
  try {
    // "wx" follows no link that another user made here.
    await writeFile(temporary, text, { flag: "wx" });
    await chmod(temporary, 0o644); // whatever the umask is
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}
