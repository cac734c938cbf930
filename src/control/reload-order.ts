// What a reload may be asked for over the control socket.

import { PLAIN_RELOAD } from "../reload.ts";
import type { ReloadOrder } from "../status.ts";

/** From JSON: `{"force": true}`, `{"dryRun": true}`, both or none; no body is a plain reload. Or what is wrong with it. */
export function readReloadOrder(json: string): ReloadOrder | { readonly flaw: string } {
  if (json.trim() === "") return PLAIN_RELOAD;
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    return { flaw: "expected JSON" };
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return { flaw: "expected an object" };
  const { force = false, dryRun = false, ...others } = given as Readonly<Record<string, unknown>>;
  if (Object.keys(others).length > 0 || typeof force !== "boolean" || typeof dryRun !== "boolean") {
    return { flaw: "expected force and dryRun alone, true or false" };
  }
  return { force, dryRun };
}
