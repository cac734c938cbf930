// A host that has every metric, and what a scrape says, read back.

import type { Counts } from "../../src/status/counts.ts";
import type { Gauges } from "../../src/status/metrics/metric.ts";
import type { HostStatus } from "../../src/status/schema.ts";
import { checkStatus, hostStatus } from "./status.ts";

export interface Known {
  readonly status: HostStatus;
  readonly counts: Counts;
  readonly gauges: Gauges;
}

export const NO_GAUGES: Gauges = {
  roundsRunning: 0,
  roundsShared: 0,
  scriptsRunning: 0,
  orphans: 0,
  logLinesDropped: 0,
  openConnections: 0,
};

export const noCounts = (given: Partial<Counts> = {}): Counts => ({
  runs: new Map(),
  transitions: new Map(),
  requests: new Map(),
  answerSeconds: { counts: [0, 0, 0, 0, 0, 0, 0, 0, 0], sum: 0 },
  disconnected: 0,
  refused: new Map(),
  ...given,
});

/** A name with everything that the text format escapes, and what it does not. */
export const ODD_NAME = 'a "b" \\ c\nd|é 🙂';

export function fullHost(): Known {
  const certificate = checkStatus(ODD_NAME, {
    kind: "certificate",
    status: "down",
    reason: "expired",
    ranAt: "2026-01-31T12:10:00.000Z",
    seconds: 0.25,
    lastSuccessAt: "2026-01-31T12:05:00.000Z",
    expiresAt: "2026-02-14T00:00:00.000Z",
    intervalSeconds: 10,
  });
  return {
    status: hostStatus({
      healthy: false,
      state: "maintenance",
      maintenance: { since: "2026-01-31T12:00:00.000Z", until: "2026-01-31T13:00:00.000Z" },
      config: { file: "/etc/health-checker/config.yaml", sha256: "0123abcd", readAt: "2026-01-31T12:00:00.000Z" },
      checks: [certificate, checkStatus("new", { status: "unknown" })],
    }),
    counts: noCounts({
      runs: new Map([
        [ODD_NAME, new Map(Object.entries({ "": 5, expired: 2 }))],
        ["removed", new Map([["", 1]])],
      ]),
      transitions: new Map([[ODD_NAME, 3]]),
      requests: new Map([
        [
          "/",
          new Map([
            [200, 7],
            [504, 1],
          ]),
        ],
        ["/replica", new Map([[200, 2]])],
      ]),
      answerSeconds: { counts: [4, 3, 0, 1, 0, 0, 0, 1, 1], sum: 20.5 },
      disconnected: 6,
      refused: new Map([["tls", 8]]),
    }),
    gauges: {
      roundsRunning: 1,
      roundsShared: 2,
      scriptsRunning: 3,
      orphans: 4,
      logLinesDropped: 5,
      openConnections: 6,
    },
  };
}

export interface Scraped {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Each with what is before its value. */
  readonly series: ReadonlyMap<string, number>;
}

/** The metrics of a scrape, in its order. */
export function parseScrape(text: string): readonly Scraped[] {
  return text
    .trimEnd()
    .split("\n\n")
    .map((block) => {
      const [help = "", type = "", ...lines] = block.split("\n");
      const [, name = "", meaning = ""] = /^# HELP (\S+) (.*)$/.exec(help) ?? [];
      const [, kind = ""] = new RegExp(`^# TYPE ${name} (\\w+)$`).exec(type) ?? [];
      const series = new Map(
        lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
      );
      return { name, type: kind, help: meaning, series };
    });
}

/** Of all series of a scrape, by what is before the value. */
export const seriesOf = (text: string): ReadonlyMap<string, number> =>
  new Map(parseScrape(text).flatMap(({ series }) => [...series]));
