// What is counted since the daemon started, for metrics.

/** The upper bounds of the histogram of answers, in seconds: around the timeouts of load balancers. */
export const ANSWER_BUCKETS_S = [0.005, 0.05, 0.5, 1, 2, 4.5, 5, 10] as const;

export interface Histogram {
  /** For each bucket how many values were at most its bound, and above the bound before. Those above all bounds come last. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface Counts {
  /** By the name of the check, then by the reason of the failure, "" for a run that passed. */
  readonly runs: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Changes between up and down, by the name of the check. */
  readonly transitions: ReadonlyMap<string, number>;
  /** Answers, by the path of the endpoint ("/" for the host), then by status. */
  readonly requests: ReadonlyMap<string, ReadonlyMap<number, number>>;
  readonly answerSeconds: Histogram;
  /** Requests whose client disconnected before the answer. */
  readonly disconnected: number;
  /** What the health listener refused, by the kind of it. */
  readonly refused: ReadonlyMap<string, number>;
}

export class Counters implements Counts {
  readonly runs = new Map<string, Map<string, number>>();
  readonly transitions = new Map<string, number>();
  readonly requests = new Map<string, Map<number, number>>();
  readonly answerSeconds = { counts: [...ANSWER_BUCKETS_S, 0].fill(0), sum: 0 };
  readonly refused = new Map<string, number>();
  disconnected = 0;

  /** From then on the check is counted; what was counted of one with its name is forgotten. */
  add(check: string): void {
    this.runs.set(check, new Map());
    this.transitions.set(check, 0);
  }

  remove(check: string): void {
    this.runs.delete(check);
    this.transitions.delete(check);
  }

  onRun(check: string, reason: string): void {
    const runs = this.runs.get(check);
    if (runs) increment(runs, reason);
  }

  onTransition(check: string): void {
    increment(this.transitions, check);
  }

  onAnswered(endpoint: string, code: number, seconds: number): void {
    const codes = this.requests.get(endpoint);
    if (codes) increment(codes, code);
    else this.requests.set(endpoint, new Map([[code, 1]]));
    const { counts } = this.answerSeconds;
    let bucket = 0;
    while (seconds > (ANSWER_BUCKETS_S[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    this.answerSeconds.sum += seconds;
  }

  onRefused(why: string, count: number): void {
    increment(this.refused, why, count);
  }
}

export function increment<Key>(counts: Map<Key, number>, key: Key, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
