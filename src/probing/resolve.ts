// Names to addresses, beside the connect and not in it: a name that hangs would
// block the runtime's few resolver threads for every other name.

import { dns } from "bun";
import { type Failure, failed } from "../checks/check.ts";
import { roundDuration } from "../duration.ts";

/** The runtime's pool has few threads, which file reads need too. */
const MAX_LOOKUPS = 4;

/** getaddrinfo(3). On Linux the runtime's default reads the hosts file in a way of its own, which gives wrong addresses. */
const BACKEND = process.platform === "linux" ? "libc" : "system";

export interface Addresses {
  readonly addresses: readonly string[];
  /** Set where they are remembered, since the resolver did not answer: says so, for the result. */
  readonly warning?: string;
}

export type Resolution = Addresses | Failure;

/** An address that was good this long ago may be another host's by now. */
const REMEMBER_MS = 3_600_000;

/** Without a better share of the asker's timeout, a resolver is called hung after this. */
const PATIENCE_MS = 2000;

/** What each name came to last, and when by performance.now(). Only names of the configuration are ever looked up. */
const lastGood = new Map<string, { readonly addresses: readonly string[]; readonly at: number }>();

const inFlight = new Map<string, Promise<Resolution>>();
/** Names that wait for a place, and how they are told of one. */
const queued = new Set<string>();
const waiting: (() => void)[] = [];
let lookups = 0;

/**
 * The addresses of a name in the order in which the system would try them.
 * Concurrent callers for one name share a look-up. When the resolver fails, or has
 * not answered after `patienceMs`, the last good addresses serve for up to an hour;
 * that a name does not exist is an answer. When the signal aborts first the
 * answer is a failure "timeout"; the look-up itself cannot be called off, so it goes
 * on and serves whoever asks next.
 */
export function resolve(host: string, signal: AbortSignal, patienceMs = PATIENCE_MS): Promise<Resolution> {
  let lookup = inFlight.get(host);
  if (!lookup) {
    lookup = lookUp(host).finally(() => inFlight.delete(host));
    inFlight.set(host, lookup);
  }
  const shared = lookup;
  return new Promise((done) => {
    const settle = (resolution: Resolution) => {
      signal.removeEventListener("abort", abandon);
      clearTimeout(patience);
      done(resolution);
    };
    const abandon = () => {
      const others = queued.has(host) ? `; ${MAX_LOOKUPS} look-ups of other names hang` : "";
      settle(failed("timeout", `looking up ${host}${others}`));
    };
    const patience = setTimeout(() => {
      const known = remembered(host, "the resolver has not answered");
      if (known) settle(known);
    }, patienceMs);
    if (signal.aborted) return abandon();
    signal.addEventListener("abort", abandon);
    void shared.then(settle);
  });
}

function remembered(host: string, why: string): Addresses | undefined {
  const known = lastGood.get(host);
  const ageMs = known && performance.now() - known.at;
  if (ageMs === undefined || ageMs > REMEMBER_MS) return undefined;
  return {
    addresses: known?.addresses ?? [],
    warning: `${why} for ${host}; used its address of ${roundDuration(ageMs)} ago`,
  };
}

async function lookUp(host: string): Promise<Resolution> {
  while (lookups >= MAX_LOOKUPS) {
    queued.add(host);
    await new Promise<void>((free) => waiting.push(free));
  }
  queued.delete(host);
  lookups++;
  try {
    const found = await dns.lookup(host, { backend: BACKEND });
    const addresses = [...new Set(found.map(({ address }) => address))];
    lastGood.set(host, { addresses, at: performance.now() });
    return { addresses };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code).replace(/^DNS_/, "") : String(error);
    const known = ["ENOTFOUND", "ENODATA", "ENONAME"].includes(code);
    if (known) {
      lastGood.delete(host);
      return failed("resolve", `${host} has no address (${code})`);
    }
    return (
      remembered(host, `the resolver failed (${code})`) ?? failed("resolve", `${host} cannot be looked up (${code})`)
    );
  } finally {
    lookups--;
    waiting.shift()?.();
  }
}
