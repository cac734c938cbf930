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
