// Wires the parts: options → plan → monitor → listeners, changes them while they run,
// and takes them down again.

import { buildCheck, type CheckConfig } from "../checks/build.ts";
import type { Check } from "../checks/check.ts";
import type { Options } from "../config/load.ts";
import { DrainControl } from "../drain/drain.ts";
import { readBootId } from "../drain/state-file.ts";
import type { Controls } from "../listeners/control/handler.ts";
import type { AgentOptions } from "../listeners/haproxy-agent/server.ts";
import { createHealthHandler, type HealthHandler } from "../listeners/health/handler.ts";
import { createNearMisses } from "../listeners/health/near-miss.ts";
import { connectionBound, serveHealth } from "../listeners/health/server.ts";
import type { Log } from "../log/log.ts";
import { createMonitor, type Monitor } from "../monitor/monitor.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { allGroupsGone, killAllGroups } from "../process/group.ts";
import { reapStrangers } from "../process/reaper.ts";
import { openSavedGroups, type SavedGroups } from "../process/saved-groups.ts";
import type { Notifier } from "../sd-notify/notifier.ts";
import type { HostStatus } from "../status/schema.ts";
import { hostStatus } from "../status/status.ts";
import { clock } from "../system/clock.ts";
import { within } from "../system/event-loop.ts";
import { descriptorLimit, holdReserve } from "../system/fd-reserve.ts";
import { scriptEnvironment } from "../system/script-environment.ts";
import { formatDuration } from "../text/duration.ts";
import { version } from "../text/version.ts";
import { createEventLog, type EventLog } from "./event-log.ts";
import { createPlan, type Plan } from "./plan.ts";
import { createReloader, type Reloader, type Reread } from "./reload.ts";
import { runTrial } from "./trial.ts";

/** How long rounds in flight may go on once the daemon was asked to stop. */
const STOP_GRACE_MS = 5000;

/** Below what the command line waits for `status`. What has not ended by then has failed, and goes on. */
const LONGEST_STATUS_MS = 25_000;

/** How long answers that are already written may take to leave. */
const FLUSH_GRACE_MS = 500;

export interface Daemon {
  /** The address in use, with the port that was picked where 0 was asked for. */
  readonly address: Address;
  /** Reads the configuration again and takes it whole, or says in the log why not. */
  reload(): Promise<void>;
  /**
   * Answers unhealthy for the drain delay where `drain` says so; then lets rounds in flight end,
   * up to 5 s, and ends them. Resolves when nothing is left.
   */
  stop(drain: boolean): Promise<void>;
  /** Cuts the drain delay short; false where none is running. */
  hurry(): boolean;
}

export interface Surroundings {
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly reread: Reread;
}

