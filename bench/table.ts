// Prints one table: what was measured, the goal, and whether it was reached.

import type { Measured } from "./load.ts";
import { MOST_START_MS, moreThan } from "./start.ts";
import { median } from "./statistics.ts";

export type Figures = readonly Measured[];

export interface Row {
  readonly id: string;
  readonly name: string;
  readonly ours: boolean;
  readonly connections: number;
  /** One a round, in order. */
  readonly rounds: Figures;
  readonly peakMiB: number;
}

export interface StartFigures {
  readonly daemonMs: readonly number[];
  readonly floorMs: readonly number[];
  readonly daemonMiB: readonly number[];
  readonly floorMiB: readonly number[];
}

interface Goal {
  /** The row whose rate of the same round counts as 1. */
  readonly peer: string;
  readonly least: number;
  /** The highest p99: that of the peer, or milliseconds. */
  readonly p99?: "peer" | number;
}

const GOALS: Readonly<Record<string, Goal>> = {
  "one-port": { peer: "blackbox", least: 2.7, p99: "peer" },
  "five-ports-unshared": { peer: "blackbox", least: 1.8, p99: 40 },
  "five-ports": { peer: "blackbox", least: 4 },
  refused: { peer: "blackbox", least: 9 },
  singleflight: { peer: "floor", least: 0.45 },
  background: { peer: "floor", least: 0.5 },
  script: { peer: "spawn-loop", least: 0.9 },
};

const MOST_IDLE_MIB = 12;
const MOST_PEAK_MIB = 60;

const HEADINGS = ["", "conns", "req/s", "p50 ms", "p99 ms", "CPU ms/1000", "peak MiB", "ratio", "goal", "met"] as const;

type Line = readonly (string | number)[];

export function printTable(rows: readonly Row[], starts: StartFigures | undefined): void {
  const lines: Line[] = rows.map((row) => loadLine(row, rows));
  const ours = rows.filter((row) => row.ours);
  if (ours.length > 0) {
    const peakMiB = Math.max(...ours.map((row) => row.peakMiB));
    lines.push([
      "highest peak of the daemon",
      ...blank(5),
      digits(peakMiB),
      "",
      `< ${MOST_PEAK_MIB} MiB`,
      yes(peakMiB < MOST_PEAK_MIB),
    ]);
  }
  if (starts) lines.push(...startLines(starts));
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...lines.map((line) => String(line[column] ?? "").length)),
  );
  for (const line of [HEADINGS, widths.map((width) => "-".repeat(width)), ...lines]) {
    const cells = line.map((cell, column) =>
      column === 0 ? String(cell).padEnd(widths[column] ?? 0) : String(cell).padStart(widths[column] ?? 0),
    );
    console.log(`| ${cells.join(" | ")} |`);
  }
}

function loadLine(row: Row, rows: readonly Row[]): Line {
  const of = (figure: keyof Measured) => median(row.rounds.map((measured) => measured[figure]));
  const figures = [
    row.name,
    row.connections,
    Math.round(of("rate")),
    digits(of("p50Ms")),
    digits(of("p99Ms")),
    digits(of("cpuMs")),
    Number.isNaN(row.peakMiB) ? "" : digits(row.peakMiB),
  ];
  const goal = GOALS[row.id];
  const peer = goal && rows.find(({ id }) => id === goal.peer);
  if (!goal || !peer) return [...figures, "", "", ""];
  // Round by round, since a slow machine slows both.
  const ratio = median(row.rounds.map(({ rate }, round) => rate / (peer.rounds[round]?.rate ?? Number.NaN)));
  const limitMs = goal.p99 === "peer" ? median(peer.rounds.map(({ p99Ms }) => p99Ms)) : goal.p99;
  const p99 = limitMs === undefined ? "" : `, p99 ≤ ${digits(limitMs)} ms`;
  const met = ratio >= goal.least && of("p99Ms") <= (limitMs ?? Number.POSITIVE_INFINITY);
  return [...figures, `${ratio.toFixed(2)} × ${goal.peer}`, `≥ ${goal.least} ×${p99}`, yes(met)];
}

function startLines({ daemonMs, floorMs, daemonMiB, floorMiB }: StartFigures): readonly Line[] {
  const startMs = moreThan(daemonMs, floorMs);
  const idleMiB = median(daemonMiB) - median(floorMiB);
  const line = (name: string, unit: string, ours: number, floor: number, more: number, most: number): Line => [
    `${name}: ${digits(ours)}, floor ${digits(floor)} ${unit}`,
    ...blank(6),
    `floor + ${digits(more)} ${unit}`,
    `≤ + ${most} ${unit}`,
    yes(more <= most),
  ];
  return [
    line("exec to first 200", "ms", median(daemonMs), median(floorMs), startMs, MOST_START_MS),
    line("idle memory", "MiB", median(daemonMiB), median(floorMiB), idleMiB, MOST_IDLE_MIB),
  ];
}

const blank = (count: number): readonly string[] => Array.from({ length: count }, () => "");
const yes = (met: boolean): string => (met ? "yes" : "NO");

/** Three significant digits, without an exponent. */
const digits = (number: number): string => number.toFixed(number >= 100 ? 0 : number >= 10 ? 1 : number >= 1 ? 2 : 3);
