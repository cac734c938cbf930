// Connects the parts (options → plan → monitor → listeners), lets a reload change them, and stops them.

import { buildCheck, type CheckConfig } from "../checks/build.ts";
import type { Check } from "../checks/check.ts";
import type { Options } from "../config/load.ts";
import { DrainControl } from "../drain/drain.ts";
import { createHealthHandler, type HealthHandler } from "../listeners/health/handler.ts";
import { createNearMisses } from "../listeners/health/near-miss.ts";
import { connectionBound, type HealthServer, serveHealth } from "../listeners/health/server.ts";
import type { Log } from "../log/log.ts";
import { Monitor } from "../monitor/monitor.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { allGroupsGone, killAllGroups } from "../process/group.ts";
import { reapInheritedChildren } from "../process/reaper.ts";
import type { SavedGroups } from "../process/saved-groups.ts";
import type { Notifier } from "../sd-notify/notifier.ts";
import { HostStateTracker } from "../status/host-state.ts";
import type { Gauges } from "../status/metrics/metric.ts";
import type { Recorder } from "../status/recorder.ts";
import type { HostStatus } from "../status/schema.ts";
import { clock } from "../system/clock.ts";
import { within } from "../system/event-loop.ts";
import { descriptorLimit, holdReserve } from "../system/fd-reserve.ts";
import { scriptEnvironment } from "../system/script-environment.ts";
import { readBootId } from "../system/state-file.ts";
import { formatDuration } from "../text/duration.ts";
import { version } from "../text/version.ts";
import { createEventLog, type EventLog } from "./event-log.ts";
import { readGauges } from "./gauges.ts";
import { createPlan, type Plan } from "./plan.ts";
import { type LoadAgain, Reloader } from "./reload.ts";
import { shrinkSoon } from "./shrink.ts";
import { runTrial } from "./trial.ts";

/** How long rounds may go on once the daemon was asked to stop. */
const STOP_GRACE_MS = 5000;

/** How long `status` waits for the checks. One that has not ended by then is shown as running, and goes on. */
const STATUS_WAIT_MS = 1000;

/** By then the first requests have their answers. */
const WARN_AFTER_MS = 100;

/** How long written answers may take to be sent. */
const FLUSH_GRACE_MS = 500;

export interface Daemon {
  /** The address in use, with the port that was picked where 0 was requested. */
  readonly address: Address;
  /** Reads the configuration again and takes it whole, or logs why not. */
  reload(): Promise<void>;
  /**
   * If `drain` is true, answers unhealthy for the drain delay first. Then rounds may go on for up to 5 s before they are
   * ended. Resolves when nothing is left.
   */
  stop(drain: boolean): Promise<void>;
  /** Ends a drain delay that is under way; false if none is. */
  skipDrainDelay(): boolean;
}

export interface DaemonContext {
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly loadAgain: LoadAgain;
  /** How many lines of the log were lost. */
  readonly droppedLines: () => number;
}

/** Throws ListenError, and then leaves nothing behind. */
export async function startDaemon(options: Options, context: DaemonContext): Promise<Daemon> {
  const startedAt = Date.now();
  reapInheritedChildren();
  holdReserve();
  const parts = await createParts(options, context);
  await using opened = new AsyncDisposableStack();
  await openControl(opened, parts, startedAt);
  await openAdmin(opened, parts, startedAt);
  await openAgent(opened, parts);
  const saveGroups = await groupSaver(parts.directory, parts.log);
  const health = await openHealth(parts);
  parts.serving.health = health;
  const others = opened.move();
  // Only the daemon that has the listener may take over the groups of an earlier one.
  const savedGroups = saveGroups?.();
  await begin(parts, health);
  return new RunningDaemon(parts, { health, others, savedGroups });
}

/** What the daemon consists of, before it listens. */
interface Parts {
  /** Those of the start; a reload changes only `active`. */
  readonly options: Options;
  readonly directory: string | undefined;
  readonly descriptorLimit: number | undefined;
  readonly log: Log;
  readonly events: EventLog;
  readonly notifier: Notifier | undefined;
  readonly drainControl: DrainControl;
  readonly monitor: Monitor;
  readonly active: Active;
  readonly reloader: Reloader;
  readonly recorder: Recorder | undefined;
  readonly hostState: HostStateTracker;
  readonly gauges: () => Gauges;
  /** Set once it listens. */
  readonly serving: { health?: HealthServer };
}

/** What a reload replaces. */
interface Active {
  plan: Plan;
  handler: HealthHandler;
}

