// Remembers what has happened, within bounds (bounds.ts): the runs and changes of each check, the changes of the host,
// the clients, and counts for metrics. Load it only by import(): a daemon that shows none of it remembers nothing.

import type { Check, CheckResult, CheckState } from "../checks/check.ts";
import { type Clock, clock as hostClock } from "../system/clock.ts";
import { type CheckPast, PastOfCheck } from "./check-past.ts";
import { type Client, Clients } from "./clients.ts";
import { Counters, type Counts } from "./counts.ts";
import { type HostState, PastOfHost } from "./host-past.ts";
import type { CheckHistory, ClientStatus, HostChange } from "./schema.ts";

export type { CheckPast } from "./check-past.ts";
export type { Client } from "./clients.ts";
export type { HostState } from "./host-past.ts";

/** What the health listener reports, with values alone: a request that is answered from memory takes a few microseconds. */
export interface RequestObserver {
  /**
   * `endpoint` is "/" for the host. `cameAt` is when the request came, in milliseconds by the boot clock. `client` is the
   * same object for all requests of a connection.
   */
  readonly onAnswered: (client: Client, endpoint: string, code: number, cameAt: number, seconds: number) => void;
  /** `seconds` is how long the client has waited. */
  readonly onDisconnected: (client: Client, endpoint: string, cameAt: number, seconds: number) => void;
  /** `why` is a word for metrics, such as "tls", for requests and connections (1 by default) that were refused. */
  readonly onRefused: (why: string, count?: number) => void;
}

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
  readonly #clock: Clock;
  readonly #counts = new Counters();
  readonly #checks = new Map<string, PastOfCheck>();
  readonly #host: PastOfHost;
  readonly #clients = new Clients();

  constructor(clock: Clock = hostClock) {
    this.#clock = clock;
    this.#host = new PastOfHost(clock.now());
  }

  get counts(): Counts {
    return this.#counts;
  }

  /** From now on these are watched. One that keeps its name and its kind keeps what is remembered of it. */
  watch(checks: readonly Pick<Check, "name" | "kind">[]): void {
    const kinds = new Map(checks.map(({ name, kind }) => [name, kind]));
    for (const [name, { kind }] of this.#checks) if (kinds.get(name) !== kind) this.#remove(name);
    for (const check of checks) if (!this.#checks.has(check.name)) this.#add(check);
  }

  readonly onResult = (result: CheckResult, before: CheckState, after: CheckState): void => {
    const { check, outcome } = result;
    const past = this.#checks.get(check.name) ?? this.#add(check);
    this.#counts.onRun(check.name, outcome.ok ? "" : outcome.reason);
    if (past.take(result, before, after)) this.#counts.onTransition(check.name);
  };

  /** Call it whenever the state of the host may have changed. */
  readonly onHostState = (state: HostState): void => this.#host.take(state, this.#clock.now());

  readonly onAnswered: RequestObserver["onAnswered"] = (client, endpoint, code, cameAt, seconds) => {
    this.#counts.onAnswered(endpoint, code, seconds);
    this.#clients.take(client, endpoint, code, cameAt, seconds);
  };

  readonly onDisconnected: RequestObserver["onDisconnected"] = (client, endpoint, cameAt, seconds) => {
    this.#counts.disconnected++;
    this.#clients.take(client, endpoint, undefined, cameAt, seconds);
  };

  readonly onRefused = (why: string, count = 1): void => this.#counts.onRefused(why, count);

  check(name: string): CheckPast {
    return this.#checks.get(name)?.summary(this.#clock.now()) ?? { changesLastHour: 0, lastRuns: "" };
  }

  checkHistory(name: string): Pick<CheckHistory, "runs" | "changes"> {
    return this.#checks.get(name)?.history() ?? { runs: [], changes: [] };
  }

  hostChanges(): readonly HostChange[] {
    return this.#host.changes();
  }

  clients(): readonly ClientStatus[] {
    return this.#clients.list(this.#clock.now());
  }

  #add({ name, kind }: Pick<Check, "name" | "kind">): PastOfCheck {
    const past = new PastOfCheck(kind);
    this.#checks.set(name, past);
    this.#counts.add(name);
    return past;
  }

  #remove(name: string): void {
    this.#checks.delete(name);
    this.#counts.remove(name);
  }
}
