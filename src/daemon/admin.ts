// Shows what is known of the host: on the admin listener, and in the metrics file. Loaded only if one of them is
// configured. The page and the metrics are loaded when they are first needed.

import type { Options } from "../config/load.ts";
import { startAdmin } from "../listeners/admin/server.ts";
import type { Log } from "../log/log.ts";
import type { HostStateTracker } from "../status/host-state.ts";
import type { Gauges } from "../status/metrics/metric.ts";
import type { Past } from "../status/recorder.ts";
import type { HostStatus } from "../status/schema.ts";
import type { EventLog } from "./event-log.ts";
import type { Plan } from "./plan.ts";

export interface AdminParts {
  /** Those of the start. */
  readonly options: Pick<Options, "adminListener" | "metricsFile">;
  readonly active: { readonly plan: Pick<Plan, "options"> };
  readonly past: Past;
  /** By what is known; starts nothing. */
  readonly status: () => HostStatus;
  readonly gauges: () => Gauges;
  readonly hostState: Pick<HostStateTracker, "listen">;
  readonly log: Log;
  readonly events: EventLog;
}

/** Throws ListenError. */
export async function openAdmin(opened: AsyncDisposableStack, parts: AdminParts): Promise<void> {
  await openListener(opened, parts);
  await openMetricsFile(opened, parts);
}

async function openListener(opened: AsyncDisposableStack, parts: AdminParts): Promise<void> {
  const { options, active, past, status, gauges, log, events } = parts;
  if (!options.adminListener) return;
  const admin = await startAdmin({
    address: options.adminListener,
    token: () => active.plan.options.adminToken,
    shown: {
      status,
      historyOf: (name) => past.checkHistory(name),
      async metricsOf(status) {
        const { renderMetrics } = await import("../status/metrics/render.ts");
        return renderMetrics(status, past.counts, gauges());
      },
      async pageOf(status) {
        const { renderPage } = await import("../listeners/admin/page/render.ts");
        return renderPage(status);
      },
      failureStatus: () => active.plan.options.failureStatus,
    },
    log,
    onCrowded: (closed, most) => events.onCrowded("admin", closed, most),
  });
  opened.defer(() => admin.close());
}

async function openMetricsFile(opened: AsyncDisposableStack, parts: AdminParts): Promise<void> {
  const { options, past, status, gauges, hostState, log } = parts;
  if (options.metricsFile === undefined) return;
  const { MetricsFile } = await import("./metrics-file.ts");
  const file = new MetricsFile({
    path: options.metricsFile,
    async render() {
      const { renderMetricsFile } = await import("../status/metrics/render.ts");
      return renderMetricsFile(status(), past.counts, gauges());
    },
    log,
  });
  hostState.listen(file.onHostState);
  opened.defer(() => file.close());
}
