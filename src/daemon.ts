// Wires the parts: options → checks → monitor → listener, and takes them down again.

import { buildCheck } from "./checks/build.ts";
import type { Check } from "./checks/check.ts";
import { scriptEnvironment } from "./checks/environment.ts";
import type { Options } from "./config/load.ts";
import type { Endpoint } from "./config/load-file.ts";
import { createMonitor } from "./core/monitor.ts";
import { formatDuration } from "./duration.ts";
import { createHealthHandler, unhealthyResponse } from "./http/health.ts";
import { listen } from "./http/listen.ts";
import type { Log } from "./log.ts";
import { type Address, formatAddress } from "./probing/network/address.ts";
import { allGroupsGone, killAllGroups } from "./probing/processes/group.ts";
import { holdReserve } from "./probing/system/descriptors.ts";
import { reporting } from "./reporting.ts";
import type { Notifier } from "./systemd.ts";
import { version } from "./version.ts";

/** How long rounds in flight may go on once the daemon was asked to stop. */
const STOP_GRACE_MS = 5000;

/** How long answers that are already written may take to leave. */
const FLUSH_GRACE_MS = 500;

/** Bun's limit for an idle connection, and what one is given at least. */
const LONGEST_IDLE_S = 255;
const SHORTEST_IDLE_S = 60;

export interface Daemon {
  /** The address in use, with the port that was picked where 0 was asked for. */
  readonly address: Address;
  /** Lets rounds in flight end, up to 5 s, then ends them; resolves when nothing is left. */
  stop(): Promise<void>;
}

export interface Surroundings {
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Throws ListenError; nothing is left behind then. */
export async function startDaemon(options: Options, { log, env }: Surroundings): Promise<Daemon> {
  holdReserve();
  const checks = buildChecks(options, scriptEnvironment(env), log);
  const { singleflight, maxRounds, deadlineMs, failureStatus, endpoints } = options;
  const groups = [checks, ...endpoints.map((endpoint) => checksOf(endpoint, checks))];
  const notifier = await notifierFor(env, log);
  const told = besides(reporting(log), notifier);
  const monitor = createMonitor({ groups, singleflight, maxRounds, deadlineMs, ...told });
  const answer = createHealthHandler({ ...monitor, failureStatus, endpoints: endpoints.map(({ path }) => path) });

  // A request may wait for a round to end and then for its own; Bun would cut it as idle.
  const longestRoundMs = Math.max(...checks.map(({ timeoutMs }) => timeoutMs));
  const longestAnswerS = (deadlineMs ?? 2 * longestRoundMs) / 1000 + 5;
  const outlastsIdle = longestAnswerS > LONGEST_IDLE_S;
  const serveAt = (at: Address) =>
    Bun.serve({
      ...(at.family === "unix" ? { unix: at.path } : { hostname: at.host, port: at.port }),
      development: false,
      // On by default: a second daemon would then share the port instead of being refused.
      reusePort: false,
      // A body is never read, so its size is nothing to refuse a request for.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      idleTimeout: outlastsIdle ? LONGEST_IDLE_S : Math.ceil(Math.max(SHORTEST_IDLE_S, longestAnswerS)),
      fetch(request: Request, server: Bun.Server<undefined>) {
        if (log.verbose) log.debug("request", { method: request.method, url: request.url });
        const answered = answer(request);
        if (!outlastsIdle || answered instanceof Response) return answered;
        server.timeout(request, 0);
        return answered.finally(() => server.timeout(request, LONGEST_IDLE_S));
      },
      error(error) {
        told.onAnswerFault(error);
        return unhealthyResponse(failureStatus);
      },
    } as Bun.Serve.Options<undefined>);

  const listener = await listen(options.listener, serveAt);
  const { server } = listener;
  const address = boundAddress(options.listener, server.port);
  monitor.start();
  notifier?.begin(monitor.states);
  await announce(log, options, address, checks);

  return {
    address,
    async stop() {
      notifier?.stopping();
      const drained = server.stop();
      await settled(drained, STOP_GRACE_MS);
      monitor.abort();
      await settled(drained, FLUSH_GRACE_MS);
      await server.stop(true);
      killAllGroups();
      await allGroupsGone(FLUSH_GRACE_MS);
      await listener.close();
      told.end();
      notifier?.close();
    },
  };
}

function buildChecks(options: Options, env: Readonly<Record<string, string>>, log: Log): readonly Check[] {
  const toldOrphans = new Set<string>();
  const onOrphan = (check: string) => {
    const first = !toldOrphans.has(check);
    toldOrphans.add(check);
    log[first ? "warning" : "debug"]("a process left its group and still holds the output of a script", { check });
  };
  return options.checks.map((config) => buildCheck(config, { env, onOrphan }));
}

const checksOf = ({ checks: names }: Endpoint, checks: readonly Check[]): readonly Check[] =>
  checks.filter(({ name }) => names.includes(name));

/** Undefined, and nothing loaded for it, where no service manager asked to be told. */
async function notifierFor(env: Surroundings["env"], log: Log): Promise<Notifier | undefined> {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUsec, WATCHDOG_PID: watchdogPid } = env;
  if (!socket) return undefined;
  const { createNotifier } = await import("./systemd.ts");
  return createNotifier({ socket, watchdogUsec, watchdogPid, log });
}

/** What is told to the log, and has the notifier look. */
function besides(told: ReturnType<typeof reporting>, notifier: Notifier | undefined): typeof told {
  if (!notifier) return told;
  return {
    ...told,
    onResult(...result) {
      told.onResult(...result);
      notifier.look();
    },
    onStale(...stale) {
      told.onStale(...stale);
      notifier.look();
    },
  };
}

const boundAddress = (asked: Address, port: number | undefined): Address =>
  asked.family === "tcp" ? { ...asked, host: asked.host || "0.0.0.0", port: port ?? asked.port } : asked;

async function announce(log: Log, options: Options, address: Address, checks: readonly Check[]): Promise<void> {
  const listening = { address: formatAddress(address), checks: checks.length, version };
  if (options.listenerIsDefault)
    log.info("listening on the default address (upstream's binary took port 5500); choose with --listener", listening);
  else log.info("listening", listening);
  for (const caution of options.cautions) log.warning("unwise configuration", { caution });
  for (const { name, kind, target, timeoutMs, intervalMs, severity, inspect } of checks) {
    const timeout = formatDuration(timeoutMs);
    const background = intervalMs === undefined ? {} : { interval: formatDuration(intervalMs) };
    log.info("check", { name, kind, target, timeout, ...background, ...(severity === "warning" && { severity }) });
    for (const warning of (await inspect?.()) ?? []) log.warning("check will fail", { name, because: warning });
  }
}

/** Waits for `promise`, at most `limitMs`. */
async function settled(promise: Promise<unknown>, limitMs: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
