// Which peers get `ready`. Only that word ends a `drain` or `maint` in HAProxy, so a peer that got one of them from us
// needs it. No other peer gets it, since it would also end a drain that an operator has set in HAProxy.
//
// One address may be several clients that cannot be distinguished: a HAProxy asks once for each of its server lines. So
// `ready` is repeated until all of them have received it: at least three times, and for ten times the longest pause
// between two requests of the address. The latter is limited to between 10 s and 1 min, since a server line that asks
// rarely cannot be seen among those that ask often.

import { join } from "node:path";
import type { Log } from "../../log/log.ts";
import type { Clock } from "../../system/clock.ts";
import { readBootId, type StateFile, stateFile } from "../../system/state-file.ts";
import { DOWN, type Health, UP } from "./line.ts";

export interface ReadyRepliesOptions {
  /** Where the peers are saved for a restart of the daemon; undefined: they are not saved. */
  readonly directory: string | undefined;
  readonly log: Pick<Log, "error" | "warning" | "info">;
  readonly clock: Clock;
  /** For tests. */
  readonly boot?: string | undefined;
}

export const FILE_NAME = "agent.json";

const LEAST_TIMES = 3;
const PAUSES = 10;
const LEAST_MS = 10_000;
const LONGEST_MS = 60_000;

/** Beyond this number the peer whose last request is the oldest is forgotten. */
export const MOST_PEERS = 1024;

interface PendingReady {
  /** When its last request came; undefined if none has come since the start. */
  askedAt: number | undefined;
  longestPauseMs: number;
  /** Since when, and how often, it has got `ready`. */
  readySince: number | undefined;
  times: number;
}

export class ReadyReplies {
  /** The health that peers got last; undefined if none did. Saved with the peers, since the lines of a drain repeat it. */
  health: Health | undefined;
  readonly #log: ReadyRepliesOptions["log"];
  readonly #clock: Clock;
  readonly #file: StateFile | undefined;
  /** In the order of their last requests. */
  readonly #pending: Map<string, PendingReady>;
  #savedHealth: Health | undefined;
  #hasWarnedFull = false;
  #hasWarnedUnsaved = false;

  constructor({ directory, log, clock, boot = readBootId() }: ReadyRepliesOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#file = directory === undefined ? undefined : stateFile(join(directory, FILE_NAME), boot);
    const { peers, health } = this.#readSaved();
    this.health = health;
    this.#savedHealth = health;
    this.#pending = new Map(peers.map((peer) => [peer, newPending()]));
  }

  /** The peer gets `drain` or `maint` now. */
  noteDrain(peer: string): void {
    const known = this.#pending.get(peer);
    const entry = known ?? newPending();
    entry.readySince = undefined;
    entry.times = 0;
    this.#noteRequest(peer, entry);
    if (known && this.health === this.#savedHealth) return;
    this.#forgetOldest();
    this.#save();
  }

  /** Whether the peer gets `ready` now; if so, that counts as one reply. */
  shouldSayReady(peer: string): boolean {
    const entry = this.#pending.get(peer);
    if (!entry) return false;
    this.#noteRequest(peer, entry);
    const now = this.#clock.now();
    entry.readySince ??= now;
    const enoughMs = Math.min(LONGEST_MS, Math.max(LEAST_MS, PAUSES * entry.longestPauseMs));
    if (entry.times < LEAST_TIMES || now - entry.readySince < enoughMs) {
      entry.times++;
      return true;
    }
    this.#pending.delete(peer);
    this.#log.info("sent ready to HAProxy", { peer, times: entry.times });
    this.#save();
    return false;
  }

  #readSaved(): { readonly peers: readonly string[]; readonly health: Health | undefined } {
    const found = this.#file?.read();
    if (found?.kind === "content") {
      const { peers, health } = found.content;
      if (Array.isArray(peers)) {
        return {
          peers: peers.filter((peer) => typeof peer === "string").slice(0, MOST_PEERS),
          health: health === UP || health === DOWN ? health : undefined,
        };
      }
    }
    if (found?.kind === "unusable") {
      this.#log.error("saved HAProxy agent state is unusable; HAProxy may stay drained", { cause: found.cause });
    }
    return { peers: [], health: undefined };
  }

  #save(): void {
    const peers = [...this.#pending.keys()];
    const { health } = this;
    const result = this.#file?.write(peers.length > 0 ? { peers, ...(health && { health }) } : undefined);
    this.#savedHealth = health;
    const isUnsaved = result !== undefined && !result.saved;
    if (isUnsaved && !this.#hasWarnedUnsaved) {
      this.#log.warning("HAProxy agent state not saved; after a restart HAProxy may stay drained", {
        cause: result.cause,
      });
    }
    this.#hasWarnedUnsaved = isUnsaved;
  }

  #noteRequest(peer: string, entry: PendingReady): void {
    const now = this.#clock.now();
    if (entry.askedAt !== undefined) entry.longestPauseMs = Math.max(entry.longestPauseMs, now - entry.askedAt);
    entry.askedAt = now;
    this.#pending.delete(peer);
    this.#pending.set(peer, entry);
  }

  #forgetOldest(): void {
    const [oldest] = this.#pending.keys();
    if (oldest === undefined || this.#pending.size <= MOST_PEERS) return;
    this.#pending.delete(oldest);
    if (!this.#hasWarnedFull) {
      this.#log.warning("too many HAProxy agent clients; some will not be sent ready", { peer: oldest });
    }
    this.#hasWarnedFull = true;
  }
}

const newPending = (): PendingReady => ({ askedAt: undefined, longestPauseMs: 0, readySince: undefined, times: 0 });
