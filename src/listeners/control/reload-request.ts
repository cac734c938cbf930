// What a reload may be asked for over the control socket.

import { PLAIN_RELOAD, type ReloadOrder } from "../../status/status.ts";
import { readObject } from "./json-object.ts";

/** From JSON: `{"force": true}`, `{"dryRun": true}`, both or none; no body is a plain reload. Or what is wrong with it. */
export function readReloadOrder(json: string): ReloadOrder | { readonly flaw: string } {
  if (json.trim() === "") return PLAIN_RELOAD;
  const read = readObject(json);
  if ("flaw" in read) return read;
  const { force = false, dryRun = false, ...others } = read.object;
  if (Object.keys(others).length > 0 || typeof force !== "boolean" || typeof dryRun !== "boolean") {
    return { flaw: "expected force and dryRun alone, true or false" };
  }
  return { force, dryRun };
}
