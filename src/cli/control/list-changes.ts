// What a reload changes, on one line.

import type { ReloadChange } from "../../status/schema.ts";
import { listOf } from "../../text/list.ts";
import { shortName } from "../../text/width.ts";

/** In each list: a line of a thousand names is of no use. */
const MOST_NAMES = 20;

/** "3 checks kept; 2 changed: database, lag; 1 added: cache; 1 option changed: deadline" */
export function listChanges(change: ReloadChange): string {
  const { kept } = change;
  const list = (what: string, names: readonly string[]) => {
    const shown = listOf(names.map(shortName), MOST_NAMES);
    return names.length === 0 ? [] : [`${names.length} ${what}: ${shown}`];
  };
  const oneOrMore = (names: readonly string[], one: string, more: string) => (names.length === 1 ? one : more);
  const { kindChanged, options, endpointsChanged, endpointsAdded, endpointsRemoved } = change;
  const endpoints = (what: string, paths: readonly string[]) =>
    list(`${oneOrMore(paths, "endpoint", "endpoints")} ${what}`, paths);
  return [
    `${kept} ${kept === 1 ? "check" : "checks"} kept`,
    ...list("changed", change.changed),
    ...list(`changed ${oneOrMore(kindChanged, "its", "their")} kind`, kindChanged),
    ...list("added", change.added),
    ...list("removed", change.removed),
    ...list(`${oneOrMore(options, "option", "options")} changed`, options),
    ...endpoints("changed", endpointsChanged),
    ...endpoints("added", endpointsAdded),
    ...endpoints("removed", endpointsRemoved),
  ].join("; ");
}
