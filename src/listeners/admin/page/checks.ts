// The table of checks: those that make the host unhealthy first.

import { RUNS_REMEMBERED } from "../../../status/bounds.ts";
import type { Rank, Ranked } from "../../../status/rank.ts";
import type { CheckStatus, HostStatus } from "../../../status/schema.ts";
import { countUp, notesOf } from "../../../status/summary.ts";
import { clip } from "../../../text/printable.ts";
import { bar, describeRuns, strip } from "./drawings.ts";
import { breakable, Html, html, joined, NOTHING, outputOf } from "./html.ts";
import { counting, type Times, took } from "./times.ts";

/** A name may be a whole script. */
const LONGEST_NAME = 120;
const LONGEST_TEXT = 400;
/** So many changes in an hour are pointed out. */
const FLAPPING = 4;
/** The longest path of a link, in characters. */
const LONGEST_LINK = 2000;
/** If more checks fail, their outputs would push the rest off the screen. */
const MOST_OPEN_OUTPUTS = 3;

export function renderChecks({ checks }: HostStatus, ranked: readonly Ranked<CheckStatus>[], times: Times): Html {
  const outputs = ranked.filter(({ check, rank }) => rank === "failing" && check.output !== undefined);
  const open = outputs.length <= MOST_OPEN_OUTPUTS;
  return html`<section aria-labelledby="checks"><h2 id="checks">Checks <small>${countUp(checks)}</small></h2>
<p class="filter" data-keep hidden><label>Filter <input type="search" id="words" autocomplete="off" spellcheck="false" placeholder="name, kind, target, reason"></label>
<label><input type="checkbox" id="only"> only failing</label> <span id="count" role="status"></span></p>
<table class="checks"><thead><tr><th scope="col">Check</th><th scope="col">State</th><th scope="col">Last result</th><th scope="col">Took</th><th scope="col">Last ${RUNS_REMEMBERED} runs</th></tr></thead>
<tbody>${ranked.map(({ check, rank }) => row(check, rank, open, times))}</tbody></table></section>
`;
}

function row(check: CheckStatus, rank: Rank, open: boolean, times: Times): Html {
  const isFailing = rank !== "up" && rank !== "warns";
  return html`<tr class="${rank}" data-key="${check.name}"${isFailing ? new Html(" data-failing") : NOTHING}>
<th scope="row">${nameOf(check)}</th><td>${stateOf(check, rank)}</td>
<td>${resultOf(check, open && rank === "failing")}</td>
<td>${timeOf(check, times)}</td><td>${runsOf(check, times)}</td></tr>
`;
}

function nameOf(check: CheckStatus): Html {
  const { name } = check;
  const shown = html`<bdi>${clip(name, LONGEST_NAME)}</bdi>`;
  const link = encodeURIComponent(name.toWellFormed());
  // A browser would take these for folders.
  const isLinkable = link.length <= LONGEST_LINK && !/^\.{0,2}$/.test(link);
  return html`${isLinkable ? html`<a href="checks/${link}">${shown}</a>` : shown} <small><bdi>${breakable(clip(describeTarget(check), LONGEST_NAME))}</bdi></small>`;
}

/** Kind and target, without what the name or the target says already. */
function describeTarget({ name, kind, target }: CheckStatus): string {
  if (name === target || name === `${kind} ${target}`) return name === target ? kind : "";
  return target.startsWith(kind) ? target : `${kind} ${target}`;
}

/** Of the badge; that of the state "up" does not hide that the check counts as failed. */
const STYLES: Readonly<Record<Rank, string>> = {
  failing: "bad",
  reported: "near",
  endpoint: "",
  warns: "ok",
  up: "ok",
};

function stateOf(check: CheckStatus, rank: Rank): Html {
  const { status, stale, forSeconds, countsAs } = check;
  const notes = [...(countsAs === undefined ? [] : [`counts as failed: ${countsAs}`]), ...notesOf(check)];
  const lasts =
    forSeconds === undefined || stale ? NOTHING : html`<span class="for">for ${counting(forSeconds)}</span>`;
  return html`<b class="badge ${STYLES[rank]}">${stale ? "stale" : status}</b> ${lasts} <small>${notes.join(", ")}</small>`;
}

function resultOf(check: CheckStatus, open: boolean): Html {
  const { reason, detail, warning, output, ranAt } = check;
  const text = (given: string) => html`<bdi>${clip(given, LONGEST_TEXT)}</bdi>`;
  if (ranAt === undefined) return html`<small>no result yet</small>`;
  const said = detail === undefined ? NOTHING : text(detail);
  const first =
    reason === undefined ? said : html`<b class="reason">${reason}</b>${detail === undefined ? "" : ": "}${said}`;
  const warns = warning === undefined ? NOTHING : html` <span class="near">warning: ${text(warning)}</span>`;
  return html`${first}${warns}${output === undefined ? NOTHING : printed(output, open)}`;
}

function printed(output: string, open: boolean): Html {
  const lines = output.trimEnd().split("\n").length;
  return html`<details${open ? new Html(" open") : NOTHING}><summary>output, ${lines} ${lines === 1 ? "line" : "lines"}</summary><pre><bdi>${outputOf(output.trimEnd())}</bdi></pre></details>`;
}

function timeOf(check: CheckStatus, times: Times): Html {
  const { seconds, timeoutSeconds, ranAt, runningSeconds, intervalSeconds } = check;
  const parts = [
    ...(ranAt === undefined ? [] : [times.ago(ranAt)]),
    ...(intervalSeconds === undefined ? [] : [html`every ${took(intervalSeconds)}`]),
  ];
  const limit = `timeout ${took(timeoutSeconds)}`;
  const last =
    seconds === undefined
      ? html`<small>${limit}</small>`
      : html`<span class="took">${bar(seconds, timeoutSeconds)}${took(seconds)} <small>(${limit})</small></span>`;
  const running =
    runningSeconds === undefined ? NOTHING : html` <small>running for ${counting(runningSeconds)}</small>`;
  return html`${last} <small>${joined(parts, ", ")}</small>${running}`;
}

function runsOf({ lastRuns, changesLastHour, lastFailure, reason }: CheckStatus, times: Times): Html {
  if (lastRuns === "") return html`<small>${describeRuns("")}</small>`;
  const isFlapping = changesLastHour >= FLAPPING ? new Html(' class="near"') : NOTHING;
  const changes = html`<span${isFlapping}>went up or down ${changesLastHour} times in the last hour</span>`;
  const parts = [
    // A single change is where the state began.
    ...(changesLastHour < 2 ? [] : [changes]),
    // That of a check whose last run failed is its last result.
    ...(lastFailure && reason === undefined ? [failureOf(lastFailure, times)] : []),
  ];
  return html`${strip(lastRuns)} <small>${joined(parts, ", ")}</small>`;
}

const failureOf = ({ at, reason, detail }: NonNullable<CheckStatus["lastFailure"]>, times: Times): Html =>
  html`failed ${times.ago(at)}: <span title="${clip(detail, LONGEST_TEXT)}">${reason}</span>`;
