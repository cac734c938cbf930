import { expect, test } from "bun:test";
import { bar, describeRuns, icon, strip } from "../../../../src/listeners/admin/page/drawings.ts";

test.each([
  ["", "no run yet"],
  ["+", "the last run passed"],
  ["---", "the last 3 runs failed"],
  ["+++", "the last 3 runs passed"],
  ["+-+", "2 of the last 3 runs passed"],
  ["+--", "1 of the last 3 runs passed, the last 2 failed"],
  ["++-", "2 of the last 3 runs passed, the last one failed"],
])("%j: %s", (runs, text) => {
  expect(describeRuns(runs)).toBe(text);
});

test("a strip shows the newest run on the right, failures high and passes low, each by its own path", () => {
  expect(strip("+--+").markup).toBe(
    '<svg class="strip" viewBox="0 0 240 16" preserveAspectRatio="none" role="img"><title>2 of the last 4 runs passed</title>' +
      '<path class="free" d="M0 13h224"/><path class="ok" d="M224 13h4M236 13h4"/><path class="bad" d="M228 8h8"/></svg>',
  );
  expect(strip("-".repeat(70)).markup).toContain('d="M0 8h240"');
});

test.each([
  [0.0001, "ok", 1],
  [2.5, "ok", 50],
  [4, "near", 80],
  [5, "bad", 100],
  [6, "bad", 100],
])("a run of %d of 5 seconds: %s, %d%", (seconds, style, width) => {
  expect(bar(seconds, 5).markup).toContain(`<path class="${style}" d="M0 2h${width}"/>`);
});

test("the icons differ in colour and in shape", () => {
  const parts = (["good", "bad", "other", "gone"] as const).map((kind) => decodeURIComponent(icon(kind)));
  expect(new Set(parts.map((svg) => /fill="(#\w+)"/.exec(svg)?.[1])).size).toBe(4);
  expect(new Set(parts.map((svg) => / d="([^"]+)"/.exec(svg)?.[1])).size).toBe(4);
});
