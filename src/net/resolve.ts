// Resolves names to addresses. A look-up cannot be cancelled, so it is separate from the connect: its caller stops waiting
// in time, and a slow look-up delays neither other names nor other work of the runtime's threads.

import { dns } from "bun";
import { type Failure, failed, isFailure } from "../outcome.ts";
import { clock } from "../system/clock.ts";
import { unlessAborted } from "../system/event-loop.ts";
import { areFree, withReserve } from "../system/fd-reserve.ts";
import { retryWhileLacking } from "../system/retry.ts";
import { type LookUp, type LookUpResult, openLookUp } from "./getaddrinfo.ts";
import { createLastAddresses } from "./last-addresses.ts";

export interface Addresses {
  /** Numeric, in the order in which the system would try them. */
  readonly addresses: readonly string[];
  /** Set if these are remembered addresses, since the resolver did not answer: a warning for the outcome. */
  readonly warning?: string;
}

export type Resolution = Addresses | Failure;

/** How long to wait for the resolver before remembered addresses are used, by default. */
const MAX_WAIT_MS = 2000;

/** How many of glibc's twenty look-up threads we use. */
const MAX_GLIBC_LOOKUPS = 16;

/** If its last look-up took longer, a name may use only three quarters of the places. */
const SLOW_MS = 1000;

const lastAddresses = createLastAddresses(clock);

/**
 * The addresses of a name. If the resolver fails, or has not answered after `maxWaitMs`, the last good addresses are used
 * for up to an hour; "no such name" is an answer and not a failure of the resolver. If the signal aborts first, the result
 * is a failure "timeout".
 */
export async function resolve(host: string, signal: AbortSignal, maxWaitMs = MAX_WAIT_MS): Promise<Resolution> {
  const { promise: useRemembered, resolve: giveUp } = Promise.withResolvers<Resolution>();
  const timer = setTimeout(() => {
    const known = remembered(host, `the resolver has not answered for ${host}`);
    if (known) giveUp(known);
  }, maxWaitMs);
  // If addresses of the name are remembered, there is no need to wait for descriptors.
  const resolution = await Promise.race([useRemembered, lookUpWhile(host, signal, () => !lastAddresses.recall(host))]);
  clearTimeout(timer);
  if (!isFailure(resolution) || resolution.reason === "timeout") return resolution;
  return remembered(host, resolution.message) ?? resolution;
}

/** The same without remembered addresses. Concurrent callers for one name share a look-up, which continues when they leave. */
export const resolveFresh = (host: string, signal: AbortSignal): Promise<Resolution> =>
  lookUpWhile(host, signal, () => true);

/** Tries again while this host lacks a resource for the look-up and `mayWait`. */
function lookUpWhile(host: string, signal: AbortSignal, mayWait: () => boolean): Promise<Resolution> {
  return retryWhileLacking<Resolution>(
    signal,
    async (lack) => {
      const resolution = await unlessAborted(shareLookUp(host), signal, () => timeoutOf(host));
      return lack && isFailure(resolution) && resolution.reason === "timeout" ? lack : resolution;
    },
    (resolution) => isFailure(resolution) && resolution.reason === "resource" && mayWait(),
  );
}

function timeoutOf(host: string): Failure {
  const others = waiting.some((entry) => entry.host === host) ? `; lookups of ${running} other names hang` : "";
  return failed("timeout", `looking up ${host}${others}`);
}

function remembered(host: string, why: string): Addresses | undefined {
  const known = lastAddresses.recall(host);
  return known && { addresses: known.addresses, warning: `${why}; ${known.note}` };
}

const pending = new Map<string, Promise<Resolution>>();

function shareLookUp(host: string): Promise<Resolution> {
  let lookup = pending.get(host);
  if (!lookup) {
    lookup = lookUpInTurn(host).finally(() => pending.delete(host));
    pending.set(host, lookup);
  }
  return lookup;
}

/** Undefined until the first name: a daemon that only checks ports does not load it. */
let system: { readonly lookUp: LookUp; readonly places: number } | undefined;

/** Names that wait for a place, the oldest first; `start` begins their look-up. */
const waiting: { readonly host: string; readonly start: () => void }[] = [];
const slow = new Set<string>();
let running = 0;

async function lookUpInTurn(host: string): Promise<Resolution> {
  system ??= openSystem();
  const { lookUp, places } = system;
  const mayStart = (name: string) => running < (slow.has(name) ? places - Math.floor(places / 4) : places);
  if (mayStart(host)) running++;
  // The look-up that frees a place has already counted it as taken again.
  else await new Promise<void>((start) => waiting.push({ host, start }));
  const start = performance.now();
  const lackedBefore = lacksDescriptors();
  const found = await lookUp(host);
  if (performance.now() - start > SLOW_MS) slow.add(host);
  else slow.delete(host);
  running--;
  const next = waiting.findIndex((entry) => mayStart(entry.host));
  if (next >= 0) {
    running++;
    waiting.splice(next, 1)[0]?.start();
  }
  return resolutionOf(host, found, lackedBefore || lacksDescriptors());
}

function resolutionOf(host: string, found: LookUpResult, lacksResource: boolean): Resolution {
  if (typeof found !== "string") {
    lastAddresses.keep(host, found);
    return { addresses: found };
  }
  const code = found.replace(/^E(AI_)?/, "");
  if (["SYSTEM", "MEMORY", "NOMEM"].includes(code) || lacksResource) {
    return failed("resource", `no descriptor or memory left to look up ${host} (${found})`);
  }
  if (!["NONAME", "NODATA", "NOTFOUND"].includes(code)) {
    return failed("resolve", `${host} cannot be looked up (${found})`);
  }
  lastAddresses.forget(host);
  return failed("resolve", `${host} has no address (${found})`);
}

/** Without a descriptor the C library cannot open its hosts file, and may report that a name does not exist. */
const lacksDescriptors = (): boolean => !areFree(1);

function openSystem() {
  // The first attempt may fail for lack of a descriptor.
  const byGlibc = openLookUp() ?? withReserve(openLookUp);
  if (byGlibc) return { lookUp: byGlibc, places: MAX_GLIBC_LOOKUPS };
  // The runtime has as many threads as processors: leave one for other work.
  return { lookUp: lookUpByRuntime, places: Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)) };
}

/** getaddrinfo(3). The runtime's default on Linux parses the hosts file differently, and returns wrong addresses. */
async function lookUpByRuntime(host: string): Promise<LookUpResult> {
  try {
    const found = await dns.lookup(host, { backend: process.platform === "linux" ? "libc" : "system" });
    return [...new Set(found.map(({ address }) => address))];
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code).replace(/^DNS_/, "") : String(error);
  }
}
