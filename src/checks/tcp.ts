// tcp: passes when a connection to the target is accepted within the timeout.
// Nothing is sent. A name that has several addresses passes when one of them does.

import { type Address, formatAddress, isIPv4, isIPv6 } from "../probing/address.ts";
import { connect, type Peer, preparePeer } from "../probing/connect.ts";
import { resolve } from "../probing/resolve.ts";
import { type Check, type Failure, failed, type Outcome } from "./check.ts";

/** Ahead of RFC 8305's next attempt: an address that is dead does not eat the timeout of those that live. */
const NEXT_ADDRESS_MS = 250;

const UP: Outcome = { ok: true };

export function tcpCheck(name: string, address: Address, timeoutMs: number): Check {
  return { name, kind: "tcp", target: formatAddress(address), timeoutMs, probe: tcpProbe(address) };
}

function tcpProbe(address: Address): Check["probe"] {
  if (address.family === "unix" || isIPv4(address.host) || isIPv6(address.host)) {
    const peer = preparePeer(address);
    return async (signal) => (await connect(peer, signal)) ?? UP;
  }
  const { host, port } = address;
  let peers: { readonly addresses: string; readonly list: readonly Peer[] } | undefined;
  return async (signal) => {
    const resolution = await resolve(host, signal);
    if ("reason" in resolution) return resolution;
    const addresses = resolution.join();
    if (peers?.addresses !== addresses) {
      peers = { addresses, list: resolution.map((numeric) => preparePeer({ family: "tcp", host: numeric, port })) };
    }
    return (await connectToAny(peers.list, signal)) ?? UP;
  };
}

/** Starts with the first; the next starts when one has failed or is slow. The first to connect calls off the rest. */
function connectToAny(peers: readonly Peer[], signal: AbortSignal): Promise<Failure | undefined> {
  const [only] = peers;
  if (!only) return Promise.resolve(failed("resolve", "the name has no address"));
  if (peers.length === 1) return connect(only, signal);
  return new Promise((done) => {
    const race = new AbortController();
    const abort = () => race.abort();
    signal.addEventListener("abort", abort);
    const failures: Failure[] = [];
    let started = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const settle = (failure: Failure | undefined) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      race.abort();
      done(failure);
    };
    const next = () => {
      clearTimeout(timer);
      const peer = peers[started];
      if (!peer) return;
      started++;
      timer = setTimeout(next, NEXT_ADDRESS_MS);
      void connect(peer, race.signal).then((failure) => {
        if (!failure) return settle(undefined);
        failures.push(failure);
        if (failures.length === peers.length || (signal.aborted && failures.length === started)) settle(join(failures));
        else if (!signal.aborted) next();
      });
    };
    if (signal.aborted) abort();
    next();
  });
}

function join(failures: readonly Failure[]): Failure {
  const [first, ...rest] = failures;
  if (!first) return failed("resolve", "the name has no address");
  const late = failures.find(({ reason }) => reason === "timeout");
  return failed((late ?? first).reason, [first, ...rest].map(({ message }) => message).join("; "));
}
