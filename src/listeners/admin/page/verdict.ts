// What is to be seen first: the state of the host, since when, why, and what its clients were answered.

import { describeFailure } from "../../../checks/describe.ts";
import type { Ranked } from "../../../status/rank.ts";
import type { CheckStatus, HostStatus } from "../../../status/schema.ts";
import { countUp, isUp, notesOf, reasonOf, summarize, verdictOf } from "../../../status/summary.ts";
import { listOf } from "../../../text/list.ts";
import { clip } from "../../../text/printable.ts";
import { summarizeClients } from "./clients.ts";
import { type Html, html, joined, NOTHING } from "./html.ts";
import { counting, type Times } from "./times.ts";

/** In each list. The table has them all. */
const MOST_NAMED = 6;
const LONGEST_NAME = 60;
const LONGEST_MESSAGE = 240;

const STYLES: Readonly<Record<HostStatus["state"], "good" | "bad" | "other">> = {
  healthy: "good",
  unhealthy: "bad",
  unknown: "other",
  drained: "other",
  maintenance: "other",
  stopping: "other",
};

export const styleOf = ({ state }: HostStatus) => STYLES[state];

export function renderVerdict(status: HostStatus, ranked: readonly Ranked<CheckStatus>[], times: Times): Html {
  const { state, host, forSeconds } = status;
  return html`<section class="verdict ${state}" aria-labelledby="verdict">
<div role="status" aria-atomic="true"><h1 id="verdict"><b>${state.toUpperCase()}</b> ${host}</h1><p class="unseen">${summarize(verdictOf(status), status)}</p></div>
<p class="since">for ${counting(forSeconds)}, since ${times.since(forSeconds)}</p>
<dl>${drainOf(status, times)}${failingOf(ranked, status)}${entry("Clients", summarizeClients(status, times))}${othersOf(ranked)}${endpointsOf(status)}</dl></section>
`;
}

const entry = (term: string, description: Html): Html => html`<dt>${term}</dt><dd>${description}</dd>`;

function drainOf({ state, drain, maintenance }: HostStatus, times: Times): Html {
  const why = (reason: string | undefined) => (reason === undefined ? NOTHING : html`: <bdi>${reason}</bdi>`);
  const stopping =
    state === "stopping" ? entry("Stopping", html`the daemon answers the last requests, then stops`) : NOTHING;
  const inMaintenance = maintenance
    ? entry(
        "Maintenance",
        html`until ${times.time(maintenance.until)} (${times.left(maintenance.until)}), since ${times.time(maintenance.since)}${why(maintenance.reason)}`,
      )
    : NOTHING;
  const drained = drain
    ? entry("Drained", html`since ${times.time(drain.since)}, until <code>undrain</code>${why(drain.reason)}`)
    : NOTHING;
  return html`${stopping}${inMaintenance}${drained}`;
}

function failingOf(ranked: readonly Ranked<CheckStatus>[], { checks }: HostStatus): Html {
  const failing = ranked.filter(({ rank }) => rank === "failing");
  return failing.length === 0 ? entry("Checks", html`${countUp(checks)}`) : entry("Failing", list(failing));
}

/** What does not make the host unhealthy, and is reported. */
function othersOf(ranked: readonly Ranked<CheckStatus>[]): Html {
  const groups = Map.groupBy(ranked, groupOf);
  const lists = LISTED.map((group) => {
    const checks = groups.get(group) ?? [];
    return checks.length === 0 ? NOTHING : entry(group, list(checks));
  });
  const missing = (groups.get("No result yet") ?? []).map(({ check }) => clip(check.name, LONGEST_NAME));
  const unknown = missing.length === 0 ? NOTHING : entry("No result yet", html`${listOf(missing, MOST_NAMED)}`);
  return html`${lists}${unknown}`;
}

const LISTED = ["Not critical", "Last run failed", "Warnings"] as const;

function groupOf({ check, rank }: Ranked<CheckStatus>): (typeof LISTED)[number] | "No result yet" | undefined {
  if (rank === "reported") return check.ranAt === undefined ? "No result yet" : "Not critical";
  if (rank === "warns") return check.reason === undefined ? "Warnings" : "Last run failed";
  return undefined;
}

function endpointsOf({ endpoints }: HostStatus): Html {
  if (endpoints.length === 0) return NOTHING;
  const shown = endpoints.map(({ path, healthy, failing }) => {
    const names = failing.map((name) => clip(name, LONGEST_NAME));
    const why = names.length === 0 ? "" : ` (${listOf(names, MOST_NAMED)})`;
    return html`<span class="endpoint"><b class="badge ${healthy ? "ok" : "bad"}">${healthy ? "healthy" : "unhealthy"}</b> <code>${path}</code>${why}</span>`;
  });
  return entry("Endpoints", joined(shown, " "));
}

function list(ranked: readonly Ranked<CheckStatus>[]): Html {
  const more = ranked.length - MOST_NAMED;
  const last = more > 0 ? html`<li>and ${more} more</li>` : NOTHING;
  return html`<ul>${ranked.slice(0, MOST_NAMED).map(item)}${last}</ul>`;
}

/** "database timeout: no answer within 5s, for 4 min" */
function item({ check, rank }: Ranked<CheckStatus>): Html {
  const { name, forSeconds, stale } = check;
  const style = rank === "failing" ? "bad" : "near";
  const why = messageOf(check);
  const message = why === undefined ? NOTHING : html`: <bdi>${clip(why, LONGEST_MESSAGE)}</bdi>`;
  const isLasting = !(isUp(check) || stale || forSeconds === undefined);
  const lasts = isLasting ? html` <small class="for">for ${counting(forSeconds)}</small>` : NOTHING;
  const streak =
    rank === "warns" && check.reason !== undefined ? html` <small>${notesOf(check).join(", ")}</small>` : NOTHING;
  return html`<li><b><bdi>${clip(name, LONGEST_NAME)}</bdi></b> <span class="${style}">${reasonOf(check)}</span>${message}${lasts}${streak}</li>`;
}

/** What belongs to the reason; with the end of what a program has printed. */
function messageOf({ stale, countsAs, reason, detail, output, warning }: CheckStatus): string | undefined {
  if (stale || countsAs !== undefined) return undefined;
  if (reason === undefined || detail === undefined) return warning;
  const described = describeFailure({ reason, message: detail, ...(output !== undefined && { output }) });
  return described.slice(`${reason}: `.length);
}
