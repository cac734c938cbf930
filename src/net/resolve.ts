// Names to addresses, beside the connect and not in it, since a look-up cannot be
// cancelled: its caller leaves in time, and a slow look-up delays neither other names
// nor other work of the runtime's threads.

import { dns } from "bun";
import { type Failure, failed, isFailure } from "../outcome.ts";
import { clock } from "../system/clock.ts";
import { unlessAborted } from "../system/event-loop.ts";
import { areFree, withReserve } from "../system/fd-reserve.ts";
import { retryWhileLacking } from "../system/retry.ts";
import { type Found, type LookUp, openLookUp } from "./getaddrinfo.ts";
import { createLastAddresses } from "./last-addresses.ts";

export interface Addresses {
  /** Numeric, in the order in which the system would try them. */
  readonly addresses: readonly string[];
  /** Set where they are remembered, since the resolver did not answer: says so, for the result. */
  readonly warning?: string;
}

export type Resolution = Addresses | Failure;

/** By default a resolver counts as hung after this. */
const MAX_WAIT_MS = 2000;

/** Of the twenty threads that glibc has for it. */
const MOST_ASIDE = 16;

/** A name whose last look-up took longer leaves a quarter of the places to the others. */
const SLOW_MS = 1000;

const lastAddresses = createLastAddresses(clock);

/**
 * The addresses of a name. When the resolver fails, or has not answered after
 * `maxWaitMs`, the last good ones serve for up to an hour; that a name does not
 * exist is an answer. When the signal aborts first, the answer is a failure "timeout".
 */
export async function resolve(host: string, signal: AbortSignal, maxWaitMs = MAX_WAIT_MS): Promise<Resolution> {
  const { promise: remembering, resolve: giveUp } = Promise.withResolvers<Resolution>();
  const timer = setTimeout(() => {
    const known = remembered(host, `the resolver has not answered for ${host}`);
    if (known) giveUp(known);
  }, maxWaitMs);
  // If addresses of the name are remembered, there is no need to wait for descriptors.
  const resolution = await Promise.race([remembering, lookUpWhile(host, signal, () => !lastAddresses.recall(host))]);
  clearTimeout(timer);
  if (!isFailure(resolution) || resolution.reason === "timeout") return resolution;
  return remembered(host, resolution.message) ?? resolution;
}

/** The same without remembered addresses. Concurrent callers for one name share a look-up, which goes on when they leave. */
export const resolveAnew = (host: string, signal: AbortSignal): Promise<Resolution> =>
  lookUpWhile(host, signal, () => true);

/** Tries again while this host lacks a resource for the look-up and `mayWait`. */
function lookUpWhile(host: string, signal: AbortSignal, mayWait: () => boolean): Promise<Resolution> {
  return retryWhileLacking<Resolution>(
    signal,
    async (lack) => {
      const resolution = await unlessAborted(share(host), signal, () => abandoned(host));
      return lack && isFailure(resolution) && resolution.reason === "timeout" ? lack : resolution;
    },
    (resolution) => isFailure(resolution) && resolution.reason === "resource" && mayWait(),
  );
}

function abandoned(host: string): Failure {
  const others = waiting.some((entry) => entry.host === host) ? `; look-ups of ${running} other names hang` : "";
  return failed("timeout", `looking up ${host}${others}`);
}

function remembered(host: string, why: string): Addresses | undefined {
  const known = lastAddresses.recall(host);
  return known && { addresses: known.addresses, warning: `${why}; ${known.note}` };
}

const inFlight = new Map<string, Promise<Resolution>>();

function share(host: string): Promise<Resolution> {
  let lookup = inFlight.get(host);
  if (!lookup) {
    lookup = lookUpInTurn(host).finally(() => inFlight.delete(host));
    inFlight.set(host, lookup);
  }
  return lookup;
}

/** Undefined until the first name: no daemon of ports alone pays for it. */
let system: { readonly lookUp: LookUp; readonly places: number } | undefined;

/** Names that wait for a place, the oldest first; `start` gives them one. */
const waiting: { readonly host: string; readonly start: () => void }[] = [];
const slow = new Set<string>();
let running = 0;

async function lookUpInTurn(host: string): Promise<Resolution> {
  system ??= openSystem();
  const { lookUp, places } = system;
  const mayStart = (name: string) => running < (slow.has(name) ? places - Math.floor(places / 4) : places);
  if (mayStart(host)) running++;
  // The look-up that frees a place takes it for the name that waits.
  else await new Promise<void>((start) => waiting.push({ host, start }));
  const start = performance.now();
  const starved = outOfDescriptors();
  const found = await lookUp(host);
  if (performance.now() - start > SLOW_MS) slow.add(host);
  else slow.delete(host);
  running--;
  const next = waiting.findIndex((entry) => mayStart(entry.host));
  if (next >= 0) {
    running++;
    waiting.splice(next, 1)[0]?.start();
  }
  return resolutionOf(host, found, starved || outOfDescriptors());
}

function resolutionOf(host: string, found: Found, starved: boolean): Resolution {
  if (typeof found !== "string") {
    lastAddresses.keep(host, found);
    return { addresses: found };
  }
  const code = found.replace(/^E(AI_)?/, "");
  if (["SYSTEM", "MEMORY", "NOMEM"].includes(code) || starved) {
    return failed("resource", `no descriptor or memory left to look up ${host} (${found})`);
  }
  if (!["NONAME", "NODATA", "NOTFOUND"].includes(code)) {
    return failed("resolve", `${host} cannot be looked up (${found})`);
  }
  lastAddresses.forget(host);
  return failed("resolve", `${host} has no address (${found})`);
}

/** A C library that cannot open its hosts file may say that a name does not exist. */
const outOfDescriptors = (): boolean => !areFree(1);

function openSystem() {
  // It may have failed for lack of a descriptor.
  const aside = openLookUp() ?? withReserve(openLookUp);
  if (aside) return { lookUp: aside, places: MOST_ASIDE };
  // One thread of the runtime's, of which there are as many as processors, is left to what else needs them.
  return { lookUp: lookUpByRuntime, places: Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)) };
}

/** getaddrinfo(3). On Linux the runtime's default reads the hosts file in a way of its own, which gives wrong addresses. */
async function lookUpByRuntime(host: string): Promise<Found> {
  try {
    const found = await dns.lookup(host, { backend: process.platform === "linux" ? "libc" : "system" });
    return [...new Set(found.map(({ address }) => address))];
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code).replace(/^DNS_/, "") : String(error);
  }
}
