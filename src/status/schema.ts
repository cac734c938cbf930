// The status of the host and the report of a reload, as JSON on the control socket: the daemon writes them, the commands read them.
// Fields that a later version adds are ignored.
//
// zod costs 11 ms at start: load this file only by import(), and elsewhere import only its types.

import { z } from "zod";
import { SEVERITIES } from "../checks/check.ts";

const time = z.iso.datetime();
const names = z.array(z.string()).readonly();
/** Whole lines. */
const lines = z.array(z.string()).readonly();

/** What is in force. */
export const DrainStatus = z
  .object({
    drain: z.object({ since: time, reason: z.string().exactOptional() }).readonly().exactOptional(),
    maintenance: z.object({ since: time, until: time, reason: z.string().exactOptional() }).readonly().exactOptional(),
  })
  .readonly();
export type DrainStatus = z.infer<typeof DrainStatus>;

/** What a check is, in `check --json` too. */
const configured = {
  name: z.string(),
  kind: z.string(),
  target: z.string(),
  severity: z.enum(SEVERITIES),
  /** The longest time that a run may take. */
  timeoutSeconds: z.number(),
};

/** The last result of a check. In `check --json` it is the only one. */
const lastResult = {
  /** When the run began, and how long it took. */
  ranAt: time.exactOptional(),
  seconds: z.number().exactOptional(),
  /** Present if it failed. */
  reason: z.string().exactOptional(),
  /** What it found, or why it failed. */
  detail: z.string().exactOptional(),
  /** What a program that failed has printed. */
  output: z.string().exactOptional(),
  /** Present if it passed with one. */
  warning: z.string().exactOptional(),
  /** When the certificate expires that the check looks at. */
  expiresAt: time.exactOptional(),
};

/** A check and its result in `check --json`: the words of `CheckStatus`. */
export const CheckRun = z.object({ ...configured, status: z.enum(["up", "down"]), ...lastResult }).readonly();
export type CheckRun = z.infer<typeof CheckRun>;

/** What `check --json` prints. */
export const CheckRuns = z
  .object({
    healthy: z.boolean(),
    /** Names of the checks that make the host unhealthy. */
    failing: names,
    checks: z.array(CheckRun).readonly(),
  })
  .readonly();
export type CheckRuns = z.infer<typeof CheckRuns>;

/** How many runs and changes of a check, and changes of the host, are remembered. */
export const RUNS_REMEMBERED = 60;
export const CHECK_CHANGES_REMEMBERED = 50;
export const HOST_CHANGES_REMEMBERED = 200;

export const CheckStatus = z
  .object({
    ...configured,
    status: z.enum(["up", "down", "unknown"]),
    /** The last result is too old to count. */
    stale: z.boolean(),
    /** Present from the first result on: how long the status has lasted. */
    forSeconds: z.number().exactOptional(),
    ...lastResult,
    /** How many of the last results in a row were like the last one; 0 before the first. */
    streak: z.number(),
    /** How many failures in a row turn it down, and how many passes turn it up. */
    fall: z.number(),
    rise: z.number(),
    /** Present while a run is in progress: how long the oldest one has taken so far. */
    runningSeconds: z.number().exactOptional(),
    /** Why it makes the host unhealthy although it is not down: no result came before the deadline. */
    countsAs: z.string().exactOptional(),
    /** Absent if the check runs on request. */
    intervalSeconds: z.number().exactOptional(),
    /** The newest failure, also when the check has passed since. */
    lastFailure: z.object({ at: time, reason: z.string(), detail: z.string() }).readonly().exactOptional(),
    /** How often the status changed between up and down in the last hour. */
    changesLastHour: z.number(),
    /** The last runs, oldest first, at most 60: "+" for each that passed, "-" for each that failed. */
    lastRuns: z.string(),
  })
  .readonly();
export type CheckStatus = z.infer<typeof CheckStatus>;

/** A run that has ended. */
const Run = z.object({ at: time, ok: z.boolean(), seconds: z.number(), reason: z.string().exactOptional() }).readonly();

/** The status of a check has changed. `forSeconds` is how long the status before lasted; absent after "unknown". */
const CheckChange = z
  .object({
    at: time,
    from: z.enum(["up", "down", "unknown"]),
    to: z.enum(["up", "down"]),
    forSeconds: z.number().exactOptional(),
    reason: z.string().exactOptional(),
    detail: z.string().exactOptional(),
  })
  .readonly();
export type CheckChange = z.infer<typeof CheckChange>;

/** All that is known of one check: `status CHECK --json`, and `/checks/NAME` with Accept: application/json. */
export const CheckHistory = CheckStatus.unwrap()
  .extend({
    /** The last 60 runs, oldest first. */
    runs: z.array(Run).readonly(),
    /** The last 50 changes, newest first. */
    changes: z.array(CheckChange).readonly(),
  })
  .readonly();