async function createParts(options: Options, context: DaemonContext): Promise<Parts> {
  const { log, env, loadAgain, droppedLines } = context;
  const build = checkBuilder(env, log);
  const plan = createPlan(options, build);
  const notifier = await notifierFor(env, log);
  const recorder = await recorderFor(options);
  recorder?.watch(plan.checks);
  const isDrained = (): boolean => drainControl.current() !== undefined;
  const events = withNotifier(withRecorder(createEventLog(log, clock, isDrained), recorder), notifier);
  const directory = stateDirectory(options, env);
  const drainControl = new DrainControl({
    directory,
    log,
    onChange() {
      notifier?.refresh();
      hostState.review();
    },
  });
  const monitor = new Monitor({
    ...plan.settings,
    ...events,
    onStanding() {
      notifier?.refresh();
      hostState.review();
    },
  });
  const hostState = trackHostState(monitor, drainControl, recorder);
  const serving: Parts["serving"] = {};
  const nearMisses = createNearMisses(events);
  const handlerFor = ({ options }: Plan) => createHandler(options, monitor, drainControl, nearMisses);
  const active: Active = { plan, handler: handlerFor(plan) };
  const reloader = new Reloader({
    loadAgain,
    createPlan: (next) => createPlan(next, build, active.plan),
    tryOut: (next, signal) => runTrial(active.plan, next, monitor, signal),
    // Holds from the next request on; requests that wait are answered by the plan that they came under.
    apply(next, trial) {
      active.plan = next;
      recorder?.watch(next.checks);
      monitor.reconfigure(next.settings, trial);
      active.handler = handlerFor(next);
      log.setLevel(next.options.logLevel);
    },
    needRestart: (next) => restartWarnings(options, next.options),
    onStart: () => notifier?.reloading(),
    onEnd(report, change) {
      events.onReload(report);
      if (report.taken && change) {
        void events.onWatch([...change.changed.keys(), ...change.kindChanged, ...change.added]);
      }
      notifier?.reloaded();
      shrinkSoon();
    },
    onFault: events.onFault,
  });
  return {
    options,
    directory,
    descriptorLimit: descriptorLimit(),
    log,
    events,
    notifier,
    drainControl,
    monitor,
    active,
    reloader,
    recorder,
    hostState,
    gauges: () => readGauges({ monitor, health: serving.health, droppedLines }),
    serving,
  };
}

function openHealth({ options, descriptorLimit, active, log, events, recorder }: Parts): Promise<HealthServer> {
  return serveHealth({
    at: options.listener,
    handler: () => active.handler,
    failureStatus: () => active.plan.options.failureStatus,
    longestAnswerMs: () => active.plan.longestAnswerMs,
    maxConnections: () => connectionBound(active.plan.options.maxConnections, descriptorLimit),
    onCrowded: (closed, most) => events.onCrowded("health", closed, most),
    onRefused: events.onRefused,
    observer: recorder,
    log,
    onFault: events.onAnswerFault,
  });
}

/** Reports that the daemon listens, and starts the checks: a result may come at once. */
async function begin(parts: Parts, { address }: HealthServer): Promise<void> {
  const { options, descriptorLimit: limit, log, events, notifier, drainControl, monitor, active, reloader } = parts;
  logListening(log, options, address, active.plan);
  const { maxConnections } = options;
  const used = connectionBound(maxConnections, limit);
  if (maxConnections !== undefined && used < maxConnections) {
    log.warning("--max-connections is above half of the descriptor limit", { used, limit });
  }
  const watched = events.onWatch(active.plan.checks);
  parts.hostState.review();
  monitor.start();
  notifier?.begin({
    states: monitor.states,
    verdict: () => monitor.standing(),
    drainState: () => drainControl.current(),
    wasRefused: () => reloader.last?.taken === false,
  });
  await watched;
  warnLater(parts);
  shrinkSoon();
}

/** Finding these warnings takes milliseconds, for which a request may be waiting already. */
function warnLater({ options: { laterWarnings }, log, events }: Parts): void {
  if (!laterWarnings) return;
  clock.after(WARN_AFTER_MS, () => {
    laterWarnings().then((warnings) => logWarnings(log, warnings), events.onFault);
  });
}

interface Opened {
  readonly health: HealthServer;
  /** The control socket, the admin listener and the agent. */
  readonly others: AsyncDisposableStack;
  readonly savedGroups: SavedGroups | undefined;
}

class RunningDaemon implements Daemon {
  readonly address: Address;
  readonly #parts: Parts;
  readonly #opened: Opened;
  #endDelay: (() => void) | undefined;

