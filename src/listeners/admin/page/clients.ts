// The clients of the health listener, and what each was answered last.

import type { ClientStatus, HostStatus } from "../../../status/schema.ts";
import { listOf } from "../../../text/list.ts";
import { clip } from "../../../text/printable.ts";
import { breakable, type Html, html, joined, NOTHING } from "./html.ts";
import { type Times, took } from "./times.ts";

/** In the summary. */
const MOST_LINES = 4;
const MOST_ADDRESSES = 4;
const LONGEST_AGENT = 160;

const hasFailed = ({ lastCode }: ClientStatus): boolean => lastCode === undefined || lastCode >= 400;

/** "504 unhealthy 10.0.1.12, 10.0.2.7 ELB-HealthChecker/2.0, 3 s ago", a line for each answer and User-Agent; bad answers first. */
export function summarizeClients({ clients }: HostStatus, times: Times): Html {
  if (clients.length === 0) return html`no request since the daemon started`;
  const groups = [...Map.groupBy(sorted(clients), ({ lastCode, userAgent }) => `${lastCode} ${userAgent}`).values()];
  const more = groups.slice(MOST_LINES).flat().length;
  const last = more > 0 ? html`<li>and ${more} more</li>` : NOTHING;
  return html`<ul>${groups.slice(0, MOST_LINES).map((group) => line(group, times))}${last}</ul>`;
}

function line(group: readonly ClientStatus[], times: Times): Html {
  const newest = group.reduce((one, other) => (one.lastAt < other.lastAt ? other : one));
  const addresses = listOf([...new Set(group.map(({ address }) => address))], MOST_ADDRESSES);
  return html`<li>${badge(newest)} <bdi>${addresses}</bdi> <small>${agentOf(newest)}, ${times.ago(newest.lastAt)}</small></li>`;
}

/** Those with a bad answer first, then by address: a stable order is easier to watch. */
const sorted = (clients: readonly ClientStatus[]): readonly ClientStatus[] =>
  clients.toSorted(
    (one, other) => Number(hasFailed(other)) - Number(hasFailed(one)) || (one.address < other.address ? -1 : 1),
  );

const badge = ({ lastCode }: ClientStatus): Html =>
  lastCode === undefined
    ? html`<b class="badge bad">gave up before the answer</b>`
    : html`<b class="badge ${lastCode >= 400 ? "bad" : "ok"}">${lastCode} ${lastCode >= 400 ? "unhealthy" : "healthy"}</b>`;

const agentOf = ({ userAgent }: ClientStatus): Html =>
  html`<bdi class="agent">${userAgent === "" ? "no User-Agent" : breakable(clip(userAgent, LONGEST_AGENT))}</bdi>`;

export function renderClients({ clients }: HostStatus, times: Times): Html {
  if (clients.length === 0) return NOTHING;
  return html`<section aria-labelledby="clients"><h2 id="clients">Clients <small>of the health listener</small></h2>
<table class="clients"><thead><tr><th scope="col">Client</th><th scope="col">Last answer</th><th scope="col">Last request</th><th scope="col">All answers</th></tr></thead>
<tbody>${sorted(clients).map((client) => row(client, times))}</tbody></table></section>
`;
}

function row(client: ClientStatus, times: Times): Html {
  const { address, userAgent, lastSeconds, lastAt, codes, disconnected, intervalSeconds } = client;
  const interval = intervalSeconds === undefined ? NOTHING : html`<small>every ${took(intervalSeconds)}</small>`;
  const answers = Object.entries(codes).map(([code, count]) => html`<span>${count} × ${code}</span>`);
  const gone = disconnected === 0 ? [] : [html`<span class="bad">${disconnected} × gave up</span>`];
  const preposition = client.lastCode === undefined ? "after" : "in";
  const seconds = lastSeconds === undefined ? NOTHING : html` <small>${preposition} ${took(lastSeconds)}</small>`;
  return html`<tr data-key="${address} ${userAgent}"><th scope="row"><bdi>${address}</bdi> <small>${agentOf(client)}</small></th>
<td>${badge(client)}${seconds}</td><td>${times.ago(lastAt)} ${interval}</td><td>${joined([...answers, ...gone], ", ")}</td></tr>
`;
}
