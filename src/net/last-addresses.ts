// What each name came to last, for when the resolver does not tell: for up to an hour,
// by a clock that counts while the host is suspended.

import type { Clock } from "../system/clock.ts";
import { roundDuration } from "../text/duration.ts";

/** An address that was good this long ago may be another host's by now. */
const REMEMBER_MS = 3_600_000;

export interface Recalled {
  readonly addresses: readonly string[];
  /** Such as "used its address of 12m ago". */
  readonly note: string;
}

export interface LastAddresses {
  keep(host: string, addresses: readonly string[]): void;
  /** Undefined where nothing is known, or nothing that may still be used. */
  recall(host: string): Recalled | undefined;
  forget(host: string): void;
}

/** Holds only what it was told: names of the configuration. */
export function createLastAddresses(clock: Pick<Clock, "now">): LastAddresses {
  const kept = new Map<string, { readonly addresses: readonly string[]; readonly at: number }>();
  return {
    keep(host, addresses) {
      kept.set(host, { addresses, at: clock.now() });
    },
    recall(host) {
      const known = kept.get(host);
      if (known === undefined) return undefined;
      const ageMs = clock.now() - known.at;
      if (ageMs > REMEMBER_MS) return undefined;
      return { addresses: known.addresses, note: `used its address of ${roundDuration(ageMs)} ago` };
    },
    forget(host) {
      kept.delete(host);
    },
  };
}