  constructor(parts: Parts, opened: Opened) {
    this.address = opened.health.address;
    this.#parts = parts;
    this.#opened = opened;
  }

  async reload(): Promise<void> {
    await this.#parts.reloader.reload();
  }

  async stop(drain: boolean): Promise<void> {
    const { reloader, notifier, active } = this.#parts;
    reloader.stop();
    const { drainDelayMs } = active.plan.options;
    const drains = drain && drainDelayMs > 0;
    notifier?.stopping(drains ? `draining for ${formatDuration(drainDelayMs)}, then stopping` : "stopping");
    if (drains) await this.#drain(drainDelayMs);
    await this.#close();
  }

  skipDrainDelay(): boolean {
    this.#endDelay?.();
    return this.#endDelay !== undefined;
  }

  async #drain(delayMs: number): Promise<void> {
    const { drainControl, log } = this.#parts;
    drainControl.stop();
    log.info("draining", { for: formatDuration(delayMs) });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endDelay = resolve;
    const cancel = clock.after(delayMs, resolve);
    await promise;
    cancel();
    this.#endDelay = undefined;
  }

  async #close(): Promise<void> {
    const { monitor, drainControl, events, notifier } = this.#parts;
    const { health, others, savedGroups } = this.#opened;
    // Close these first, or HAProxy would see the aborted checks as failures.
    await others.disposeAsync();
    const served = health.drain();
    await within(served, STOP_GRACE_MS);
    monitor.abort();
    await within(served, FLUSH_GRACE_MS);
    killAllGroups();
    await allGroupsGone(FLUSH_GRACE_MS);
    await health.close();
    drainControl.close();
    savedGroups?.close();
    events.end();
    notifier?.close();
  }
}

const stateDirectory = (options: Options, env: DaemonContext["env"]): string | undefined =>
  options.stateDirectory ?? (env["RUNTIME_DIRECTORY"]?.split(":")[0] || undefined);

/** Saves the running groups once it is called. Undefined without a directory; then nothing is loaded for it. */
async function groupSaver(
  directory: string | undefined,
  log: Log,
): Promise<(() => SavedGroups | undefined) | undefined> {
  if (directory === undefined) return undefined;
  const boot = readBootId();
  if (boot === undefined) return undefined;
  const { openSavedGroups } = await import("../process/saved-groups.ts");
  return () => openSavedGroups({ directory, log, boot });
}

/** The control socket, the admin listener and the agent are optional, so each is loaded only if it is configured. */
async function openControl(opened: AsyncDisposableStack, parts: Parts, startedAt: number): Promise<void> {
  const { options, log, events, drainControl, reloader, recorder } = parts;
  if (options.controlSocket === undefined || !recorder) return;
  const [{ startControl }, { checkHistory }, { snapshot }] = await Promise.all([
    import("../listeners/control/server.ts"),
    import("../status/check-history.ts"),
    import("./snapshot.ts"),
  ]);
  const status = async (): Promise<HostStatus> => {
    await parts.monitor.refresh(STATUS_WAIT_MS);
    return snapshot(parts, recorder, startedAt);
  };
  const control = await startControl({
    path: options.controlSocket,
    controls: {
      status,
      async check(name) {
        // Without a check of this name, nothing runs.
        const now = checkHistory(name, snapshot(parts, recorder, startedAt), recorder);
        return "names" in now ? now : checkHistory(name, await status(), recorder);
      },
      async metrics() {
        const { renderMetrics } = await import("../status/metrics/render.ts");
        return renderMetrics(await status(), recorder.counts, parts.gauges());
      },
      reload: (request) => reloader.reload(request),
      drainControl,
    },
    log,
    onCrowded: (closed, most) => events.onCrowded("control", closed, most),
  });
  opened.defer(() => control.close());
}

async function openAdmin(opened: AsyncDisposableStack, parts: Parts, startedAt: number): Promise<void> {
  const { options, recorder } = parts;
  if (!recorder || (!options.adminListener && options.metricsFile === undefined)) return;
  const [admin, { snapshot }] = await Promise.all([import("./admin.ts"), import("./snapshot.ts")]);
  await admin.openAdmin(opened, { ...parts, past: recorder, status: () => snapshot(parts, recorder, startedAt) });
}

