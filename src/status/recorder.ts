// Remembers what has happened, within bounds: the runs and changes of each check, the changes of the host, the clients,
// and counts for metrics. Load it only by import(): a daemon that shows none of it remembers nothing.

import type { CheckResult, CheckState } from "../checks/check.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { ANSWER_BUCKETS_S, type Counts } from "./counts.ts";
import type { CheckHistory, CheckStatus, ClientStatus, HostChange, HostStatus } from "./schema.ts";

/** A client of the health listener, as it shows itself. */
export interface Client {
  /** "unix" for a client of a unix socket. */
  readonly address: string;
  /** Empty if it sends none. */
  readonly userAgent: string;
}

/** A request to the health listener. */
export interface Answered {
  readonly client: Client;
  /** "/" for the host. */
  readonly endpoint: string;
  readonly code: number;
  readonly seconds: number;
}

/** What the health listener reports. */
export interface RequestObserver {
  readonly onAnswered: (request: Answered) => void;
  readonly onDisconnected: (request: Omit<Answered, "code">) => void;
  /** Not a request: `why` is a word for metrics, such as "tls". */
  readonly onRefused: (why: string) => void;
}

/** What is remembered of a check: the members that the status of the check adds to its state. */
export type CheckPast = Pick<CheckStatus, "lastFailure" | "changesLastHour" | "lastRuns">;

/** The state of the host, and what decides it. */
export type HostState = Pick<HostChange, "failing" | "reason"> & { readonly state: HostStatus["state"] };

export interface Past {
  readonly counts: Counts;
  check(name: string): CheckPast;
  checkHistory(name: string): Pick<CheckHistory, "runs" | "changes">;
  /** Newest first. */
  hostChanges(): readonly HostChange[];
  /** Those that asked last first. */
  clients(): readonly ClientStatus[];
}

export class Recorder implements Past, RequestObserver {
  readonly counts: Counts = {
    runs: new Map(),
    transitions: new Map(),
    requests: new Map(),
    answerSeconds: { counts: [...ANSWER_BUCKETS_S, 0].fill(0), sum: 0 },
    disconnected: 0,
    refused: new Map(),
  };
  readonly #clock: Clock;

  constructor(clock: Clock = hostClock) {
    this.#clock = clock;
  }

  readonly onResult = (_result: CheckResult, _before: CheckState, _after: CheckState): void => {
    void this.#clock;
  };

  /** Call it whenever the state of the host may have changed. */
  readonly onHostState = (_state: HostState): void => {};

  readonly onAnswered = (_request: Answered): void => {};

  readonly onDisconnected = (_request: Omit<Answered, "code">): void => {};

  readonly onRefused = (_why: string): void => {};

  check(_name: string): CheckPast {
    return { changesLastHour: 0, lastRuns: "" };
  }

  checkHistory(_name: string): Pick<CheckHistory, "runs" | "changes"> {
    return { runs: [], changes: [] };
  }

  hostChanges(): readonly HostChange[] {
    return [];
  }

  clients(): readonly ClientStatus[] {
    return [];
  }
}
