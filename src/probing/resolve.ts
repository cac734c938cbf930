// Names to addresses, beside the connect and not in it: a name that hangs would
// block the runtime's few resolver threads for every other name.

import { dns } from "bun";
import { type Failure, failed } from "../checks/check.ts";

/** The runtime's pool has few threads, which file reads need too. */
const MAX_LOOKUPS = 4;

/** getaddrinfo(3). On Linux the runtime's default reads the hosts file in a way of its own, which gives wrong addresses. */
const BACKEND = process.platform === "linux" ? "libc" : "system";

type Resolution = readonly string[] | Failure;

const inFlight = new Map<string, Promise<Resolution>>();
/** Names that wait for a place, and how they are told of one. */
const queued = new Set<string>();
const waiting: (() => void)[] = [];
let lookups = 0;

/**
 * The addresses of a name in the order in which the system would try them.
 * Concurrent callers for one name share a look-up. When the signal aborts first
 * the answer is a failure "timeout"; the look-up itself cannot be called off, so
 * it goes on and serves whoever asks next.
 */
export function resolve(host: string, signal: AbortSignal): Promise<Resolution> {
  let lookup = inFlight.get(host);
  if (!lookup) {
    lookup = lookUp(host).finally(() => inFlight.delete(host));
    inFlight.set(host, lookup);
  }
  const shared = lookup;
  return new Promise((done) => {
    const abandon = () => {
      const others = queued.has(host) ? `; ${MAX_LOOKUPS} look-ups of other names hang` : "";
      done(failed("timeout", `looking up ${host}${others}`));
    };
    if (signal.aborted) return abandon();
    signal.addEventListener("abort", abandon);
    void shared.then((resolution) => {
      signal.removeEventListener("abort", abandon);
      done(resolution);
    });
  });
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
    return [...new Set(found.map(({ address }) => address))];
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code).replace(/^DNS_/, "") : String(error);
    const known = ["ENOTFOUND", "ENODATA", "ENONAME"].includes(code);
    return failed("resolve", known ? `${host} has no address (${code})` : `${host} cannot be looked up (${code})`);
  } finally {
    lookups--;
    waiting.shift()?.();
  }
}