/** Throws ListenError; nothing is left behind then. */
export async function startDaemon(options: Options, { log, env, reread }: Surroundings): Promise<Daemon> {
  const startedAt = Date.now();
  reapStrangers();
  holdReserve();
  const build = builder(env, log);
  let plan = createPlan(options, build);
  const notifier = await notifierFor(env, log);
  const events = besides(createEventLog(log), notifier);
  const directory = stateDirectory(options, env);
  const drainControl = new DrainControl({
    directory,
    log,
    onChange: () => notifier?.refresh(),
  });
  const monitor = createMonitor({ ...plan.settings, ...events });
  const nearMisses = createNearMisses(events);
  const answering = ({ options }: Plan) => createAnswer(options, monitor, drainControl, nearMisses);
  let answer = answering(plan);

  const reloader = createReloader({
    reread,
    createPlan: (next) => createPlan(next, build, plan),
    tryOut: (next, signal) => runTrial(plan, next, monitor, signal),
    // In force for the next request; those that wait are answered as they were asked.
    apply(next, trial) {
      plan = next;
      monitor.reconfigure(plan.settings, trial);
      answer = answering(plan);
      log.setLevel(plan.options.logLevel);
    },
    fixed: (next) => fixedWarnings(options, next.options),
    onStart: () => notifier?.reloading(),
    onEnd(report, change) {
      events.onReload(report);
      if (report.taken && change) {
        void events.onWatch([...change.changed.keys(), ...change.kindChanged, ...change.added]);
      }
      notifier?.reloaded();
    },
    onFault: events.onFault,
  });

  await using opened = new AsyncDisposableStack();
  if (options.controlSocket !== undefined) {
    const status = () => describe({ monitor, drainControl, reloader, startedAt });
    const controls = { status, reload: reloader.reload, drainControl };
    opened.use(await openControl(options.controlSocket, controls, log, events));
  }
  if (options.agentListener) {
    const { onFault } = events;
    opened.use(await openAgent(options.agentListener, monitor, { drainControl, directory, log, onFault }));
  }
  const descriptors = descriptorLimit();
  const health = await serveHealth({
    at: options.listener,
    handler: () => answer,
    failureStatus: () => plan.options.failureStatus,
    longestAnswerMs: () => plan.longestAnswerMs,
    maxConnections: () => connectionBound(plan.options.maxConnections, descriptors),
    onCrowded: (closed, most) => events.onCrowded("health", closed, most),
    onRefused: events.onRefused,
    log,
    onFault: events.onAnswerFault,
  });
  const others = opened.move();
  // With the listener in hand there is no other daemon at work whose place this one takes.
  const savedGroups = saveGroupsIn(directory, log);

  monitor.start();
  notifier?.begin({
    states: monitor.states,
    drainState: () => drainControl.current(),
    wasRefused: () => reloader.last?.taken === false,
  });
  announce(log, options, health.address, plan);
  const bound = connectionBound(options.maxConnections, descriptors);
  if (options.maxConnections !== undefined && bound < options.maxConnections) {
    log.warning("--max-connections is more than half of the descriptor limit", { used: bound, limit: descriptors });
  }
  await events.onWatch(plan.checks);
  const delay = createDelay();

  return {
    address: health.address,
    async reload() {
      await reloader.reload();
    },
    async stop(drain) {
      reloader.stop();
      const { drainDelayMs } = plan.options;
      const drains = drain && drainDelayMs > 0;
      notifier?.stopping(drains ? `draining for ${formatDuration(drainDelayMs)}, then stopping` : "stopping");
      if (drains) {
        drainControl.stop();
        log.info("draining", { for: formatDuration(drainDelayMs) });
        await delay.pass(drainDelayMs);
      }
      // Before the checks are ended, of which HAProxy would hear as failures.
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
    },
    hurry: delay.cut,
  };
}

const stateDirectory = (options: Options, env: Surroundings["env"]): string | undefined =>
  options.stateDirectory ?? (env["RUNTIME_DIRECTORY"]?.split(":")[0] || undefined);

function saveGroupsIn(directory: string | undefined, log: Log): SavedGroups | undefined {
  const boot = directory === undefined ? undefined : readBootId();
  return directory === undefined || boot === undefined ? undefined : openSavedGroups({ directory, log, boot });
}

/** Loaded where it is asked for, as is the agent. */
async function openControl(path: string, controls: Controls, log: Log, events: EventLog): Promise<AsyncDisposable> {
  const { startControl } = await import("../listeners/control/server.ts");
  const control = await startControl({
    path,
    controls,
    log,
    onCrowded: (closed, most) => events.onCrowded("control", closed, most),
  });
  return { [Symbol.asyncDispose]: () => control.close() };
}

interface AgentSurroundings extends Pick<AgentOptions, "directory" | "log" | "onFault"> {
  readonly drainControl: DrainControl;
}

async function openAgent(
  address: Address,
  monitor: Monitor,
  { drainControl, ...surroundings }: AgentSurroundings,
): Promise<AsyncDisposable> {
  const { startAgent } = await import("../listeners/haproxy-agent/server.ts");
  const agent = await startAgent({
    ...surroundings,
    address,
    drainState: () => drainControl.current(),
    verdict: (signal) => monitor.read() ?? monitor.ask({ signal }),
  });
  return { [Symbol.asyncDispose]: () => agent.stop() };
}

