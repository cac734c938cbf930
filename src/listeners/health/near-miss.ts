// Finds requests for a path that is close to an endpoint but is none, such as /Replica or /relpica. They get the verdict
// of the host, and the client takes it for that of the endpoint, so each such path is reported once.
//
// For a path that was compared before, or is much longer or shorter than every endpoint, only a set is looked up.

import { withoutLastSlash } from "../../config/endpoint-path.ts";

export interface NearMissOptions {
  readonly onNearMiss: (path: string, endpoint: string) => void;
  readonly onFault: (error: unknown) => void;
}

/** How many letters may be wrong, missing or extra; case does not count. */
const MOST_WRONG = 2;

/** At most one letter in three may be wrong: /foo is not close to /wok, and only /DB is close to /db. */
const LETTERS_PER_WRONG = 3;

/** The most reports for each endpoint while the daemon runs: a scan for paths must not fill the log. */
export const MOST_REPORTS_PER_ENDPOINT = 5;

/** When so many paths have been compared, all are forgotten and may be compared again. */
const MOST_REMEMBERED = 1000;

/** One set of reported paths serves every list of endpoints, so that a reload repeats no report. */
export function createNearMisses({ onNearMiss, onFault }: NearMissOptions) {
  const reported = new Map<string, Set<string>>();

  async function compare(requested: string, endpoints: readonly string[]): Promise<void> {
    const path = withoutLastSlash(requested);
    const endpoint = await findNear(path, endpoints);
    if (endpoint === undefined) return;
    const reportedOfEndpoint = reported.get(endpoint) ?? new Set();
    if (reportedOfEndpoint.has(path) || reportedOfEndpoint.size >= MOST_REPORTS_PER_ENDPOINT) return;
    reported.set(endpoint, reportedOfEndpoint.add(path));
    onNearMiss(requested, endpoint);
  }

  /** Returns what to call with each requested path that is none of `endpoints`. */
  return (endpoints: readonly string[]): ((path: string) => void) => {
    const lengths = new Set(endpoints.flatMap(({ length }) => DIFFERENCES.map((difference) => length + difference)));
    const compared = new Set<string>();
    return (requested) => {
      const path = withoutLastSlash(requested);
      if (!lengths.has(path.length) || compared.has(path)) return;
      if (compared.size >= MOST_REMEMBERED) compared.clear();
      compared.add(path);
      compare(requested, endpoints).catch(onFault);
    };
  };
}

/** How much shorter or longer than an endpoint a near miss may be. */
const DIFFERENCES = Array.from({ length: 2 * MOST_WRONG + 1 }, (_, index) => index - MOST_WRONG);

/** The endpoint nearest to `path`, if one is near. */
export async function findNear(path: string, endpoints: readonly string[]): Promise<string | undefined> {
  const { distance } = await import("fastest-levenshtein");
  const lower = path.toLowerCase();
  let nearest: { readonly endpoint: string; readonly wrong: number } | undefined;
  for (const endpoint of endpoints) {
    if (Math.abs(endpoint.length - path.length) > MOST_WRONG) continue;
    const other = endpoint.toLowerCase();
    const letters = distance(lower, other);
    // Two swapped letters are one mistake.
    const wrong = letters === 2 && sorted(lower) === sorted(other) ? 1 : letters;
    const isNear = wrong <= Math.min(MOST_WRONG, endpoint.replaceAll("/", "").length / LETTERS_PER_WRONG);
    if (isNear && wrong < (nearest?.wrong ?? Number.POSITIVE_INFINITY)) nearest = { endpoint, wrong };
  }
  return nearest?.endpoint;
}

const sorted = (text: string): string => [...text].sort().join("");
