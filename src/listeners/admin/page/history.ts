// The last changes of the host, and of its configuration.

import type { HostChange, HostStatus, ReloadReport } from "../../../status/schema.ts";
import { describeFailing } from "../../../status/summary.ts";
import { listOf } from "../../../text/list.ts";
import { clip } from "../../../text/printable.ts";
import { duration } from "./duration.ts";
import { type Html, html, NOTHING } from "./html.ts";
import type { Times } from "./times.ts";

/** The others are folded away. */
const MOST_SHOWN = 8;
const MOST_NAMED = 6;
const LONGEST_NAME = 60;

const STYLES: Readonly<Partial<Record<HostStatus["state"], string>>> = { healthy: "ok", unhealthy: "bad" };

export function renderChanges({ changes }: HostStatus, times: Times): Html {
  if (changes.length === 0) return NOTHING;
  const earlier = changes.slice(MOST_SHOWN);
  const folded =
    earlier.length === 0
      ? NOTHING
      : html`<details><summary>${earlier.length} earlier</summary>${table(earlier, times)}</details>`;
  return html`<section aria-labelledby="changes"><h2 id="changes">Changes of the host</h2>${table(changes.slice(0, MOST_SHOWN), times)}${folded}</section>
`;
}

const table = (changes: readonly HostChange[], times: Times): Html =>
  html`<table class="changes"><thead><tr><th scope="col">Since</th><th scope="col">State</th><th scope="col">Why</th><th scope="col">Before</th></tr></thead>
<tbody>${changes.map((change) => row(change, times))}</tbody></table>`;

function row({ at, from, to, forSeconds, failing = [], reason }: HostChange, times: Times): Html {
  const named = failing.map((one) => describeFailing({ ...one, name: clip(one.name, LONGEST_NAME) }));
  const why = [listOf(named, MOST_NAMED), reason ?? ""].filter((text) => text !== "").join("; ");
  return html`<tr data-key="${at} ${to}"><th scope="row">${times.time(at)}</th><td><b class="${STYLES[to] ?? "near"}">${to}</b></td><td><bdi>${why}</bdi></td><td><small>${from} for ${duration(forSeconds)}</small></td></tr>
`;
}

export function renderAbout(status: HostStatus, times: Times): Html {
  const { version, pid, startedAt, config, reloading, lastReload } = status;
  const file = config
    ? html`<li><code>${config.file}</code> <small>SHA-256 ${config.sha256.slice(0, 12)}</small> read ${times.time(config.readAt)} (${times.ago(config.readAt)})</li>`
    : NOTHING;
  const underWay = reloading
    ? html`<li>${reloading.dryRun ? "dry run of a reload" : "reload"} in progress since ${times.time(reloading.since)}</li>`
    : NOTHING;
  return html`<section aria-labelledby="daemon"><h2 id="daemon">Daemon</h2><ul class="about">
<li>health-checker ${version}, pid ${pid}, started ${times.time(startedAt)} (${times.ago(startedAt)})</li>
${file}${underWay}${lastReload ? reload(lastReload, times) : NOTHING}</ul></section>
`;
}

function reload(report: ReloadReport, times: Times): Html {
  const { at, taken, problems, warnings, trialWarnings } = report;
  const lines = [...problems, ...warnings, ...trialWarnings].map((line) => html`<li><bdi>${line}</bdi></li>`);
  const result = taken
    ? html`${describe(report)}`
    : html`<b class="badge near">refused</b> the running configuration is unchanged`;
  return html`<li>last reload ${times.time(at)} (${times.ago(at)}): ${result}${lines.length === 0 ? NOTHING : html`<ul>${lines}</ul>`}</li>`;
}

/** "3 checks kept, 1 changed, 1 added" */
function describe({ kept, changed, kindChanged, added, removed }: ReloadReport): string {
  const counts: readonly (readonly [number, string])[] = [
    [changed.length + kindChanged.length, "changed"],
    [added.length, "added"],
    [removed.length, "removed"],
  ];
  const rest = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return [`${kept} ${kept === 1 ? "check" : "checks"} kept`, ...rest].join(", ");
}
