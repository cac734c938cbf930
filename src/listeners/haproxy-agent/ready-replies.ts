// Who is to be told `ready`: whoever was told `drain` or `maint` by us, since HAProxy ends these for that word alone,
// and nobody else, since it ends an operator's own as well.
//
// One address may be several askers: a HAProxy asks for each of its server lines, and they cannot be told
// apart. So `ready` is repeated until all of them have surely heard it: at least three times, for ten times the longest
// pause between its questions, and for ten seconds to a minute: a line that asks seldom is not seen among those that ask often.

import { join } from "node:path";
import { keptFile, readBootId } from "../../drain/state-file.ts";
import type { Log } from "../../log/log.ts";
import type { Clock } from "../../system/clock.ts";

export interface Owed {
  /** The peer is told `drain` or `maint` now. */
  told(peer: string): void;
  /** Whether the peer is to be told `ready` now; then it is taken for told once more. */
  claim(peer: string): boolean;
}

export interface OwedOptions {
  /** Where it is kept for a restart of the daemon; undefined for nowhere. */
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

/** Of these the one that asked longest ago is forgotten. */
export const MOST_PEERS = 1024;

interface Debt {
  /** By the clock; undefined before its first question that we know of. */
  askedAt: number | undefined;
  longestPauseMs: number;
  /** Since when, and how often, it is told `ready`. */
  readySince: number | undefined;
  times: number;
}

export function createOwed({ directory, log, clock, boot = readBootId() }: OwedOptions): Owed {
  const file = directory === undefined ? undefined : keptFile(join(directory, FILE_NAME), boot);
  /** In the order in which they last asked. */
  const debts = new Map<string, Debt>(read().map((peer) => [peer, newDebt()]));
  let saidFull = false;
  let saidUnkept = false;

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

  function keep(): void {
    const keeping = file?.write(debts.size > 0 ? { peers: [...debts.keys()] } : undefined);
    if (keeping && !keeping.kept && !saidUnkept) {
      log.warning("a restart of the daemon will not know which HAProxy is drained", { because: keeping.because });
    }
    saidUnkept = keeping !== undefined && !keeping.kept;
  }

  function note(peer: string, debt: Debt): void {
    const now = clock.now();
    if (debt.askedAt !== undefined) debt.longestPauseMs = Math.max(debt.longestPauseMs, now - debt.askedAt);
    debt.askedAt = now;
    debts.delete(peer);
    debts.set(peer, debt);
  }

  function forgetOldest(): void {
    const [oldest] = debts.keys();
    if (oldest === undefined || debts.size <= MOST_PEERS) return;
    debts.delete(oldest);
    if (!saidFull) log.warning("too many ask the agent; some will not be told ready", { peer: oldest });
    saidFull = true;
  }

  return {
    told(peer) {
      const known = debts.get(peer);
      const debt = known ?? newDebt();
      debt.readySince = undefined;
      debt.times = 0;
      note(peer, debt);
      if (known) return;
      forgetOldest();
      keep();
    },
    claim(peer) {
      const debt = debts.get(peer);
      if (!debt) return false;
      note(peer, debt);
      const now = clock.now();
      debt.readySince ??= now;
      const enoughMs = Math.min(LONGEST_MS, Math.max(LEAST_MS, PAUSES * debt.longestPauseMs));
      if (debt.times < LEAST_TIMES || now - debt.readySince < enoughMs) {
        debt.times++;
        return true;
      }
      debts.delete(peer);
      log.info("HAProxy was told that the host is ready", { peer, times: debt.times });
      keep();
      return false;
    },
  };
}

const newDebt = (): Debt => ({ askedAt: undefined, longestPauseMs: 0, readySince: undefined, times: 0 });
