// What a daemon can be told on the command line. Nothing of it is a command to run.

import type { MaintenanceOrder } from "../../listeners/control/maintenance.ts";
import type { ReloadOrder } from "../../status/status.ts";

export type Order =
  | { readonly verb: "status"; readonly json: boolean }
  | ({ readonly verb: "reload" } & ReloadOrder)
  | { readonly verb: "drain" | "undrain" }
  | ({ readonly verb: "maint" } & MaintenanceOrder);

export type Verb = Order["verb"];
