// Why the host takes no traffic, whatever its checks say: it is drained, in maintenance,
// or the daemon is about to stop. In each of these the answer is unhealthy; none makes it healthy.

export interface Withdrawal {
  /** The daemon was asked to stop and answers unhealthy until it does. */
  readonly stopping: boolean;
  /** Ended by `undrain` alone. */
  readonly drain?: Drain;
  /** Ends by itself, or by `undrain`. */
  readonly maintenance?: Maintenance;
}

/** Times are milliseconds since the epoch, for people. */
export interface Drain {
  readonly since: number;
}

export interface Maintenance {
  readonly since: number;
  readonly until: number;
  /** As the operator gave it. */
  readonly reason?: string;
}

/** The one owner of that state. */
export interface Withdrawals {
  /** What is in force now; undefined while the host is in service. Costs next to nothing: every request asks. */
  current(): Withdrawal | undefined;
  /** Until `undrain`. Twice is once: the first keeps its time. */
  drain(): Promise<Keeping>;
  /** For so long from now; again: anew. A drain beside it goes on after its end. */
  maintain(forMs: number, reason: string | undefined): Promise<Keeping>;
  /** Ends drain and maintenance both; tells what that was. The end of the daemon it does not touch. */
  undrain(): Promise<Keeping & { readonly ended: Omit<Withdrawal, "stopping"> }>;
  /** The daemon was asked to stop. Not kept for the next one. */
  stop(): void;
  /** Ends its timers; what is in force stays kept. */
  close(): void;
}

/** Whether a restart of the daemon finds the state again, and if not, why. */
export type Keeping = { readonly kept: true } | { readonly kept: false; readonly because: string };
