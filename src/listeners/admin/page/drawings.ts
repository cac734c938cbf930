// The small drawings on the page. Attributes alone place their parts, since the page allows no inline styles.

import { RUNS_REMEMBERED } from "../../../status/bounds.ts";
import { Html } from "./html.ts";

/** The width of a run in the strip, and the length of the mark in it. */
const STEP = 4;

/** Most strips are alike, or the same as in the page before. */
const drawn = new Map<string, Html>();
const MOST_DRAWN = 256;

/** The last runs, newest on the right: a low mark for each that passed, a high one for each that failed, a pale one for none. */
export function strip(lastRuns: string): Html {
  const known = drawn.get(lastRuns);
  if (known) return known;
  if (drawn.size >= MOST_DRAWN) drawn.clear();
  const svg = draw(lastRuns);
  drawn.set(lastRuns, svg);
  return svg;
}

function draw(lastRuns: string): Html {
  const runs = lastRuns.slice(-RUNS_REMEMBERED);
  const free = (RUNS_REMEMBERED - runs.length) * STEP;
  const passed: string[] = [];
  const failed: string[] = [];
  for (const { 0: same, index } of runs.matchAll(/\++|-+/g)) {
    const start = free + index * STEP;
    if (same.startsWith("+")) passed.push(`M${start} 13h${same.length * STEP}`);
    else failed.push(`M${start} 8h${same.length * STEP}`);
  }
  const path = (style: string, lines: readonly string[]) =>
    lines.length === 0 ? "" : `<path class="${style}" d="${lines.join("")}"/>`;
  const width = RUNS_REMEMBERED * STEP;
  return new Html(
    `<svg class="strip" viewBox="0 0 ${width} 16" preserveAspectRatio="none" role="img">` +
      `<title>${describeRuns(runs)}</title>${path("free", free === 0 ? [] : [`M0 13h${free}`])}${path("ok", passed)}${path("bad", failed)}</svg>`,
  );
}

/** "57 of the last 60 runs passed, the last 2 failed" */
export function describeRuns(runs: string): string {
  if (runs === "") return "no run yet";
  let passed = 0;
  for (const run of runs) if (run === "+") passed++;
  const all = runs.length === 1 ? "run" : `${runs.length} runs`;
  if (passed === runs.length) return `the last ${all} passed`;
  if (passed === 0) return `the last ${all} failed`;
  const failedLast = runs.length - 1 - runs.lastIndexOf("+");
  const last = failedLast === 0 ? "" : `, the last ${failedLast === 1 ? "one" : failedLast} failed`;
  return `${passed} of the last ${all} passed${last}`;
}

/** How much of its timeout a run took. */
export function bar(seconds: number, timeoutSeconds: number): Html {
  const share = Math.min(100, Math.ceil((100 * seconds) / timeoutSeconds));
  const style = share >= 100 ? "bad" : share >= 80 ? "near" : "ok";
  return new Html(
    `<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><path d="M0 2h100"/><path class="${style}" d="M0 2h${share}"/></svg>`,
  );
}

const COLOURS = { good: "#1a7f37", bad: "#c62828", other: "#9a6700", gone: "#6e7781" };

/** For the tab: a tick, a cross, a bar and a question mark, each in its colour. */
const SHAPES: Readonly<Record<keyof typeof COLOURS, string>> = {
  good: "M4 8.5l3 3 5-6.5",
  bad: "M4.5 4.5l7 7m0-7l-7 7",
  other: "M4 8h8",
  gone: "M5.5 6a2.5 2.5 0 1 1 2.5 3v1m0 1.5v1.5",
};

export function icon(state: keyof typeof COLOURS): string {
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="${COLOURS[state]}"/>` +
    `<path d="${SHAPES[state]}" fill="none" stroke="#fff" stroke-width="2"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
