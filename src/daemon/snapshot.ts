// The status of the host by what is known now. It starts nothing and waits for nothing.

import type { Monitor } from "../monitor/monitor.ts";
import type { HostStateTracker } from "../status/host-state.ts";
import type { Past } from "../status/recorder.ts";
import type { HostStatus } from "../status/schema.ts";
import { hostStatus } from "../status/status.ts";
import { clock } from "../system/clock.ts";
import { version } from "../text/version.ts";
import type { Plan } from "./plan.ts";
import type { Reloader } from "./reload.ts";

export interface SnapshotParts {
  readonly monitor: Pick<Monitor, "states" | "standing">;
  readonly hostState: HostStateTracker;
  readonly reloader: Pick<Reloader, "underWay" | "last">;
  readonly active: { readonly plan: Pick<Plan, "options"> };
}

export function snapshot(parts: SnapshotParts, past: Past, startedAt: number): HostStatus {
  const { monitor, hostState, reloader, active } = parts;
  const { endpoints, config } = active.plan.options;
  return hostStatus({
    version,
    startedAt,
    ...hostState.review(),
    endpoints: endpoints.map(({ path }, index) => ({ path, verdict: monitor.standing(index + 1) })),
    reports: monitor.states(),
    config,
    reloading: reloader.underWay,
    lastReload: reloader.last,
    past,
    now: clock.now(),
  });
}
