// What can be done with a daemon over its control socket.

import type { Withdrawals } from "../../drain/state.ts";
import type { HostStatus, ReloadOrder, ReloadReport } from "../../status/status.ts";

export interface Controls {
  /** Asks as a health request would, for 25 s at most, and then tells all that is known. */
  readonly status: () => Promise<HostStatus>;
  /** Reads the configuration again and tries it out; never rejects for anything that it holds. */
  readonly reload: (order: ReloadOrder) => Promise<ReloadReport>;
  readonly withdrawals: Pick<Withdrawals, "current" | "drain" | "maintain" | "undrain">;
}
