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
    drain: z.object({ since: time }).readonly().exactOptional(),
    maintenance: z.object({ since: time, until: time, reason: z.string().exactOptional() }).readonly().exactOptional(),
  })
  .readonly();
export type DrainStatus = z.infer<typeof DrainStatus>;

export const CheckStatus = z
  .object({
    name: z.string(),
    kind: z.string(),
    target: z.string(),
    severity: z.enum(SEVERITIES),
    status: z.enum(["up", "down", "unknown"]),
    /** The last result is too old to count. */
    stale: z.boolean(),
    /** Present from the first result on: how long the status has lasted, when the last run began, how long it took. */
    forSeconds: z.number().exactOptional(),
    ranAt: time.exactOptional(),
    seconds: z.number().exactOptional(),
    /** Present if the last result failed. */
    reason: z.string().exactOptional(),
    message: z.string().exactOptional(),
    output: z.string().exactOptional(),
    /** Present if the last result passed. */
    warning: z.string().exactOptional(),
    detail: z.string().exactOptional(),
    /** Why it makes the host unhealthy although its last result passed: that result came after the deadline. */
    countsAs: z.string().exactOptional(),
    /** Absent if the check runs on request. */
    intervalSeconds: z.number().exactOptional(),
  })
  .readonly();
export type CheckStatus = z.infer<typeof CheckStatus>;

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
    version: z.string(),
    pid: z.number(),
    startedAt: time,
    /** What the health listener answers. */
    healthy: z.boolean(),
    /** The first that applies: "stopping", "maintenance", "drained", then the verdict of the checks. */
    state: z.enum(["healthy", "unhealthy", "drained", "maintenance", "stopping"]),
    /** Names of the checks that make the host unhealthy, drained or not. */
    failing: names,
    /** Present during a reload. */
    reloading: ReloadUnderWay.exactOptional(),
    lastReload: ReloadReport.exactOptional(),
    checks: z.array(CheckStatus).readonly(),
  })
  .readonly();
export type HostStatus = z.infer<typeof HostStatus>;
