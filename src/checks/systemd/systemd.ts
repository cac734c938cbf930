// systemd: passes when the unit is active, or reloads while it serves.

import type { Field } from "../../fields/field.ts";
import { required } from "../../fields/keys.ts";
import { failed, isFailure, type Outcome } from "../../outcome.ts";
import { defineKind } from "../kind.ts";
import type { UnitState } from "./systemctl.ts";

const TYPES = [
  "service",
  "socket",
  "target",
  "timer",
  "mount",
  "automount",
  "path",
  "swap",
  "slice",
  "scope",
  "device",
] as const;

const SUFFIX = new RegExp(`\\.(${TYPES.join("|")})$`);

/** By systemd.unit(5): at most 255 of these characters. A dash at the start would look like an option. */
const NAME = /^[A-Za-z0-9:_][A-Za-z0-9:_.\\@-]*$/;
const MAX_NAME_LENGTH = 255;

export const unit: Field<string> = {
  expected: "the name of a unit such as nginx.service",
  json: {
    title: "unit name",
    type: "string",
    minLength: 1,
    examples: ["nginx.service", "postgresql@15-main", "backup.timer"],
  },
  read(given) {
    if (typeof given === "number" || typeof given === "boolean") return { hint: "put it in quotes" };
    if (typeof given !== "string") return {};
    const name = SUFFIX.test(given) ? given : `${given}.service`;
    if (!NAME.test(name))
      return { hint: "it can have letters, digits and : _ . \\ @ -, and must not begin with a dash" };
    if (name.length > MAX_NAME_LENGTH) return { expected: `at most ${MAX_NAME_LENGTH} characters` };
    if (name.replace(SUFFIX, "").endsWith("@"))
      return { hint: "a template is not a unit; write the instance after the @" };
    return { value: name };
  },
};

/** A unit serves while it reloads its configuration; later versions of systemd have two states for that. */
const UP_STATES = ["active", "reloading", "refreshing"];

export const systemd = defineKind({
  name: "systemd",
  value: "UNIT",
  rule: "the unit is active",
  example: "systemd: nginx.service",
  aliases: ["unit", "service"],
  keys: { systemd: required(unit, "the name of the unit; a name without a suffix means .service") },
  target: ({ systemd }) => systemd,
  program: () => ({ argv: ["systemctl"] }),
  needs: ["system bus"],
  // At most four at a time, each for as many units as there are.
  resources: { sharedTasks: 16 },
  async probe({ systemd: name }, { env }) {
    const { unitState } = await import("./systemctl.ts");
    return async ({ signal }) => {
      const state = await unitState(name, env, signal);
      return isFailure(state) ? state : judge(name, state);
    };
  },
});

function judge(name: string, { load, active, sub, result }: UnitState): Outcome {
  // The file of a running unit may be gone.
  if (UP_STATES.includes(active)) return { ok: true, detail: `${active} (${sub})` };
  if (load === "not-found") return failed("missing", `${name} does not exist`);
  if (load === "masked") return failed("not-ready", `${name} is masked`);
  const cause = active === "failed" && result !== "" && result !== "success" ? result : sub;
  const loadError = load === "loaded" || load === "" ? "" : `; its file could not be loaded (${load})`;
  return failed("not-ready", `${name} is ${active} (${cause})${loadError}`);
}
