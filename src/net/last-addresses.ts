// The last addresses of each name, used for up to an hour if the resolver does not answer. The clock also counts while the
// host is suspended.

import type { Clock } from "../system/clock.ts";
import { roundDuration } from "../text/duration.ts";

/** An older address may belong to another host by now. */
const REMEMBER_MS = 3_600_000;

export interface Recalled {
  readonly addresses: readonly string[];
  /** Such as "used its address of 12m ago". */
  readonly note: string;
}

export interface LastAddresses {
  keep(host: string, addresses: readonly string[]): void;
  /** Undefined if there is no address, or only one that is too old. */
  recall(host: string): Recalled | undefined;
  forget(host: string): void;
}

/** Holds only names that were kept, so it is bounded by the configuration. */
export function createLastAddresses(clock: Pick<Clock, "now">): LastAddresses {
  const known = new Map<string, { readonly addresses: readonly string[]; readonly at: number }>();
  return {
    keep(host, addresses) {
      known.set(host, { addresses, at: clock.now() });
    },
    recall(host) {
      const last = known.get(host);
      if (last === undefined) return undefined;
      const ageMs = clock.now() - last.at;
      if (ageMs > REMEMBER_MS) return undefined;
      return { addresses: last.addresses, note: `used the address from ${roundDuration(ageMs)} ago` };
    },
    forget(host) {
      known.delete(host);
    },
  };
}
