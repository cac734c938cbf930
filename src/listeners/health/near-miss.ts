// Requests for a path that is close to an endpoint and is none, such as /Replica or /relpica. They get the host's
// verdict, which their sender takes for the endpoint's, so each such path is reported once.
//
// A path that was compared before, or is much longer or shorter than each endpoint, costs a look-up.

import { withoutLastSlash } from "../../config/endpoint.ts";

export interface NearMissOptions {
  readonly onNearMiss: (path: string, endpoint: string) => void;
  readonly onFault: (error: unknown) => void;
}

/** So many letters of a long endpoint may be wrong, missing or too many; upper or lower case is the same. */
const MOST_WRONG = 2;

/** And no more than one of so many: /foo is not close to /wok, nor any path but /DB to /db. */
const LETTERS_PER_WRONG = 3;

/** Paths that are reported of each endpoint in one run of the daemon: a scan for paths does not fill the log. */
export const MOST_OF_ENDPOINT = 5;

/** Of the paths that were compared. Beyond that they are forgotten, and compared again. */
const MOST_REMEMBERED = 1000;

/** What was reported is the same for all lists of endpoints, so that a reload repeats nothing. */
export function createNearMisses({ onNearMiss, onFault }: NearMissOptions) {
  const reported = new Map<string, Set<string>>();

  async function compare(asked: string, endpoints: readonly string[]): Promise<void> {
    const path = withoutLastSlash(asked);
    const endpoint = await findNear(path, endpoints);
    if (endpoint === undefined) return;
    const ofEndpoint = reported.get(endpoint) ?? new Set();
    if (ofEndpoint.has(path) || ofEndpoint.size >= MOST_OF_ENDPOINT) return;
    reported.set(endpoint, ofEndpoint.add(path));
    onNearMiss(asked, endpoint);
  }

  /** What is called with each path that is none of `endpoints`. */
  return (endpoints: readonly string[]): ((path: string) => void) => {
    const lengths = new Set(endpoints.flatMap(({ length }) => DIFFERENCES.map((difference) => length + difference)));
    const compared = new Set<string>();
    return (asked) => {
      const path = withoutLastSlash(asked);
      if (!lengths.has(path.length) || compared.has(path)) return;
      if (compared.size >= MOST_REMEMBERED) compared.clear();
      compared.add(path);
      compare(asked, endpoints).catch(onFault);
    };
  };
}

const DIFFERENCES = Array.from({ length: 2 * MOST_WRONG + 1 }, (_, index) => index - MOST_WRONG);

/** The nearest. */
export async function findNear(path: string, endpoints: readonly string[]): Promise<string | undefined> {
  const { distance } = await import("fastest-levenshtein");
  const lower = path.toLowerCase();
  let nearest: { readonly endpoint: string; readonly wrong: number } | undefined;
  for (const endpoint of endpoints) {
    if (Math.abs(endpoint.length - path.length) > MOST_WRONG) continue;
    const other = endpoint.toLowerCase();
    const letters = distance(lower, other);
    // Two in each other's place are one slip.
    const wrong = letters === 2 && sorted(lower) === sorted(other) ? 1 : letters;
    const isNear = wrong <= Math.min(MOST_WRONG, endpoint.replaceAll("/", "").length / LETTERS_PER_WRONG);
    if (isNear && wrong < (nearest?.wrong ?? Number.POSITIVE_INFINITY)) nearest = { endpoint, wrong };
  }
  return nearest?.endpoint;
}

const sorted = (text: string): string => [...text].sort().join("");