function createAnswer(
  { failureStatus, endpoints }: Options,
  { read, ask }: Monitor,
  drainControl: DrainControl,
  nearMisses: ReturnType<typeof createNearMisses>,
): HealthHandler {
  const paths = endpoints.map(({ path }) => path);
  return createHealthHandler({
    read,
    ask,
    isDraining: () => drainControl.current() !== undefined,
    failureStatus,
    endpoints: paths,
    onOtherPath: nearMisses(paths),
  });
}

function builder(env: Surroundings["env"], log: Log): (config: CheckConfig) => Check {
  const orphansOf = new Set<string>();
  const onOrphan = (check: string) => {
    const first = !orphansOf.has(check);
    orphansOf.add(check);
    log[first ? "warning" : "debug"]("a process left its group and still holds the output of a script", { check });
  };
  const context = { env: scriptEnvironment(env), onOrphan };
  return (config) => buildCheck(config, context);
}

/** What was opened at the start, and stays as it is. */
const FIXED = {
  listener: ({ listener }: Options) => formatAddress(listener),
  "control-socket": ({ controlSocket = "none" }: Options) => controlSocket,
  "state-directory": ({ stateDirectory = "not given" }: Options) => stateDirectory,
  "agent-listener": ({ agentListener }: Options) => (agentListener ? formatAddress(agentListener) : "none"),
  "log-format": ({ logFormat }: Options) => logFormat ?? "not given",
} as const;

const fixedWarnings = (before: Options, now: Options): readonly string[] =>
  Object.entries(FIXED).flatMap(([name, read]) =>
    read(before) === read(now) ? [] : [`${name}: ${read(now)} takes a restart, until then it is ${read(before)}`],
  );

interface Described {
  readonly monitor: Monitor;
  readonly drainControl: DrainControl;
  readonly reloader: Reloader;
  readonly startedAt: number;
}

async function describe({ monitor, drainControl, reloader, startedAt }: Described): Promise<HostStatus> {
  const { healthy, failing } = monitor.read() ?? (await monitor.runAll(LONGEST_STATUS_MS));
  const reports = monitor.states();
  return hostStatus({
    version,
    startedAt,
    healthy,
    failing,
    reports,
    drainState: drainControl.current(),
    reloading: reloader.underWay,
    lastReload: reloader.last,
    now: clock.now(),
  });
}

/** Undefined, and nothing is loaded for it, without a NOTIFY_SOCKET. */
async function notifierFor(env: Surroundings["env"], log: Log): Promise<Notifier | undefined> {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUsec, WATCHDOG_PID: watchdogPid } = env;
  if (!socket) return undefined;
  const { Notifier } = await import("../sd-notify/notifier.ts");
  return new Notifier({ socket, watchdogUsec, watchdogPid, log });
}

/** The same, with the notifier refreshed at each result. */
function besides(events: EventLog, notifier: Notifier | undefined): EventLog {
  if (!notifier) return events;
  return {
    ...events,
    onResult(...result) {
      events.onResult(...result);
      notifier.refresh();
    },
    onStale(...stale) {
      events.onStale(...stale);
      notifier.refresh();
    },
  };
}

function announce(log: Log, options: Options, address: Address, { checks }: Plan): void {
  const listening = { address: formatAddress(address), checks: checks.length, version };
  if (options.listenerIsDefault)
    log.info("listening on the default address (upstream's binary took port 5500); choose with --listener", listening);
  else log.info("listening", listening);
  for (const warning of options.warnings) log.warning("unwise configuration", { caution: warning });
}

/** One wait that can be cut short. */
function createDelay() {
  let end: (() => void) | undefined;
  return {
    async pass(ms: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      end = resolve;
      const cancel = clock.after(ms, resolve);
      await promise;
      cancel();
      end = undefined;
    },
    /** False where nothing waits. */
    cut(): boolean {
      end?.();
      return end !== undefined;
    },
  };
}