async function openAgent(opened: AsyncDisposableStack, parts: Parts): Promise<void> {
  const { options, directory, log, events, monitor, drainControl } = parts;
  if (!options.agentListener) return;
  const { startAgent } = await import("../listeners/haproxy-agent/server.ts");
  const agent = await startAgent({
    address: options.agentListener,
    directory,
    log,
    onFault: events.onFault,
    drainState: () => drainControl.current(),
    verdict: (signal) => monitor.verdict({ signal }),
  });
  opened.defer(() => agent.stop());
}

function createHandler(
  { failureStatus, endpoints }: Options,
  { verdict }: Monitor,
  drainControl: DrainControl,
  nearMisses: ReturnType<typeof createNearMisses>,
): HealthHandler {
  const paths = endpoints.map(({ path }) => path);
  return createHealthHandler({
    verdict,
    isDraining: () => drainControl.current() !== undefined,
    failureStatus,
    endpoints: paths,
    onOtherPath: nearMisses(paths),
  });
}

/** Warns once of each check that a process has left its group. */
function checkBuilder(env: DaemonContext["env"], log: Log): (config: CheckConfig) => Check {
  const withOrphans = new Set<string>();
  const onOrphan = (check: string) => {
    const first = !withOrphans.has(check);
    withOrphans.add(check);
    log[first ? "warning" : "debug"]("a process left its group and still holds the script's output", { check });
  };
  const context = { env: scriptEnvironment(env), onOrphan };
  return (config) => buildCheck(config, context);
}

/** Options that only a restart changes. */
const NEED_RESTART = {
  listener: ({ listener }: Options) => formatAddress(listener),
  "control-socket": ({ controlSocket = "none" }: Options) => controlSocket,
  "state-directory": ({ stateDirectory = "not set" }: Options) => stateDirectory,
  "agent-listener": ({ agentListener }: Options) => (agentListener ? formatAddress(agentListener) : "none"),
  "admin-listener": ({ adminListener }: Options) => (adminListener ? formatAddress(adminListener) : "none"),
  "metrics-file": ({ metricsFile = "none" }: Options) => metricsFile,
  "log-format": ({ logFormat }: Options) => logFormat ?? "not set",
} as const;

const restartWarnings = (before: Options, now: Options): readonly string[] =>
  Object.entries(NEED_RESTART).flatMap(([name, read]) =>
    read(before) === read(now)
      ? []
      : [`${name}: warning: a restart is needed to change it from ${read(before)} to ${read(now)}`],
  );

/** Undefined without a NOTIFY_SOCKET; then nothing is loaded for it. */
async function notifierFor(env: DaemonContext["env"], log: Log): Promise<Notifier | undefined> {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUsec, WATCHDOG_PID: watchdogPid } = env;
  if (!socket) return undefined;
  const { Notifier } = await import("../sd-notify/notifier.ts");
  return new Notifier({ socket, watchdogUsec, watchdogPid, log });
}

function trackHostState(monitor: Monitor, drainControl: DrainControl, recorder: Recorder | undefined) {
  const verdict = () => monitor.standing();
  const hostState = new HostStateTracker({ verdict, drainState: () => drainControl.current() });
  if (recorder) hostState.listen(recorder.onHostState);
  return hostState;
}

/** Undefined where nothing shows what it remembers; then nothing is loaded for it. */
async function recorderFor({ controlSocket, adminListener, metricsFile }: Options): Promise<Recorder | undefined> {
  if (controlSocket === undefined && !adminListener && metricsFile === undefined) return undefined;
  const { Recorder } = await import("../status/recorder.ts");
  return new Recorder();
}

/** The event log, which also gives each result to the recorder. */
function withRecorder(events: EventLog, recorder: Recorder | undefined): EventLog {
  if (!recorder) return events;
  return {
    ...events,
    onResult(...result) {
      recorder.onResult(...result);
      events.onResult(...result);
    },
  };
}

/** The event log, which also gives each result to the notifier. */
function withNotifier(events: EventLog, notifier: Notifier | undefined): EventLog {
  if (!notifier) return events;
  return {
    ...events,
    onResult(result, before, after) {
      events.onResult(result, before, after);
      notifier.onResult(before, after);
    },
    onStale(...stale) {
      events.onStale(...stale);
      notifier.refresh();
    },
  };
}

function logListening(log: Log, options: Options, address: Address, { checks }: Plan): void {
  const listening = { address: formatAddress(address), checks: checks.length, version };
  if (options.listenerIsDefault)
    log.info("listening on the default address; upstream's binary used port 5500, set --listener to choose", listening);
  else log.info("listening", listening);
  logWarnings(log, options.warnings);
}

function logWarnings(log: Log, warnings: readonly string[]): void {
  for (const warning of warnings) log.warning("configuration warning", { warning });
}
