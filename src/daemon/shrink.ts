// Gives back the memory of what only a start or a reload needs: garbage, and compiled code that runs once
// (docs/performance.md).

import { clock } from "../system/clock.ts";

/** By then the first rounds have run, and what is loaded after the start is there (docs/adr/0014). */
const SETTLED_MS = 2000;

let cancel = () => {};

/** Once things have settled, also where this is called again in the meantime. */
export function shrinkSoon(): void {
  cancel();
  // A garbage collection alone (Bun.gc) keeps the code, which is most of it. The runtime does it when no code runs.
  cancel = clock.after(SETTLED_MS, () => Bun.shrink());
}