export type CheckHistory = z.infer<typeof CheckHistory>;

const hostStates = ["healthy", "unhealthy", "unknown", "drained", "maintenance", "stopping"] as const;

/** The state of the host has changed. */
const HostChange = z
  .object({
    at: time,
    from: z.enum(hostStates),
    to: z.enum(hostStates),
    /** How long the state before lasted. */
    forSeconds: z.number(),
    /** The checks that made it unhealthy, each with its reason. */
    failing: z
      .array(z.object({ name: z.string(), reason: z.string() }).readonly())
      .readonly()
      .exactOptional(),
    /** Of a drain or a maintenance. */
    reason: z.string().exactOptional(),
  })
  .readonly();
export type HostChange = z.infer<typeof HostChange>;

/** Who asks the health listener. */
export const ClientStatus = z
  .object({
    /** "unix" for a client of a unix socket. */
    address: z.string(),
    /** Empty if the client sends none. */
    userAgent: z.string(),
    /** How many requests came since the daemon started, or since the client was last forgotten. */
    requests: z.number(),
    lastAt: time,
    /** The last answer, and how long it took; absent if the client disconnected before it. */
    lastCode: z.number().exactOptional(),
    lastSeconds: z.number().exactOptional(),
    /** How many answers of each status. */
    codes: z.record(z.string(), z.number()).readonly(),
    /** How many requests the client gave up before the answer. */
    disconnected: z.number(),
    /** From one request to the next, as a rule; absent for fewer than three requests. */
    intervalSeconds: z.number().exactOptional(),
  })
  .readonly();
export type ClientStatus = z.infer<typeof ClientStatus>;

/** `healthy` is what is answered for its path, and `failing` the checks that make it unhealthy, drained or not. */
const EndpointStatus = z.object({ path: z.string(), healthy: z.boolean(), failing: names }).readonly();

const changes = {
  /** How many checks stay as they are. */
  kept: z.number(),
  /** Checks that keep their name, kind and status. */
  changed: names,
  /** Checks that keep only their name, and start again as unknown. */
  kindChanged: names,
  added: names,
  removed: names,
  /** Names of options, without those that need a restart. */
  options: names,
  /** Paths of endpoints whose checks are others than before. */
  endpointsChanged: names,
  endpointsAdded: names,
  endpointsRemoved: names,
};

/** What a reload changes, by name. */
const ReloadChange = z.object(changes).readonly();
export type ReloadChange = z.infer<typeof ReloadChange>;

export const ReloadReport = z
  .object({
    ...changes,
    at: time,
    /** If false, nothing has changed. */
    taken: z.boolean(),
    dryRun: z.boolean(),
    /** Why it was refused, or would be. */
    problems: lines,
    /** It was refused because it would turn the host or an endpoint unhealthy, which `--force` allows. */
    forcible: z.boolean(),
    /** What is allowed but risky, and what needs a restart to change. */
    warnings: lines,
    /** What the trial found that does not refuse it: checks that fail, and with `--force` what turns unhealthy. */
    trialWarnings: lines,
  })
  .readonly();
export type ReloadReport = z.infer<typeof ReloadReport>;

const ReloadUnderWay = z.object({ since: time, dryRun: z.boolean() }).readonly();
export type ReloadUnderWay = z.infer<typeof ReloadUnderWay>;

export const HostStatus = DrainStatus.unwrap()
  .extend({
    /** When this was true. */
    at: time,
    /** The name of the host. */
    host: z.string(),
    version: z.string(),
    pid: z.number(),
    startedAt: time,
    /** What the health listener answers. */
    healthy: z.boolean(),
    /**
     * The first that applies: "stopping", "maintenance", "drained", then the verdict by what is known of the checks.
     * "unknown" if no check fails and the first result of one is missing; a request is then answered once that check has
     * run.
     */
    state: z.enum(hostStates),
    /** How long the state has lasted. */
    forSeconds: z.number(),
    /** Names of the checks that make the host unhealthy, drained or not. */
    failing: names,
    endpoints: z.array(EndpointStatus).readonly(),
    /** The config file and the SHA-256 of what was read from it, in hexadecimal; absent without a file. */
    config: z.object({ file: z.string(), sha256: z.string(), readAt: time }).readonly().exactOptional(),
    /** Present during a reload. */
    reloading: ReloadUnderWay.exactOptional(),
    lastReload: ReloadReport.exactOptional(),
    checks: z.array(CheckStatus).readonly(),
    /** The last 200 changes of the state, newest first. */
    changes: z.array(HostChange).readonly(),
    /** The clients of the health listener, those that asked last first. */
    clients: z.array(ClientStatus).readonly(),
  })
  .readonly();
export type HostStatus = z.infer<typeof HostStatus>;
