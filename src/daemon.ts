// Wires the parts: options → checks → monitor → listener, and takes them down again.

import type { Check, CheckResult, CheckState, Failure, Reason, Verdict } from "./checks/check.ts";
import { kinds } from "./checks/index.ts";
import type { Options } from "./config/load.ts";
import { createMonitor } from "./core/monitor.ts";
import { formatDuration, roundDuration } from "./duration.ts";
import { createHealthHandler, unhealthyResponse } from "./http/health.ts";
import { listen } from "./http/listen.ts";
import type { Log } from "./log.ts";
import { type Address, formatAddress } from "./probing/address.ts";
import { holdReserve } from "./probing/descriptors.ts";
import { allGroupsGone, killAllGroups } from "./probing/group.ts";
import { version } from "./version.ts";

/** How long rounds in flight may go on once the daemon was asked to stop. */
const STOP_GRACE_MS = 5000;

/** How long answers that are already written may take to leave. */
const FLUSH_GRACE_MS = 500;

/** What is still down is said again this often, and this soon when it is down for another reason; an asker that left, likewise. */
const REMIND_MS = 5 * 60_000;
const NEW_REASON_MS = 10_000;

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
  const monitor = createMonitor({ checks, ...options, ...reporting(log) });
  const answer = createHealthHandler(monitor.ask, options.failureStatus);

  // A request may wait for a round to end and then for its own; Bun would cut it as idle.
  const longestAnswerS = (2 * Math.max(...checks.map(({ timeoutMs }) => timeoutMs))) / 1000 + 5;
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
      async fetch(request: Request, server: Bun.Server<undefined>) {
        if (log.verbose) log.debug("request", { method: request.method, url: request.url });
        if (!outlastsIdle) return answer(request);
        server.timeout(request, 0);
        const response = await answer(request);
        server.timeout(request, LONGEST_IDLE_S);
        return response;
      },
      error(error) {
        log.error("fault while answering", { error: error.stack ?? error.message });
        return unhealthyResponse(options.failureStatus);
      },
    } as Bun.Serve.Options<undefined>);

  const listener = await listen(options.listener, serveAt);
  const { server } = listener;
  const address = boundAddress(options.listener, server.port);
  await announce(log, options, address, checks);

  return {
    address,
    async stop() {
      const drained = server.stop();
      await settled(drained, STOP_GRACE_MS);
      monitor.abort();
      await settled(drained, FLUSH_GRACE_MS);
      await server.stop(true);
      killAllGroups();
      await allGroupsGone(FLUSH_GRACE_MS);
      await listener.close();
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
  const unique = createNaming();
  return [
    ...options.ports.map((address) =>
      kinds.tcp(unique(`tcp ${formatAddress(address)}`), address, options.portTimeoutMs),
    ),
    ...options.scripts.map(({ text, argv }) =>
      kinds.script(unique(`script ${text}`), { text, argv }, options.scriptTimeoutMs, { env, onOrphan }),
    ),
  ];
}

/** The second "tcp 127.0.0.1:80" is "tcp 127.0.0.1:80 #2". */
function createNaming(): (name: string) => string {
  const seen = new Map<string, number>();
  return (name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} #${count}`;
  };
}

/** What belongs to the daemon and its service manager is not handed on. */
const OUR_OWN = /^(NOTIFY_SOCKET|CREDENTIALS_DIRECTORY|WATCHDOG_.*|LISTEN_.*|BUN_.*)$/;

function scriptEnvironment(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined && !OUR_OWN.test(name)) kept[name] = value;
  return kept;
}

const boundAddress = (asked: Address, port: number | undefined): Address =>
  asked.family === "tcp" ? { ...asked, host: asked.host || "0.0.0.0", port: port ?? asked.port } : asked;

async function announce(log: Log, options: Options, address: Address, checks: readonly Check[]): Promise<void> {
  const listening = { address: formatAddress(address), checks: checks.length, version };
  if (options.listenerIsDefault)
    log.info("listening on the default address (upstream's binary took port 5500); choose with --listener", listening);
  else log.info("listening", listening);
  for (const { name, kind, target, timeoutMs, inspect } of checks) {
    log.info("check", { name, kind, target, timeout: formatDuration(timeoutMs) });
    for (const warning of (await inspect?.()) ?? []) log.warning("check will fail", { name, because: warning });
  }
}

/**
 * Changes at info, or warning where it is for the worse; steady results at debug.
 * What stays down is said again every five minutes, or sooner when its reason changes.
 */
function reporting(log: Log) {
  let abandonedSaidAt = Number.NEGATIVE_INFINITY;
  const lastSaid = new Map<Check, { readonly at: number; readonly reason: Reason }>();

  const sayDown = (result: CheckResult, outcome: Failure, before: CheckState, after: CheckState) => {
    const { check } = result;
    const now = performance.now();
    const said = before.status === "down" ? lastSaid.get(check) : undefined;
    const quietMs = said?.reason === outcome.reason ? REMIND_MS : NEW_REASON_MS;
    if (said && now - said.at < quietMs) return;
    lastSaid.set(check, { at: now, reason: outcome.reason });
    const { reason, message, output } = outcome;
    const fields = { check: check.name, reason, message, seconds: secondsOf(result), output };
    if (said) log.warning("check is still down", { ...fields, "down-for": roundDuration(now - after.since) });
    else log.warning("check is down", { ...fields, ...wasFor(before, after) });
  };

  return {
    onResult(result: CheckResult, before: CheckState, after: CheckState): void {
      const { check, outcome } = result;
      if (log.verbose) log.debug("result", { check: check.name, up: outcome.ok, seconds: secondsOf(result) });
      if (after.last !== result) return; // it came late: a newer one is known
      if (!outcome.ok) {
        if (outcome.reason === "internal") {
          log.error("fault in a probe; please report it", { check: check.name, error: outcome.message });
        }
        sayDown(result, outcome, before, after);
      } else if (after.status !== before.status) {
        log.info("check is up", { check: check.name, seconds: secondsOf(result), ...wasFor(before, after) });
      }
    },
    onAbandoned(results: readonly CheckResult[]): void {
      const now = performance.now();
      const unfinished = results.filter(({ outcome }) => !outcome.ok && outcome.reason === "deadline");
      if (unfinished.length === 0 || now - abandonedSaidAt < NEW_REASON_MS) return;
      abandonedSaidAt = now;
      log.warning("asker went away before the answer", {
        seconds: Math.max(...results.map(secondsOf)),
        unfinished: unfinished.map(({ check }) => check.name).join(", "),
      });
    },
    onVerdict(verdict: Verdict, before: Verdict | undefined): void {
      if (verdict.healthy === before?.healthy) return;
      if (verdict.healthy) log.info("host is healthy");
      else log.warning("host is unhealthy", { failing: verdict.failing.join(", ") });
    },
  };
}

const secondsOf = ({ durationMs }: CheckResult): number => Math.round(durationMs * 1000) / 1e6;

/** How long the state before lasted, where there was one. */
const wasFor = (before: CheckState, after: CheckState) =>
  before.status === "unknown" ? {} : { [`${before.status}-for`]: roundDuration(after.since - before.since) };

/** Waits for `promise`, at most `limitMs`. */
async function settled(promise: Promise<unknown>, limitMs: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
