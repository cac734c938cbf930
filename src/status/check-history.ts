// All that is known of one check, picked from the status of the host.

import type { Past } from "./recorder.ts";
import type { CheckHistory, HostStatus } from "./schema.ts";

/** If no check has this name: the names of all. */
export function checkHistory(
  name: string,
  { checks }: HostStatus,
  past: Past,
): CheckHistory | { readonly names: readonly string[] } {
  const status = checks.find((check) => check.name === name);
  return status ? { ...status, ...past.checkHistory(name) } : { names: checks.map(({ name }) => name) };
}
