// The change of a plan that is the same as the previous one.

import type { PlanChange } from "../../src/daemon/plan.ts";

export const NO_CHANGE: PlanChange = {
  kept: 0,
  changed: new Map(),
  sameProbe: new Set(),
  kindChanged: [],
  added: [],
  removed: [],
  options: [],
  endpoints: { changed: [], added: [], removed: [] },
};
