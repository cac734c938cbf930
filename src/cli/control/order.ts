// What a daemon can be told on the command line. Nothing of it is a command to run.

import type { MaintenanceOrder } from "../../control/maintenance.ts";

export type Order =
  | { readonly verb: "status"; readonly json: boolean }
  | { readonly verb: "reload" | "drain" | "undrain" }
  | ({ readonly verb: "maint" } & MaintenanceOrder);

export type Verb = Order["verb"];
