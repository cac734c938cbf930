// What fields and kinds of check are described with.

import type { z } from "zod";

/**
 * zod itself, handed to whoever describes keys with it: it costs 15 ms at start,
 * which a daemon without a config file does not pay.
 */
export type Zod = typeof z;

/** What several keys together are wrong about: where, below the check; what was expected; what was got. No text may hold a secret. */
export interface Conflict {
  readonly path: readonly string[];
  readonly expected: string;
  readonly got: string;
}
