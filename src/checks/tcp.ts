// tcp: passes when a connection to the target is accepted within the timeout.
// Nothing is sent. A name that has several addresses passes when one of them does.

import { type Address, formatAddress, isIPv4, isIPv6 } from "../probing/address.ts";
import { connect, type Peer, preparePeer } from "../probing/connect.ts";
import { race } from "../probing/race.ts";
import { resolve } from "../probing/resolve.ts";
import type { Failure, Outcome, Probe } from "./check.ts";
import { address, takes } from "./fields.ts";
import { defineKind } from "./kind.ts";

const UP: Outcome = { ok: true };

export const tcp = defineKind({
  name: "tcp",
  value: "ADDRESS",
  rule: "a connection is accepted",
  shape: (z) => ({
    tcp: takes(z, address, "where to connect to; a bare port is on 127.0.0.1"),
  }),
  target: ({ tcp }) => formatAddress(tcp),
  peer: ({ tcp }) => tcp,
  probe: ({ tcp }, { timeoutMs }) => handshakeProbe(tcp, timeoutMs),
});

/** Connects, and closes again: by system calls, since this is what a host may be asked thousands of times a second. */
function handshakeProbe(address: Address, timeoutMs: number): Probe {
  if (address.family === "unix" || isIPv4(address.host) || isIPv6(address.host)) {
    const peer = preparePeer(address);
    return async (signal) => (await connect(peer, signal)) ?? UP;
  }
  const { host, port } = address;
  let peers: { readonly addresses: string; readonly list: readonly Peer[] } | undefined;
  return async (signal) => {
    const resolution = await resolve(host, signal, timeoutMs / 2);
    if ("reason" in resolution) return resolution;
    const { addresses, warning } = resolution;
    const joined = addresses.join();
    if (peers?.addresses !== joined) {
      peers = {
        addresses: joined,
        list: addresses.map((numeric) => preparePeer({ family: "tcp", host: numeric, port })),
      };
    }
    const up: Outcome = warning === undefined ? UP : { ok: true, warning };
    return race(
      peers.list,
      async (peer, raced): Promise<Outcome | Failure> => (await connect(peer, raced)) ?? up,
      signal,
    );
  };
}
