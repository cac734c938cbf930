// Which peers get `ready`: those that got `drain` or `maint` from us, since HAProxy ends these for that word alone; and no
// other, since it ends an operator's own drain as well.
//
// One address may be several clients: a HAProxy asks once for each of its server lines, and they cannot be distinguished.
// So `ready` is repeated until all of them have surely received it: at least three times, for ten times the longest pause
// between its questions, and for ten seconds to a minute: a line that asks rarely is not seen among those that ask often.

import { join } from "node:path";
import { readBootId, stateFile } from "../../drain/state-file.ts";
import type { Log } from "../../log/log.ts";
import type { Clock } from "../../system/clock.ts";

export interface ReadyReplies {
  /** The peer gets `drain` or `maint` now. */
  noteDrain(peer: string): void;
  /** Whether the peer gets `ready` now; if so, that counts as one reply. */
  shouldSayReady(peer: string): boolean;
}

export interface ReadyRepliesOptions {
  /** Where the peers are saved for a restart of the daemon; undefined: nowhere. */
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

/** Beyond so many, the one that asked longest ago is forgotten. */
export const MOST_PEERS = 1024;

interface PendingReady {
  /** By the clock; undefined before the first question that we know of. */
  askedAt: number | undefined;
  longestPauseMs: number;
  /** Since when, and how often, it got `ready`. */
  readySince: number | undefined;
  times: number;
}

export function createReadyReplies({ directory, log, clock, boot = readBootId() }: ReadyRepliesOptions): ReadyReplies {
  const file = directory === undefined ? undefined : stateFile(join(directory, FILE_NAME), boot);
  /** In the order in which they last asked. */
  const pending = new Map<string, PendingReady>(read().map((peer) => [peer, newPending()]));
  let hasWarnedFull = false;
  let hasWarnedUnsaved = false;

  function read(): readonly string[] {
    const found = file?.read();
    if (found?.kind === "content") {
      const { peers } = found.content;
      if (Array.isArray(peers)) return peers.filter((peer) => typeof peer === "string").slice(0, MOST_PEERS);
    }
    if (found?.kind === "unusable") {
      log.error("it is not known which HAProxy was told to drain", { because: found.because });
    }
    return [];
  }

  function save(): void {
    const result = file?.write(pending.size > 0 ? { peers: [...pending.keys()] } : undefined);
    if (result && !result.saved && !hasWarnedUnsaved) {
      log.warning("a restart of the daemon will not know which HAProxy is drained", { because: result.because });
    }
    hasWarnedUnsaved = result !== undefined && !result.saved;
  }

  function noteQuestion(peer: string, entry: PendingReady): void {
    const now = clock.now();
    if (entry.askedAt !== undefined) entry.longestPauseMs = Math.max(entry.longestPauseMs, now - entry.askedAt);
    entry.askedAt = now;
    pending.delete(peer);
    pending.set(peer, entry);
  }

  function forgetOldest(): void {
    const [oldest] = pending.keys();
    if (oldest === undefined || pending.size <= MOST_PEERS) return;
    pending.delete(oldest);
    if (!hasWarnedFull) log.warning("too many ask the agent; some will not be told ready", { peer: oldest });
    hasWarnedFull = true;
  }

  return {
    noteDrain(peer) {
      const known = pending.get(peer);
      const entry = known ?? newPending();
      entry.readySince = undefined;
      entry.times = 0;
      noteQuestion(peer, entry);
      if (known) return;
      forgetOldest();
      save();
    },
    shouldSayReady(peer) {
      const entry = pending.get(peer);
      if (!entry) return false;
      noteQuestion(peer, entry);
      const now = clock.now();
      entry.readySince ??= now;
      const enoughMs = Math.min(LONGEST_MS, Math.max(LEAST_MS, PAUSES * entry.longestPauseMs));
      if (entry.times < LEAST_TIMES || now - entry.readySince < enoughMs) {
        entry.times++;
        return true;
      }
      pending.delete(peer);
      log.info("HAProxy was told that the host is ready", { peer, times: entry.times });
      save();
      return false;
    },
  };
}

const newPending = (): PendingReady => ({ askedAt: undefined, longestPauseMs: 0, readySince: undefined, times: 0 });
