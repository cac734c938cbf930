// What a metric is: a name with its help, and how its series are read from what is known.

import type { Counts } from "../counts.ts";
import type { CheckStatus, HostStatus } from "../schema.ts";

export const PREFIX = "health_checker_";

/** What the monitor and others have counted by now. Counters count since the daemon started. */
export interface Gauges {
  readonly roundsRunning: number;
  /** Counter: requests that joined a round that had begun for another request. */
  readonly roundsShared: number;
  readonly scriptsRunning: number;
  /** Counter: processes that left the group of their script and held its output. */
  readonly orphans: number;
  /** Counter. */
  readonly logLinesDropped: number;
  /** Of the health listener. */
  readonly openConnections: number;
}

/** All that metrics are read from. */
export interface Source {
  readonly status: HostStatus;
  readonly checks: readonly KnownCheck[];
  readonly counts: Counts;
  readonly gauges: Gauges;
  readonly usage: ProcessUsage;
}

export interface KnownCheck {
  readonly status: CheckStatus;
  /** One object for all series of the check: the library formats it once. */
  readonly labels: { readonly check: string };
}

/** What the daemon uses; descriptors only where the system tells. */
export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly openDescriptors?: number | undefined;
  readonly descriptorLimit?: number | undefined;
}

export interface Series {
  readonly labels: Labels;
  /** Further labels, in an object that other series have too. */
  readonly sharedLabels?: Labels;
  readonly value: number;
  /** Of a part of a histogram. */
  readonly metricName?: string;
}

export type Labels = Readonly<Record<string, string | number>>;

const NO_LABELS: Labels = {};

export interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  /** Names of its labels. */
  readonly labels: readonly string[];
  /** One sentence. */
  readonly help: string;
  /** Without series the metric is left out. */
  readonly read: (source: Source) => readonly Series[];
}

type Value = number | boolean | undefined;

/** A metric without labels; without a value it has no series. */
export const single = (
  type: "gauge" | "counter",
  name: string,
  help: string,
  read: (source: Source) => Value,
): Metric => ({
  name,
  type,
  labels: [],
  help,
  read: (source) => series({}, read(source)),
});

/** A metric with a series for each check; a check without a value has none. */
export const ofChecks = (
  type: "gauge" | "counter",
  name: string,
  help: string,
  read: (check: CheckStatus, source: Source) => Value,
): Metric => ({
  name,
  type,
  labels: ["check"],
  help,
  read(source) {
    const all: Series[] = [];
    for (const check of source.checks) {
      const value = read(check.status, source);
      if (value !== undefined) all.push(seriesOf(check, Number(value)));
    }
    return all;
  },
});

/** A series of the check, which may have more labels. */
export const seriesOf = (check: KnownCheck, value: number, labels = NO_LABELS): Series => ({
  labels,
  sharedLabels: check.labels,
  value,
});

export const series = (labels: Labels, value: Value): readonly Series[] =>
  value === undefined ? [] : [{ labels, value: Number(value) }];

/** Seconds since 1970. */
export const timestamp = (iso: string | undefined): number | undefined =>
  iso === undefined ? undefined : Date.parse(iso) / 1000;
